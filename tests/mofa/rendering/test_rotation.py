from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.spatial.transform
import tensorflow as tf

from mofa.rendering import rotation


def test_quarter_turns_preset():
    # About z: x -> y. About x: y -> z. About y: z -> x.
    quarter = math.pi / 2
    for angles, point, expected in (
        ([0, 0, quarter], [1, 0, 0], [0, 1, 0]),
        ([quarter, 0, 0], [0, 1, 0], [0, 0, 1]),
        ([0, quarter, 0], [0, 0, 1], [1, 0, 0]),
    ):
        matrix = rotation.from_euler(tf.constant(angles, tf.float32))
        turned = rotation.rotate(tf.constant([point], tf.float32), matrix)
        np.testing.assert_allclose(turned, [expected], atol=1e-6)


def test_agrees_with_scipy(rng):
    angles = rng.uniform(-3.0, 3.0, (2, 5, 3)).astype(np.float32)
    expected = scipy.spatial.transform.Rotation.from_euler("xyz", angles.reshape(-1, 3))
    np.testing.assert_allclose(
        rotation.from_euler(angles), expected.as_matrix().reshape(2, 5, 3, 3), atol=1e-6
    )


def test_inverse_undoes(rng):
    matrix = rotation.from_euler(rng.normal(size=(4, 3)).astype(np.float32))
    points = rng.normal(size=(4, 7, 3)).astype(np.float32)
    again = rotation.rotate(rotation.rotate(points, matrix), rotation.inverse(matrix))
    np.testing.assert_allclose(again, points, atol=1e-5)


def test_jacobian():
    theoretical, numerical = tf.test.compute_gradient(
        rotation.from_euler, [tf.constant([0.3, -0.4, 1.1])], delta=1e-2
    )
    np.testing.assert_allclose(theoretical[0], numerical[0], atol=2e-3)


def test_shapes_are_refused():
    with pytest.raises(ValueError, match=r"angles must have shape \[..., 3\], got \(2,\)"):
        rotation.from_euler([0.0, 1.0])
    with pytest.raises(ValueError, match="point must"):
        rotation.rotate([1.0, 2.0, 3.0], np.eye(3, dtype=np.float32))
    with pytest.raises(ValueError, match="matrix must"):
        rotation.inverse(np.eye(2, dtype=np.float32))
