"""A second network judges in its own crop, with its own threshold and references."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from resgn import judge as module
from resgn.calibration import calibrate_threshold
from resgn.faces.alignment import AlignedFaces
from resgn.faces.crops import BOX, FIVE_POINTS
from resgn.faces.dataset import FaceDataset
from resgn.faces.pairs import Pairs
from resgn.judge import Judge
from resgn.legitimate_pairs import LegitimatePairs
from resgn.target import Target
from resgn.verification_set import VerificationSet

SIDE = 8
SHIFT = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, -2.0]])


def network(images: tf.Tensor, training: bool = False) -> tf.Tensor:
    """An angle by the brightness of the first two rows: other crops give other angles."""
    angle = 3.0 * tf.reduce_mean(images[:, :2], axis=[1, 2, 3])
    return tf.stack([tf.cos(angle), tf.sin(angle)], -1)


def target(crop: str) -> Target:
    return Target("toy", tf.identity, lambda size: network, SIDE, (0.0,), crop=crop)


def crops(levels: np.ndarray, shifted: bool) -> np.ndarray:
    """Dark above, the person's level from the third row on; shifted crops begin at that row."""
    images = np.repeat(levels[:, None, None, None], SIDE, 1) * np.ones([1, 1, SIDE, 3])
    if not shifted:
        images[:, :2] = 0
    return images.astype(np.uint8)


@pytest.fixture
def legitimate(monkeypatch: pytest.MonkeyPatch) -> LegitimatePairs:
    """Three people with two images each, in the crop `box`; the level says who it is."""
    levels = np.array([40, 44, 120, 124, 200, 204])
    people = np.repeat(np.arange(3, dtype=np.int32), 2)
    identity = np.broadcast_to(np.eye(2, 3), (6, 2, 3))
    matrices = {BOX: identity, FIVE_POINTS: np.broadcast_to(SHIFT, (6, 2, 3))}
    faces = AlignedFaces(crops(levels, False), np.arange(6), people, BOX, matrices)

    def align(dataset: FaceDataset, rows: np.ndarray, size: int, crop: str) -> AlignedFaces:
        assert (rows.tolist(), size, crop) == ([0, 1, 2, 3, 4, 5], SIDE, FIVE_POINTS)
        return dataclasses.replace(faces, images=crops(levels, True), crop=crop)

    monkeypatch.setattr(module, "aligned_faces", align)
    drawn = Pairs(
        np.array([0, 2, 0, 3]), np.array([1, 3, 2, 4]), np.array([True, True, False, False])
    )
    toy = FaceDataset("toy", None, ("",) * 6, people, ("a", "b", "c"))  # type: ignore[arg-type]
    return LegitimatePairs(
        faces.images, np.zeros((6, 2), np.float32), {}, 0.5, 1.0, drawn, faces, toy
    )


def test_it_sees_its_own_crop(legitimate: LegitimatePairs) -> None:
    judge = Judge.of(target(FIVE_POINTS), legitimate)
    levels = np.array([40, 44, 120, 124, 200, 204]) / 255.0
    expected = np.stack([np.cos(3 * levels), np.sin(3 * levels)], -1)
    np.testing.assert_allclose(judge.references, expected, atol=1e-6)
    # Through the warp the images at hand give the same: the shifted rows are in them.
    seen = judge.embeddings(tf.identity, legitimate.images, np.arange(6))
    np.testing.assert_allclose(seen, expected, atol=1e-5)
    # In the crop at hand everybody looks the same.
    same = Judge.of(target(BOX), legitimate)
    np.testing.assert_allclose(same.references, [[1.0, 0.0]] * 6, atol=1e-6)


def test_its_threshold_is_the_best_on_the_pairs_drawn(legitimate: LegitimatePairs) -> None:
    judge = Judge.of(target(FIVE_POINTS), legitimate)
    drawn = legitimate.drawn
    assert drawn is not None
    difference = judge.references[drawn.probe] - judge.references[drawn.reference]
    expected = calibrate_threshold(np.sum(difference**2, -1), drawn.same)
    assert judge.threshold == pytest.approx(expected, abs=1e-5)


def test_columns_by_hand(legitimate: LegitimatePairs) -> None:
    """Attacked, the first person looks like the second and the second like the first."""
    judge = Judge.of(target(FIVE_POINTS), legitimate)
    attacked = crops(np.array([120, 44]), False)
    pairs = VerificationSet(
        legitimate.images,
        legitimate.embeddings,
        probe=np.array([0, 2]),
        reference=np.array([1, 0]),
        same=np.array([True, False]),
        adversarial=attacked,
        threshold=0.5,
    )
    found = judge.outcomes(tf.identity, pairs)
    assert {column: seen.tolist() for column, seen in found.items()} == {
        "dodging": [False],
        "impersonation": [False],
        "legitimate": [True, True],
    }
    # A cleaner that makes everybody the third person.
    third = tf.constant(crops(np.array([200]), False), tf.float32) / 255.0
    found = judge.outcomes(lambda x: tf.zeros_like(x) + third, pairs)
    assert found["dodging"].tolist() == [False]
    assert found["impersonation"].tolist() == [True]
    assert found["legitimate"].tolist() == [False, True]


def test_an_attack_goes_through_crop_and_warp(legitimate: LegitimatePairs) -> None:
    """The gradient lies on the rows that the judge sees, and nowhere else."""
    judge = Judge.of(target(FIVE_POINTS), legitimate)
    images = tf.constant(legitimate.images[:2], tf.float32) / 255.0
    with tf.GradientTape() as tape:
        tape.watch(images)
        value = tf.reduce_sum(judge.look(images, tf.constant(judge.views[:2]))[:, 1])
    gradient = np.abs(tape.gradient(value, images).numpy()).sum((0, 2, 3))
    assert (gradient[2:4] > 0).all()
    assert gradient[:2].max() == gradient[4:].max() == 0.0


def test_pairs_that_are_no_photographs(legitimate: LegitimatePairs) -> None:
    bare = dataclasses.replace(legitimate, faces=None)
    with pytest.raises(ValueError, match="a judge needs pairs of photographs"):
        Judge.of(target(BOX), bare)
