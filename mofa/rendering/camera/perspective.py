"""The perspective camera.

Two descriptions of one thing: the projection matrix of OpenGL (`right_handed`: the camera looks
along -z, clip space is [-1, 1]^3, see Shirley and Marschner, "Fundamentals of Computer Graphics",
Section 7.3) and the intrinsics of computer vision (`project`: focal lengths and principal point in
pixels, points in front have z > 0).
"""

from __future__ import annotations

import tensorflow as tf

from mofa.rendering import shapes


def right_handed(
    vertical_field_of_view: tf.Tensor,
    aspect_ratio: tf.Tensor,
    near: tf.Tensor,
    far: tf.Tensor,
    name: str = "perspective_right_handed",
) -> tf.Tensor:
    """Perspective projection of a camera at the origin that looks along -z, y up.

    Args:
      vertical_field_of_view: [A1, ..., An, 1] float, in radians, in (0, pi).
      aspect_ratio: [A1, ..., An, 1], width over height of the image.
      near: [A1, ..., An, 1], distance of the near plane, positive.
      far: [A1, ..., An, 1], distance of the far plane, beyond `near`.
      name: name of the operation.

    Returns:
      [A1, ..., An, 4, 4]: from camera space to clip space; clip w is the distance along the view.

    Raises:
      ValueError: the last dimension of an argument is not 1.
    """
    with tf.name_scope(name):
        fov = tf.convert_to_tensor(vertical_field_of_view, dtype_hint=tf.float32)
        aspect = tf.convert_to_tensor(aspect_ratio, dtype=fov.dtype)
        near = tf.convert_to_tensor(near, dtype=fov.dtype)
        far = tf.convert_to_tensor(far, dtype=fov.dtype)
        for argument, tensor in (
            ("vertical_field_of_view", fov),
            ("aspect_ratio", aspect),
            ("near", near),
            ("far", far),
        ):
            shapes.check(argument, tensor, [1])
        scale = 1.0 / tf.tan(0.5 * fov)
        depth = near - far
        zero = tf.zeros_like(fov)
        one = tf.ones_like(fov)
        entries = (
            (scale / aspect, zero, zero, zero),
            (zero, scale, zero, zero),
            (zero, zero, (near + far) / depth, 2.0 * near * far / depth),
            (zero, zero, -one, zero),
        )
        rows = [tf.concat(row, axis=-1) for row in entries]
        return tf.stack(rows, axis=-2)


def matrix_from_intrinsics(
    focal: tf.Tensor,
    principal_point: tf.Tensor,
    skew: tf.Tensor | tuple[float, ...] = (0.0,),
    name: str = "perspective_matrix_from_intrinsics",
) -> tf.Tensor:
    """The 3x3 calibration matrix.

    Args:
      focal: [A1, ..., An, 2], focal lengths (x, y) in pixels.
      principal_point: [A1, ..., An, 2], (x, y) in pixels.
      skew: [A1, ..., An, 1].
      name: name of the operation.

    Returns:
      [A1, ..., An, 3, 3].

    Raises:
      ValueError: the last dimension of an argument is wrong.
    """
    with tf.name_scope(name):
        focal = tf.convert_to_tensor(focal, dtype_hint=tf.float32)
        principal_point = tf.convert_to_tensor(principal_point, dtype=focal.dtype)
        skew = tf.convert_to_tensor(skew, dtype=focal.dtype)
        shapes.check("focal", focal, [2])
        shapes.check("principal_point", principal_point, [2])
        shapes.check("skew", skew, [1])
        fx, fy = tf.split(focal, 2, axis=-1)
        cx, cy = tf.split(principal_point, 2, axis=-1)
        zero = tf.zeros_like(fx)
        skew = tf.broadcast_to(skew, tf.shape(fx))
        rows = ((fx, skew, cx), (zero, fy, cy), (zero, zero, tf.ones_like(fx)))
        return tf.stack([tf.concat(row, axis=-1) for row in rows], axis=-2)


def intrinsics_from_matrix(
    matrix: tf.Tensor, name: str = "perspective_intrinsics_from_matrix"
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """The inverse of `matrix_from_intrinsics`.

    Args:
      matrix: [A1, ..., An, 3, 3].
      name: name of the operation.

    Returns:
      focal [A1, ..., An, 2], principal point [A1, ..., An, 2], skew [A1, ..., An, 1].

    Raises:
      ValueError: `matrix` is not [..., 3, 3].
    """
    with tf.name_scope(name):
        matrix = tf.convert_to_tensor(matrix, dtype_hint=tf.float32)
        shapes.check("matrix", matrix, [3, 3])
        focal = tf.stack((matrix[..., 0, 0], matrix[..., 1, 1]), axis=-1)
        return focal, matrix[..., :2, 2], matrix[..., 0, 1:2]


def project(
    point_3d: tf.Tensor,
    focal: tf.Tensor,
    principal_point: tf.Tensor,
    name: str = "perspective_project",
) -> tf.Tensor:
    """Project points onto the image plane.

    Args:
      point_3d: [A1, ..., An, 3] in camera space, z in front positive (and not zero).
      focal: [A1, ..., An, 2] in pixels.
      principal_point: [A1, ..., An, 2] in pixels.
      name: name of the operation.

    Returns:
      [A1, ..., An, 2], (x, y) in pixels.

    Raises:
      ValueError: the last dimension of an argument is wrong.
    """
    with tf.name_scope(name):
        point_3d = tf.convert_to_tensor(point_3d, dtype_hint=tf.float32)
        focal = tf.convert_to_tensor(focal, dtype=point_3d.dtype)
        principal_point = tf.convert_to_tensor(principal_point, dtype=point_3d.dtype)
        shapes.check("point_3d", point_3d, [3])
        shapes.check("focal", focal, [2])
        shapes.check("principal_point", principal_point, [2])
        return point_3d[..., :2] / point_3d[..., 2:] * focal + principal_point


def ray(
    point_2d: tf.Tensor,
    focal: tf.Tensor,
    principal_point: tf.Tensor,
    name: str = "perspective_ray",
) -> tf.Tensor:
    """The ray through a pixel, scaled so that its z is 1.

    Args:
      point_2d: [A1, ..., An, 2] in pixels.
      focal: [A1, ..., An, 2] in pixels.
      principal_point: [A1, ..., An, 2] in pixels.
      name: name of the operation.

    Returns:
      [A1, ..., An, 3].

    Raises:
      ValueError: the last dimension of an argument is wrong.
    """
    with tf.name_scope(name):
        point_2d = tf.convert_to_tensor(point_2d, dtype_hint=tf.float32)
        focal = tf.convert_to_tensor(focal, dtype=point_2d.dtype)
        principal_point = tf.convert_to_tensor(principal_point, dtype=point_2d.dtype)
        shapes.check("point_2d", point_2d, [2])
        shapes.check("focal", focal, [2])
        shapes.check("principal_point", principal_point, [2])
        plane = (point_2d - principal_point) / focal
        return tf.concat((plane, tf.ones_like(plane[..., :1])), axis=-1)


def unproject(
    point_2d: tf.Tensor,
    depth: tf.Tensor,
    focal: tf.Tensor,
    principal_point: tf.Tensor,
    name: str = "perspective_unproject",
) -> tf.Tensor:
    """The inverse of `project` for a known depth.

    Args:
      point_2d: [A1, ..., An, 2] in pixels.
      depth: [A1, ..., An, 1], z in camera space.
      focal: [A1, ..., An, 2] in pixels.
      principal_point: [A1, ..., An, 2] in pixels.
      name: name of the operation.

    Returns:
      [A1, ..., An, 3].

    Raises:
      ValueError: the last dimension of an argument is wrong.
    """
    with tf.name_scope(name):
        depth = tf.convert_to_tensor(depth, dtype_hint=tf.float32)
        shapes.check("depth", depth, [1])
        return ray(point_2d, focal, principal_point) * depth
