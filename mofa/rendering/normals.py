"""Normals of triangle meshes."""

from __future__ import annotations

import tensorflow as tf

from mofa.rendering import shapes


def gather_faces(
    vertices: tf.Tensor, indices: tf.Tensor, name: str = "normals_gather_faces"
) -> tf.Tensor:
    """The corners of every triangle.

    Args:
      vertices: [A1, ..., An, V, D].
      indices: [T, 3] int.
      name: name of the operation.

    Returns:
      [A1, ..., An, T, 3, D].

    Raises:
      ValueError: `indices` is not [T, 3].
    """
    with tf.name_scope(name):
        vertices = tf.convert_to_tensor(vertices, dtype_hint=tf.float32)
        indices = tf.convert_to_tensor(indices, dtype_hint=tf.int32)
        shapes.check("vertices", vertices, [None, None])
        shapes.check("indices", indices, [3])
        return tf.gather(vertices, indices, axis=-2)


def face_normals(
    faces: tf.Tensor,
    clockwise: bool = False,
    normalize: bool = True,
    name: str = "normals_face_normals",
) -> tf.Tensor:
    """Normals of triangles.

    Args:
      faces: [A1, ..., An, T, 3, 3], corners.
      clockwise: whether the corners go clockwise when seen from the side the normal points to.
        Ours go counter-clockwise, as in OpenGL.
      normalize: to unit length; otherwise the length is twice the area. A degenerate triangle
        gets the zero vector, with a gradient of zero.
      name: name of the operation.

    Returns:
      [A1, ..., An, T, 3].

    Raises:
      ValueError: `faces` is not [..., 3, 3].
    """
    with tf.name_scope(name):
        faces = tf.convert_to_tensor(faces, dtype_hint=tf.float32)
        shapes.check("faces", faces, [3, 3])
        normal = tf.linalg.cross(
            faces[..., 1, :] - faces[..., 0, :], faces[..., 2, :] - faces[..., 0, :]
        )
        if clockwise:
            normal = -normal
        return safe_normalize(normal) if normalize else normal


@tf.autograph.experimental.do_not_convert
def vertex_normals(
    vertices: tf.Tensor,
    indices: tf.Tensor,
    clockwise: bool = False,
    name: str = "normals_vertex_normals",
) -> tf.Tensor:
    """Unit normals at the vertices: the sum of the adjacent triangles' normals, weighted by area.

    The batch is folded into the last axis, so that a corner is one contiguous row whatever the
    batch: gathering and scattering such rows is several times faster than rows of three numbers.

    Args:
      vertices: [A1, ..., An, V, 3].
      indices: [T, 3] int, corners counter-clockwise seen from outside.
      clockwise: whether the corners go the other way round.
      name: name of the operation.

    Returns:
      [A1, ..., An, V, 3]; the zero vector at vertices that no proper triangle touches.

    Raises:
      ValueError: trailing dimensions are wrong.
    """
    with tf.name_scope(name):
        vertices = tf.convert_to_tensor(vertices, dtype_hint=tf.float32)
        indices = tf.convert_to_tensor(indices, dtype_hint=tf.int32)
        shapes.check("vertices", vertices, [None, 3])
        shapes.check("indices", indices, [3])
        shape = tf.shape(vertices)
        count = shape[-2]
        flat = tf.reshape(vertices, [-1, count, 3])
        batch = tf.shape(flat)[0]
        rows = tf.reshape(tf.transpose(flat, [1, 2, 0]), [count, 3 * batch])
        first, second, third = (tf.gather(rows, indices[:, corner]) for corner in range(3))
        ux, uy, uz = tf.split(second - first, 3, axis=-1)
        vx, vy, vz = tf.split(third - first, 3, axis=-1)
        normal = tf.concat((uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx), axis=-1)
        if clockwise:
            normal = -normal
        total = tf.add_n(
            [tf.math.unsorted_segment_sum(normal, indices[:, corner], count) for corner in range(3)]
        )
        total = tf.transpose(tf.reshape(total, [count, 3, batch]), [2, 0, 1])
        result = tf.reshape(safe_normalize(total), shape)
        result.set_shape(vertices.shape)
        return result


def safe_normalize(vector: tf.Tensor) -> tf.Tensor:
    """Scale to unit length; zero stays zero, and its gradient is zero, never NaN.

    Args:
      vector: [A1, ..., An, D].

    Returns:
      [A1, ..., An, D].
    """
    squared = tf.reduce_sum(vector * vector, axis=-1, keepdims=True)
    positive = squared > 0.0
    return vector * tf.where(positive, tf.math.rsqrt(tf.where(positive, squared, 1.0)), 0.0)
