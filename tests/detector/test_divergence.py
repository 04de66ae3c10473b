from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf
from scipy.spatial.distance import jensenshannon

from detector.divergence import LARGEST, jensen_shannon, probabilities


def test_by_hand() -> None:
    # M = (3/4, 1/4): (1 log(4/3) + 1/2 log(2/3) + 1/2 log 2) / 2.
    expected = (math.log(4 / 3) + 0.5 * math.log(2 / 3) + 0.5 * math.log(2)) / 2
    value = jensen_shannon(tf.constant([1.0, 0.0]), tf.constant([0.5, 0.5]))
    assert float(value) == pytest.approx(expected, abs=1e-6)


def test_agrees_with_scipy(rng: np.random.Generator) -> None:
    p, q = rng.dirichlet(np.full(7, 0.3), (2, 20)).astype(np.float32)
    expected = jensenshannon(p, q, axis=-1) ** 2  # SciPy gives the root, natural logarithm
    np.testing.assert_allclose(jensen_shannon(p, q), expected, atol=1e-6)
    np.testing.assert_allclose(jensen_shannon(q, p), expected, atol=1e-6)


def test_ends_of_the_range() -> None:
    first, second = tf.eye(2)
    assert float(jensen_shannon(first, first)) == 0.0
    assert float(jensen_shannon(first, second)) == pytest.approx(LARGEST, abs=1e-6)


def test_gradient_against_finite_differences(rng: np.random.Generator) -> None:
    logits = tf.constant(rng.normal(size=(3, 5)), tf.float64)
    q = tf.constant(rng.dirichlet(np.ones(5), 3))

    def value(x: tf.Tensor) -> tf.Tensor:
        return jensen_shannon(tf.nn.softmax(x), q)

    theoretical, numerical = tf.test.compute_gradient(value, [logits], delta=1e-4)
    np.testing.assert_allclose(theoretical[0], numerical[0], atol=1e-6)


def test_gradient_is_finite_where_probabilities_vanish() -> None:
    logits = tf.constant([[1000.0, 0.0], [0.0, 0.0]])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        value = jensen_shannon(tf.nn.softmax(logits), tf.constant([[0.0, 1.0], [0.5, 0.5]]))
    assert np.isfinite(tape.gradient(value, logits)).all()


def test_temperature_softens() -> None:
    logits = tf.constant([[10.0, 0.0]])
    # softmax(10, 0) at temperature 10 is softmax(1, 0).
    expected = 1.0 / (1.0 + math.exp(-1.0))
    assert float(probabilities(logits, 10.0)[0, 0]) == pytest.approx(expected)
