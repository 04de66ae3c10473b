"""Balls around many images at once, and what is not finite."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from attacks.norms import Norm, projection, where_finite

RNG = np.random.default_rng(0)
IMAGES = RNG.random((2, 3, 4, 3), np.float32)
CANDIDATES = IMAGES + RNG.normal(0.0, 0.5, (3, 2, 3, 4, 3)).astype(np.float32)
RADII = np.array([[0.1, 0.2], [0.3, 0.01], [4.0, 0.5]], np.float32)
MASK = (RNG.random((2, 3, 4, 1)) < 0.5).astype(np.float32)


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("mask", [None, MASK])
def test_several_balls_around_each_image(norm: Norm, mask: np.ndarray | None) -> None:
    found = projection(tf.constant(IMAGES), tf.constant(RADII), norm, mask)(CANDIDATES).numpy()
    assert found.shape == CANDIDATES.shape
    for budget in range(3):
        for image in range(2):
            change = CANDIDATES[budget, image] - IMAGES[image]
            if mask is not None:
                change = change * mask[image]
            radius = RADII[budget, image]
            if norm == "linf":
                change = np.clip(change, -radius, radius)
            else:
                change = change * min(1.0, radius / np.linalg.norm(change))
            wanted = np.clip(IMAGES[image] + change, 0.0, 1.0)
            np.testing.assert_allclose(found[budget, image], wanted, atol=1e-6)


@pytest.mark.parametrize("wrong", [(np.nan,), (np.inf,), (np.inf, -np.inf), (-np.inf, np.nan)])
def test_what_is_not_finite_is_replaced_alone(wrong: tuple[float, ...]) -> None:
    values = np.arange(6, dtype=np.float32)
    values[: len(wrong)] = wrong
    found = where_finite(tf.constant(values.reshape(2, 3)), tf.constant([10.0, 20.0, 30.0]))
    wanted = values.copy()
    wanted[: len(wrong)] = [10.0, 20.0][: len(wrong)]
    np.testing.assert_array_equal(found, wanted.reshape(2, 3))


def test_finite_numbers_stay_also_where_their_sum_is_too_large() -> None:
    for values in ([1.0, 2.0], [3e38, 3e38]):
        np.testing.assert_array_equal(where_finite(tf.constant(values), 0.0), np.float32(values))
