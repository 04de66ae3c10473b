"""Rotation matrices from Euler angles."""

from __future__ import annotations

import tensorflow as tf

from mofa.rendering import shapes


def from_euler(angles: tf.Tensor, name: str = "rotation_matrix_from_euler") -> tf.Tensor:
    """The rotation `Rz(z) Ry(y) Rx(x)`: first about x, then y, then z, all axes fixed.

    Args:
      angles: [A1, ..., An, 3], angles about x, y and z in radians, right-handed.
      name: name of the operation.

    Returns:
      [A1, ..., An, 3, 3], to be applied to column vectors.

    Raises:
      ValueError: the last dimension is not 3.
    """
    with tf.name_scope(name):
        angles = tf.convert_to_tensor(angles, dtype_hint=tf.float32)
        shapes.check("angles", angles, [3])
        sx, sy, sz = tf.unstack(tf.sin(angles), axis=-1)
        cx, cy, cz = tf.unstack(tf.cos(angles), axis=-1)
        rows = (
            (cy * cz, sx * sy * cz - cx * sz, cx * sy * cz + sx * sz),
            (cy * sz, sx * sy * sz + cx * cz, cx * sy * sz - sx * cz),
            (-sy, sx * cy, cx * cy),
        )
        return tf.stack([tf.stack(row, axis=-1) for row in rows], axis=-2)


def rotate(point: tf.Tensor, matrix: tf.Tensor, name: str = "rotation_matrix_rotate") -> tf.Tensor:
    """Rotate points.

    Args:
      point: [A1, ..., An, V, 3].
      matrix: [A1, ..., An, 3, 3].
      name: name of the operation.

    Returns:
      [A1, ..., An, V, 3].

    Raises:
      ValueError: trailing or batch dimensions are wrong.
    """
    with tf.name_scope(name):
        point = tf.convert_to_tensor(point, dtype_hint=tf.float32)
        matrix = tf.convert_to_tensor(matrix, dtype=point.dtype)
        shapes.check("point", point, [None, 3])
        shapes.check("matrix", matrix, [3, 3])
        return tf.matmul(point, matrix, transpose_b=True)


def inverse(matrix: tf.Tensor, name: str = "rotation_matrix_inverse") -> tf.Tensor:
    """The transpose, which is the inverse of a rotation.

    Args:
      matrix: [A1, ..., An, 3, 3].
      name: name of the operation.

    Returns:
      [A1, ..., An, 3, 3].

    Raises:
      ValueError: `matrix` is not [..., 3, 3].
    """
    with tf.name_scope(name):
        matrix = tf.convert_to_tensor(matrix, dtype_hint=tf.float32)
        shapes.check("matrix", matrix, [3, 3])
        return tf.linalg.matrix_transpose(matrix)
