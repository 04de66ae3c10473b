"""Embeddings whose noise is known."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from resgn.smoothing import Whitening

PEOPLE, COPIES, SIZE = 300, 12, 5
LEAN = np.array([0.0, 3.0, 0.0, 0.0, 0.0])


@pytest.fixture(scope="module")
def embeddings() -> np.ndarray:
    """All lean one way; noise is loud in the first direction; the last one is silent."""
    rng = np.random.default_rng(0)
    people = rng.normal(size=(PEOPLE, 1, SIZE))
    noise = rng.normal(size=(PEOPLE, COPIES, SIZE)) * [4.0, 0.5, 0.5, 0.5, 0.0]
    found = LEAN + people * [1.0, 1.0, 1.0, 1.0, 0.0] + noise
    return found.astype(np.float32)


def test_the_mean_goes_and_each_direction_is_divided_by_its_noise(embeddings: np.ndarray) -> None:
    """By hand: noise of 16, 1/4, 1/4, 1/4; the mean of 4.1875 is added to each."""
    whitening = Whitening.of(embeddings)
    assert whitening.centre == pytest.approx(LEAN, abs=0.3)
    assert whitening.directions.shape == (SIZE, SIZE - 1)  # nothing speaks in the last one
    found = whitening.directions @ whitening.directions.T
    mean = (16 + 3 * 0.25) / 4
    expected = [1 / (1 + 16 / mean), *3 * [1 / (1 + 0.25 / mean)], 0.0]
    np.testing.assert_allclose(np.diag(found), expected, rtol=0.06, atol=1e-6)
    assert np.abs(found - np.diag(np.diag(found))).max() < 0.02


def test_gives_unit_vectors_and_a_gradient(embeddings: np.ndarray) -> None:
    whitening = Whitening.of(embeddings)
    inputs = tf.constant(embeddings[:3])
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        found = whitening(inputs)
        first = tf.reduce_sum(found[..., 0])
    assert found.shape == (3, COPIES, SIZE - 1)
    np.testing.assert_allclose(np.linalg.norm(found, axis=-1), 1.0, rtol=1e-5)
    by_hand = (embeddings[:3] - whitening.centre) @ whitening.directions
    by_hand /= np.linalg.norm(by_hand, axis=-1, keepdims=True)
    np.testing.assert_allclose(found, by_hand, atol=1e-5)
    assert np.abs(tape.gradient(first, inputs)).max() > 0


def test_copies_of_one_face_come_nearer_than_before(embeddings: np.ndarray) -> None:
    """Measured on half of the people, looked at on the others, by angles within and between."""

    def ratio(found: np.ndarray) -> float:
        unit = found / np.linalg.norm(found, axis=-1, keepdims=True)
        within = np.mean(np.sum(unit[:, 0] * unit[:, 1], axis=-1))
        between = np.mean(np.sum(unit[1:, 0] * unit[:-1, 1], axis=-1))
        return (1 - within) / (1 - between)

    whitening = Whitening.of(embeddings[: PEOPLE // 2])
    others = embeddings[PEOPLE // 2 :]
    centred = others - LEAN.astype(np.float32)
    assert ratio(whitening(others).numpy()) < 0.85 * ratio(centred)


def test_without_any_noise_directions_stay() -> None:
    rng = np.random.default_rng(1)
    still = np.repeat(rng.normal(size=(40, 1, 3)), 2, axis=1).astype(np.float32)
    whitening = Whitening.of(still)
    found = whitening.directions @ whitening.directions.T
    np.testing.assert_allclose(found, np.eye(3), atol=1e-5)
