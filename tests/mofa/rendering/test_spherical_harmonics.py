from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.special
import tensorflow as tf

from mofa.rendering import spherical_harmonics as harmonics


def sphere(count):
    """Nearly even directions: [count, 3]."""
    number = np.arange(count) + 0.5
    height = 1.0 - 2.0 * number / count
    turn = np.pi * (1.0 + 5.0**0.5) * number
    ring = np.sqrt(1.0 - height**2)
    return np.stack((ring * np.cos(turn), ring * np.sin(turn), height), axis=1)


def real_harmonic(degree, order, directions):
    """The textbook's definition by Legendre functions, with Condon and Shortley's sign."""
    azimuth, size = np.arctan2(directions[:, 1], directions[:, 0]), abs(order)
    scale = (2 * degree + 1) / (4.0 * math.pi) * math.factorial(degree - size)
    scale = math.sqrt(scale / math.factorial(degree + size) * (2.0 if order else 1.0))
    angular = np.cos(size * azimuth) if order >= 0 else np.sin(size * azimuth)
    return scale * scipy.special.lpmv(size, degree, directions[:, 2]) * angular


def test_agrees_with_scipy():
    directions = sphere(50)
    basis = harmonics.evaluate(tf.constant(directions, tf.float32)).numpy()
    degrees, orders = harmonics.generate_l_m_permutations(2)
    for column, (degree, order) in enumerate(zip(degrees.numpy(), orders.numpy(), strict=True)):
        np.testing.assert_allclose(
            basis[:, column], real_harmonic(degree, order, directions), atol=1e-6
        )


def test_permutations_preset():
    degrees, orders = harmonics.generate_l_m_permutations(2)
    assert degrees.numpy().tolist() == [0, 1, 1, 1, 2, 2, 2, 2, 2]
    assert orders.numpy().tolist() == [0, -1, 0, 1, -2, -1, 0, 1, 2]


def test_orthonormal():
    basis = harmonics.evaluate(tf.constant(sphere(20000), tf.float32)).numpy().astype(np.float64)
    gram = 4.0 * math.pi * basis.T @ basis / len(basis)
    np.testing.assert_allclose(gram, np.eye(9), atol=1e-3)


def test_irradiance_constants_are_those_of_the_clamped_cosine():
    # Project max(cos, 0) about z: the coefficient (l, 0) is sqrt((2l + 1) / 4 pi) A_l.
    directions = sphere(20000)
    cosine = np.maximum(directions[:, 2], 0.0)
    basis = harmonics.evaluate(tf.constant(directions, tf.float32)).numpy()
    projected = 4.0 * math.pi * (basis * cosine[:, None]).mean(axis=0)
    for degree, column in ((0, 0), (1, 2), (2, 6)):
        factor = math.sqrt((2 * degree + 1) / (4.0 * math.pi))
        assert projected[column] / factor == pytest.approx(harmonics.IRRADIANCE[column], rel=1e-3)


def test_unit_ambient_shades_one_everywhere():
    light = np.zeros((9, 3), np.float32)
    light[0] = harmonics.UNIT_AMBIENT
    shade = harmonics.shade(tf.constant(sphere(20), tf.float32), light)
    np.testing.assert_allclose(shade, np.ones((20, 3)), atol=1e-6)


def test_directional_light_preset():
    # Facing: 1/4 + 1/2 + 5/16 = 17/16; sideways: 1/4 - 5/32 = 3/32; away: 1/4 - 1/2 + 5/16 = 1/16.
    lamp = harmonics.directional_light(tf.constant([0.0, 0.6, 0.8]))[:, None]
    normal = tf.constant([[0.0, 0.6, 0.8], [1.0, 0.0, 0.0], [0.0, -0.6, -0.8]])
    np.testing.assert_allclose(
        harmonics.shade(normal, lamp)[:, 0], [17 / 16, 3 / 32, 1 / 16], atol=1e-6
    )


def test_shade_has_one_light_for_each_face(rng):
    normal = np.stack([sphere(5), sphere(5)[::-1]]).astype(np.float32)
    light = rng.normal(size=(2, 9, 3)).astype(np.float32)
    both = harmonics.shade(normal, light)
    for face in range(2):
        np.testing.assert_allclose(
            both[face], harmonics.shade(normal[face], light[face]), atol=1e-5
        )


def test_shapes_are_refused():
    with pytest.raises(ValueError, match="directions must"):
        harmonics.evaluate([[1.0, 0.0]])
    with pytest.raises(ValueError, match="coefficients must"):
        harmonics.shade(np.zeros((4, 3), np.float32), np.zeros((8, 3), np.float32))
    with pytest.raises(ValueError, match="max_band"):
        harmonics.generate_l_m_permutations(-1)
