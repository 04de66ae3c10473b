from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf

from attacks.criteria import squared_distance as attackers_distance
from resgn.verification import score, squared_distance, verification_loss


def test_distance_of_unit_vectors_is_squared() -> None:
    # Orthogonal: 1 + 1 = 2; opposite: 2^2 = 4; equal: 0.
    a = tf.constant([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    b = tf.constant([[0.0, 1.0], [-1.0, 0.0], [1.0, 0.0]])
    np.testing.assert_allclose(squared_distance(a, b), [2.0, 4.0, 0.0])


def test_attacks_measure_the_same_distance(rng: np.random.Generator) -> None:
    a, b = tf.math.l2_normalize(rng.normal(size=(2, 6, 9)), -1)
    np.testing.assert_allclose(squared_distance(a, b), attackers_distance(a, b), atol=1e-12)


def test_score_by_hand() -> None:
    # Threshold 1.1. Half of it: 0.25. The threshold: 0.5. The middle of 1.1 and 4, 2.55: 0.75.
    distance = tf.constant([0.0, 0.55, 1.1, 2.55, 4.0])
    np.testing.assert_allclose(score(distance, 1.1), [0.0, 0.25, 0.5, 0.75, 1.0], atol=1e-6)


def test_score_rises_throughout() -> None:
    values = score(tf.linspace(0.0, 4.0, 500), 0.17).numpy()
    assert (np.diff(values) > 0).all()


def test_loss_by_hand() -> None:
    # -log(1 - 0.25) at half the threshold, log 2 at the threshold.
    loss = verification_loss(tf.constant([0.0, 0.55, 1.1]), 1.1)
    np.testing.assert_allclose(loss, [0.0, -math.log(0.75), math.log(2.0)], atol=1e-6)


def test_loss_stays_finite_at_the_largest_distance() -> None:
    assert np.isfinite(verification_loss(tf.constant([3.999999, 4.0]), 1.1)).all()


@pytest.mark.parametrize("threshold", [0.17, 1.1])
def test_loss_gradient_against_finite_differences(threshold: float) -> None:
    at = tf.constant([0.05, 0.4, 1.0, 1.3, 2.9], tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(at)
        loss = verification_loss(at, threshold)
    step = 1e-6
    difference = verification_loss(at + step, threshold) - verification_loss(at - step, threshold)
    np.testing.assert_allclose(tape.gradient(loss, at), difference / (2 * step), rtol=1e-6)
