"""The semi-hard triplet loss against its definition and against tensorflow-addons."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

from mofa.triplet_loss import semihard_triplets, triplet_loss

LABELS = np.array([0, 0, 1, 2, 1, 2, 0, 3, 3, 4], np.int32)


@pytest.fixture
def embeddings(rng: np.random.Generator) -> np.ndarray:
    x = rng.normal(size=(len(LABELS), 4)).astype(np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def by_definition(x: np.ndarray, labels: np.ndarray, margin: float) -> float:
    losses = []
    for a in range(len(x)):
        others = [np.linalg.norm(x[a] - x[n]) for n in range(len(x)) if labels[n] != labels[a]]
        for p in range(len(x)):
            if p == a or labels[p] != labels[a]:
                continue
            distance = np.linalg.norm(x[a] - x[p])
            negative = min((d for d in others if d > distance), default=max(others))
            losses.append(max(0.0, margin + distance - negative))
    return float(np.mean(losses))


@pytest.mark.parametrize("margin", [0.2, 1.0])
@pytest.mark.parametrize("loss", [triplet_loss, semihard_triplets])
def test_mean_over_all_pairs_with_the_nearest_negative_beyond(
    embeddings: np.ndarray, margin: float, loss: object
) -> None:
    found = loss(tf.constant(embeddings), tf.constant(LABELS), margin)
    assert float(found) == pytest.approx(by_definition(embeddings, LABELS, margin), rel=1e-5)


def test_where_every_negative_is_nearer_the_farthest_counts() -> None:
    angles = np.array([0.0, np.pi, 0.5, 1.0], np.float32)  # the pair lies opposite
    x = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    labels = np.array([0, 0, 1, 2], np.int32)
    expected = by_definition(x, labels, 0.2)
    assert float(triplet_loss(x, labels, 0.2)) == pytest.approx(expected, rel=1e-5)
    assert float(semihard_triplets(x, labels, 0.2)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("loss", [triplet_loss, semihard_triplets])
@pytest.mark.parametrize("compiled", [False, True])
def test_a_batch_without_pairs_costs_nothing_and_moves_nothing(
    embeddings: np.ndarray, loss: Callable[..., tf.Tensor], compiled: bool
) -> None:
    def found(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = loss(x, tf.range(len(LABELS)), 0.2)
        return value, tape.gradient(value, x)

    run = tf.function(found, autograph=False) if compiled else found
    value, gradient = run(tf.constant(embeddings))
    assert float(value) == 0.0
    assert value.dtype == tf.float32
    np.testing.assert_array_equal(gradient, np.zeros_like(embeddings))


@pytest.mark.parametrize("dtype", [tf.float32, tf.float16])
def test_equals_tensorflow_addons(embeddings: np.ndarray, dtype: tf.DType) -> None:
    tfa = pytest.importorskip("tensorflow_addons")
    x = tf.cast(embeddings, dtype)
    x = tf.concat([x, x[:1]], axis=0)  # twice the same image: a distance of 0
    labels = tf.constant([*LABELS, 0])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        ours = semihard_triplets(x, labels, 0.2)
        theirs = tfa.losses.triplet_semihard_loss(labels, x, margin=0.2)
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    np.testing.assert_allclose(
        tape.gradient(ours, x), tape.gradient(theirs, x), rtol=1e-4, atol=1e-6
    )


def test_gradient_is_finite_where_two_images_are_the_same(embeddings: np.ndarray) -> None:
    x = tf.constant(np.concatenate([embeddings, embeddings[:1]]))
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = semihard_triplets(x, tf.constant([*LABELS, 0]), 0.2)
    assert np.isfinite(tape.gradient(loss, x)).all()
