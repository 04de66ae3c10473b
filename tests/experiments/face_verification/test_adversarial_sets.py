"""A set is read from the cache only if everything that decides it is the same."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from experiments.face_verification import adversarial_sets
from experiments.face_verification.adversarial_sets import attacked
from resgn.faces.pairs import Pairs
from resgn.legitimate_pairs import LegitimatePairs

SIDE, EPSILON = 4, 0.05


def target(images: tf.Tensor) -> tf.Tensor:
    """Embeddings `[N, 2]` that follow the mean colour."""
    mean = tf.reduce_mean(images, [1, 2])
    return tf.math.l2_normalize(tf.stack([mean[:, 0], mean[:, 1] + 0.1], -1), -1)


def changed(legitimate: LegitimatePairs, **pairs: np.ndarray) -> LegitimatePairs:
    parts = {"test": dataclasses.replace(legitimate.parts["test"], **pairs)}
    return dataclasses.replace(legitimate, parts=parts)


@pytest.fixture
def legitimate(rng: np.random.Generator) -> LegitimatePairs:
    images = rng.integers(60, 200, (4, SIDE, SIDE, 3), np.uint8)
    embeddings = target(tf.constant(images, tf.float32) / 255.0).numpy()
    pairs = Pairs(np.array([0, 1]), np.array([2, 3]), np.array([True, False]))
    return LegitimatePairs(images, embeddings, {"test": pairs}, threshold=0.5, verified=1.0)


@pytest.fixture
def crafts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., bool]:
    """Whether a set had to be crafted."""
    monkeypatch.setenv("RESGN_CACHE_DIR", str(tmp_path))
    calls: list[int] = []
    craft = adversarial_sets._craft

    def counting(*arguments: object) -> np.ndarray:
        calls.append(1)
        return craft(*arguments)

    monkeypatch.setattr(adversarial_sets, "_craft", counting)

    def run(legitimate: LegitimatePairs, identity: str = "toy", epsilon: float = EPSILON) -> bool:
        before = len(calls)
        found = attacked(legitimate, "test", target, identity, [epsilon])[epsilon]  # type: ignore[arg-type]
        assert found.adversarial.shape == (2, SIDE, SIDE, 3)
        return len(calls) > before

    return run


def test_the_same_set_is_crafted_once(
    legitimate: LegitimatePairs, crafts: Callable[..., bool]
) -> None:
    assert crafts(legitimate)
    assert not crafts(legitimate)


def test_another_reference_behind_the_same_number(
    legitimate: LegitimatePairs, crafts: Callable[..., bool]
) -> None:
    """As after a photograph was replaced: probes and rows are the same."""
    assert crafts(legitimate)
    embeddings = legitimate.embeddings.copy()
    embeddings[3] = embeddings[3, ::-1]
    assert crafts(dataclasses.replace(legitimate, embeddings=embeddings))


def test_everything_else_that_decides_a_set(
    legitimate: LegitimatePairs, crafts: Callable[..., bool]
) -> None:
    assert crafts(legitimate)
    images = legitimate.images.copy()
    images[0, 0, 0, 0] ^= 1
    assert crafts(dataclasses.replace(legitimate, images=images))
    assert crafts(changed(legitimate, same=np.array([False, False])))
    assert crafts(dataclasses.replace(legitimate, threshold=0.4))
    assert crafts(legitimate, identity="other weights")
    assert crafts(legitimate, epsilon=0.06)
    assert not crafts(legitimate)
    # A reference that is nobody's decides nothing.
    embeddings = legitimate.embeddings.copy()
    embeddings[0] = embeddings[0, ::-1]
    assert not crafts(dataclasses.replace(legitimate, embeddings=embeddings))
