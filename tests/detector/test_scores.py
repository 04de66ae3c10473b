from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf

from detector.divergence import jensen_shannon
from detector.scores import SCORES, DetectionScores, reconstruction_norms


def darker(images: tf.Tensor) -> tf.Tensor:
    return 0.5 * images


def colours(images: tf.Tensor) -> tf.Tensor:
    """Three "identities": which colour prevails."""
    return 20.0 * tf.reduce_mean(images, axis=[1, 2])


def test_norms_by_hand() -> None:
    images = np.zeros((2, 1, 2, 3), np.float32)
    images[0, 0, 0] = [0.3, 0.0, 0.4]
    norms = reconstruction_norms(images, np.zeros_like(images))
    np.testing.assert_allclose(norms["l1"], [0.7, 0.0], atol=1e-6)
    np.testing.assert_allclose(norms["l2"], [0.5, 0.0], atol=1e-6)
    np.testing.assert_allclose(norms["linf"], [0.4, 0.0], atol=1e-6)


def test_norms_agree_with_numpy(rng: np.random.Generator) -> None:
    images, others = rng.random((2, 4, 5, 6, 3)).astype(np.float32)
    norms = reconstruction_norms(images, others)
    difference = (images - others).reshape(4, -1)
    for name, order in (("l1", 1), ("l2", 2), ("linf", np.inf)):
        np.testing.assert_allclose(norms[name], np.linalg.norm(difference, order, 1), rtol=1e-5)


def test_a_perfect_reconstruction_has_a_gradient() -> None:
    images = tf.ones([1, 2, 2, 3])
    with tf.GradientTape() as tape:
        tape.watch(images)
        value = reconstruction_norms(images, tf.ones([1, 2, 2, 3]))["l2"]
    np.testing.assert_array_equal(tape.gradient(value, images), 0.0)


def test_nan_is_not_hidden(rng: np.random.Generator) -> None:
    images = tf.constant(rng.random((1, 4, 4, 3)), tf.float32)
    for reconstruct in (lambda x: x * np.nan, lambda x: tf.where(x > 0.5, np.nan, x)):
        scores = DetectionScores(reconstruct, colours)(images)
        assert all(np.isnan(scores[name]).all() for name in SCORES), scores


def test_js_compares_the_classifiers_outputs(rng: np.random.Generator) -> None:
    images = rng.random((3, 4, 4, 3)).astype(np.float32)
    p, q = (tf.nn.softmax(colours(x) / 2.0) for x in (images, darker(images)))
    scores = DetectionScores(darker, colours, temperature=2.0)(tf.constant(images))
    assert tuple(scores) == SCORES
    np.testing.assert_allclose(scores["js"], jensen_shannon(p, q), atol=1e-6)
    np.testing.assert_allclose(scores["linf"], images.max((1, 2, 3)) / 2.0, atol=1e-6)


def test_without_a_classifier_there_is_no_js(rng: np.random.Generator) -> None:
    scores = DetectionScores(darker)
    assert scores.names == ("l1", "l2", "linf")
    assert set(scores.measure(rng.random((2, 4, 4, 3)))) == {"l1", "l2", "linf"}


def test_every_score_can_be_attacked(rng: np.random.Generator) -> None:
    images = tf.constant(rng.random((2, 4, 4, 3)), tf.float32)
    scores = DetectionScores(darker, colours)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(images)
        values = scores(images)
    for name in SCORES:
        gradient = tape.gradient(values[name], images).numpy()
        assert np.isfinite(gradient).all()
        assert np.abs(gradient).max() > 0.0


@pytest.mark.parametrize("count", [1, 4, 8, 10])
def test_batches_change_nothing_and_compile_once(count: int, rng: np.random.Generator) -> None:
    images = rng.integers(0, 256, (count, 4, 4, 3), np.uint8)
    scores = DetectionScores(darker, colours)
    seen: list[int] = []
    measured = scores.measure(images, batch_size=4, on_batch=seen.append)
    assert sum(seen) == count
    whole = scores(tf.constant(images, tf.float32) / 255.0)
    for name in SCORES:
        assert measured[name].shape == (count,)
        np.testing.assert_allclose(measured[name], whole[name], rtol=1e-5, atol=1e-6)
    traces = scores.traces
    scores.measure(images, batch_size=4)
    assert traces == 1
    assert scores.traces == traces


def test_wrong_shapes_are_refused() -> None:
    for shape in ((4, 4, 3), (0, 4, 4, 3), (1, 4, 4, 1)):
        with pytest.raises(ValueError, match=r"expected \[N, H, W, 3\] with N > 0"):
            DetectionScores(darker).measure(np.zeros(shape))


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.inf, math.nan])
def test_wrong_temperatures_are_refused(temperature: float) -> None:
    with pytest.raises(ValueError, match="temperature must be above 0"):
        DetectionScores(darker, colours, temperature)
