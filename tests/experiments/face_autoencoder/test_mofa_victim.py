"""What counts as a successful attack on MoFA, on an encoder and classifier one can see through."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from attacks import equation_1
from experiments.face_autoencoder.mofa_victim import Attacked, AttackedPairs, Victim
from mofa import code as codes
from mofa.photographs import Photographs
from resgn.target import embed_all
from weights.errors import InputError

TERMS = equation_1(codes.SLICES)


def encode(images: tf.Tensor) -> tf.Tensor:
    """Every number of the code is the mean of red, but for albedo, which is that of blue."""
    mean = tf.reduce_mean(images, axis=[1, 2])
    parts = [
        tf.repeat(mean[:, 2:3] if name == "albedo" else mean[:, 0:1], size, axis=-1)
        for name, size in codes.SIZES.items()
    ]
    return tf.concat(parts, axis=-1)


class ByAngle:
    """Two numbers of the code are cosine and sine: blue turns the embedding."""

    kind, threshold = "code", 0.5

    def embed(self, x: tf.Tensor) -> tf.Tensor:
        angle = np.pi * x[:, codes.SLICES["albedo"].start]
        return tf.stack([tf.cos(angle), tf.sin(angle)], axis=-1)


def picture(red: float, blue: float) -> np.ndarray:
    return np.broadcast_to(np.float32([red, 0.0, blue]), (4, 4, 3)).copy()


def pairs() -> AttackedPairs:
    victim = Victim(encode, {"code": ByAngle()})
    sources = np.stack([picture(0.0, 0.0), picture(0.2, 0.0)])
    targets = np.stack([picture(1.0, 1.0), picture(0.6, 0.5)])
    return AttackedPairs.of(victim, sources, targets)


def test_success_is_to_be_the_target_and_no_longer_the_source() -> None:
    both = pairs()
    # Angles of 0 and 180 degrees, and of 0 and 90: 0.5 is 60 degrees.
    source, target = both.similarities("code", np.stack([picture(0, 0.75), picture(0, 0.25)]))
    np.testing.assert_allclose(source, [np.cos(0.75 * np.pi), np.sqrt(0.5)], atol=1e-5)
    np.testing.assert_allclose(target, [np.sqrt(0.5), np.sqrt(0.5)], atol=1e-5)
    found = both.success("code", np.stack([picture(0, 0.75), picture(0, 0.25)]))
    np.testing.assert_array_equal(found, [True, False])  # the second is still its source
    assert not both.success("code", both.sources).any()
    assert both.success("code", both.targets).all()


def test_way_is_the_share_of_the_distance_that_is_covered() -> None:
    both = pairs()
    half = 0.5 * (both.sources + both.targets)
    np.testing.assert_allclose(both.way(half, TERMS), [0.5, 0.5], atol=1e-5)
    np.testing.assert_allclose(both.way(both.targets, TERMS), [1.0, 1.0], atol=1e-5)
    # Of albedo alone: blue has gone all the way and red none.
    blue = np.stack([picture(0.0, 1.0), picture(0.2, 0.5)])
    only = both.way(blue, {"albedo": TERMS["albedo"]}, ("albedo",))
    np.testing.assert_allclose(only, [1.0, 1.0], atol=1e-5)


def test_matching_a_part_asks_for_the_rest_to_stay() -> None:
    both = pairs()
    criterion = both.match(TERMS, ("albedo",))
    blue = np.stack([picture(0.0, 1.0), picture(0.2, 0.5)])
    loss = criterion.loss(encode(tf.constant(blue)), *criterion.tensors())
    np.testing.assert_allclose(loss, [0.0, 0.0], atol=1e-5)
    everything = criterion.loss(encode(tf.constant(both.targets)), *criterion.tensors())
    assert (everything.numpy() < -0.1).all()


def test_measures_float_8_bit_and_jpeg() -> None:
    both = pairs()
    # What is stored of the second did not get there.
    stored = np.stack([both.targets[0], both.sources[1]])
    seen = []

    def blackened(images: np.ndarray) -> np.ndarray:
        seen.append(images)
        return np.zeros_like(images)

    found = both.measure("code", Attacked(both.targets, stored), TERMS, blackened)
    assert found["success"].value == 1.0
    assert found["success_8bit"].value == 0.5
    np.testing.assert_array_equal(seen, [stored])
    assert found["success_jpeg"].value == 0.0  # black is no target
    assert found["matched"].value == 1.0
    assert found["change"].value == pytest.approx(255 * (1.0 + 0.5) / 2, abs=0.01)


def test_only_pairs_that_are_told_apart_are_drawn() -> None:
    victim = Victim(encode, {"code": ByAngle()})
    # Four people, of whom two look alike: angles 0, 10, 90 and 180 degrees.
    blues = (0.0, 10 / 180, 0.5, 1.0)
    images = np.stack([np.round(255 * picture(0.0, b)).astype(np.uint8) for b in blues])
    people = Photographs(images, np.zeros((4, 5, 2), np.float32), np.arange(4))
    for seed in range(6):
        drawn = AttackedPairs.drawn(victim, people, 2, seed)
        assert len(drawn) == 2
        assert 0.0 < drawn.told_apart <= 1.0
        source = victim.embeddings("code", drawn.sources)
        target = victim.embeddings("code", drawn.targets)
        assert (np.sum(source * target, axis=-1) < 0.5).all()
    alike = people.part(np.arange(2))
    with pytest.raises(InputError, match="tell 0 apart; 1 are asked for: lower `pairs`"):
        AttackedPairs.drawn(victim, alike, 1, 0)


def test_batches_fill_up_and_cut_off() -> None:
    images = np.arange(5, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 3), np.uint8)
    sizes = []

    def mean(x: tf.Tensor) -> tf.Tensor:
        sizes.append(len(x))
        return tf.reduce_mean(x, axis=[1, 2, 3])[:, None]

    found = embed_all(mean, images, 3)
    np.testing.assert_allclose(found[:, 0], np.arange(5) / 255.0, atol=1e-6)
    assert sizes == [3, 3]
