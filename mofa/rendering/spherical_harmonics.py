"""Real spherical harmonics up to band 2, and the light that they describe.

Orthonormal on the sphere, with the Condon-Shortley sign, in the order
(l, m) = (0,0), (1,-1), (1,0), (1,1), (2,-2), ..., (2,2). A distant light given by its coefficients
in this basis reaches a matte surface as the same coefficients times pi, 2 pi / 3 and pi / 4 for
bands 0, 1 and 2 (Ramamoorthi and Hanrahan 2001, "An Efficient Representation for Irradiance
Environment Maps", Equation 8); nine bands keep 99 % of it.
"""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

from mofa.rendering import shapes

NUM_COEFFICIENTS = 9

IRRADIANCE = np.array([math.pi] + [2.0 * math.pi / 3.0] * 3 + [math.pi / 4.0] * 5, np.float32)
"""[9]: what the clamped cosine multiplies each coefficient by."""

_C0 = 0.5 / math.sqrt(math.pi)
_C1 = 0.5 * math.sqrt(3.0 / math.pi)
_C2 = 0.5 * math.sqrt(15.0 / math.pi)
_C20 = 0.25 * math.sqrt(5.0 / math.pi)

UNIT_AMBIENT = float(1.0 / (math.pi * _C0))
"""The coefficient (0,0), about 1.128, whose shading is exactly 1 in every direction."""


def generate_l_m_permutations(max_band: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Degree and order of all harmonics up to a band.

    Args:
      max_band: the highest degree.

    Returns:
      l and m, each int32 [(max_band + 1)^2].

    Raises:
      ValueError: `max_band` is negative.
    """
    if max_band < 0:
        raise ValueError(f"max_band must not be negative, got {max_band}")
    pairs = [(degree, m) for degree in range(max_band + 1) for m in range(-degree, degree + 1)]
    degrees, orders = zip(*pairs, strict=True)
    return tf.constant(degrees, tf.int32), tf.constant(orders, tf.int32)


def evaluate(directions: tf.Tensor, name: str = "spherical_harmonics_evaluate") -> tf.Tensor:
    """The nine basis functions in given directions.

    Args:
      directions: [A1, ..., An, 3], unit vectors.
      name: name of the operation.

    Returns:
      [A1, ..., An, 9].

    Raises:
      ValueError: the last dimension is not 3.
    """
    with tf.name_scope(name):
        directions = tf.convert_to_tensor(directions, dtype_hint=tf.float32)
        shapes.check("directions", directions, [3])
        x, y, z = tf.unstack(directions, axis=-1)
        return tf.stack(
            (
                tf.fill(tf.shape(x), tf.constant(_C0, directions.dtype)),
                -_C1 * y,
                _C1 * z,
                -_C1 * x,
                _C2 * x * y,
                -_C2 * y * z,
                _C20 * (3.0 * z * z - 1.0),
                -_C2 * x * z,
                0.5 * _C2 * (x * x - y * y),
            ),
            axis=-1,
        )


def shade(
    normals: tf.Tensor, coefficients: tf.Tensor, name: str = "spherical_harmonics_shade"
) -> tf.Tensor:
    """What a matte surface's albedo is multiplied by: sum over b of gamma_b H_b(n).

    `H_b` is the basis function times its irradiance constant. The coefficients are radiance over
    pi, so that a white surface under an ambient light of `UNIT_AMBIENT` has colour 1.

    Args:
      normals: [A1, ..., An, V, 3], unit vectors.
      coefficients: [A1, ..., An, 9, K], one light for each of K colour channels.
      name: name of the operation.

    Returns:
      [A1, ..., An, V, K].

    Raises:
      ValueError: trailing dimensions are wrong.
    """
    with tf.name_scope(name):
        normals = tf.convert_to_tensor(normals, dtype_hint=tf.float32)
        coefficients = tf.convert_to_tensor(coefficients, dtype=normals.dtype)
        shapes.check("normals", normals, [None, 3])
        shapes.check("coefficients", coefficients, [NUM_COEFFICIENTS, None])
        weights = tf.constant(IRRADIANCE[:, None], normals.dtype)
        return tf.matmul(evaluate(normals), coefficients * weights)


def directional_light(
    direction: tf.Tensor, name: str = "spherical_harmonics_directional_light"
) -> tf.Tensor:
    """Coefficients of a distant lamp that lights a white surface facing it with colour 1.

    Nine functions are not quite enough for a point in the sky: bands 0, 1 and 2 add up to
    1/4 + 1/2 + 5/16 = 17/16 where the surface faces the lamp, and 1/16 where it turns away.

    Args:
      direction: [A1, ..., An, 3], unit vectors from the surface to the lamp.
      name: name of the operation.

    Returns:
      [A1, ..., An, 9].

    Raises:
      ValueError: the last dimension is not 3.
    """
    with tf.name_scope(name):
        return evaluate(direction)
