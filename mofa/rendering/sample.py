"""Colours of images at points between pixels."""

from __future__ import annotations

import tensorflow as tf

from mofa.rendering import shapes


@tf.autograph.experimental.do_not_convert
def bilinear(
    images: tf.Tensor, points: tf.Tensor, name: str = "sample_bilinear"
) -> tuple[tf.Tensor, tf.Tensor]:
    """Sample images bilinearly; the gradient reaches images and points.

    Args:
      images: [N, H, W, K] float32.
      points: [N, P, 2] float32, (x, y) in pixels, 0 in the middle of the first pixel. Points
        outside take the border's colour.
      name: name of the operation.

    Returns:
      Colours [N, P, K], and whether each point lies in the image, bool [N, P].

    Raises:
      ValueError: trailing dimensions are wrong.
    """
    with tf.name_scope(name):
        images = tf.convert_to_tensor(images, dtype=tf.float32)
        points = tf.convert_to_tensor(points, dtype=tf.float32)
        shapes.check("images", images, [None, None, None])
        shapes.check("points", points, [None, 2])
        size = tf.shape(images)
        height, width = size[1], size[2]
        x, y = points[..., 0], points[..., 1]
        last_x, last_y = tf.cast(width - 1, tf.float32), tf.cast(height - 1, tf.float32)
        inside = (x >= 0.0) & (x <= last_x) & (y >= 0.0) & (y <= last_y)
        x, y = tf.clip_by_value(x, 0.0, last_x), tf.clip_by_value(y, 0.0, last_y)
        # The cell's first corner; the last pixel belongs to the cell before it.
        left = tf.minimum(tf.cast(tf.floor(x), tf.int32), tf.maximum(width - 2, 0))
        top = tf.minimum(tf.cast(tf.floor(y), tf.int32), tf.maximum(height - 2, 0))
        right, bottom = tf.minimum(left + 1, width - 1), tf.minimum(top + 1, height - 1)
        across = (x - tf.cast(left, tf.float32))[..., None]
        down = (y - tf.cast(top, tf.float32))[..., None]
        flat = tf.reshape(images, [-1, images.shape[-1] or size[3]])
        base = (tf.range(size[0]) * height * width)[:, None]

        def corner(row: tf.Tensor, column: tf.Tensor) -> tf.Tensor:
            return tf.gather(flat, base + row * width + column)

        upper = corner(top, left) * (1.0 - across) + corner(top, right) * across
        lower = corner(bottom, left) * (1.0 - across) + corner(bottom, right) * across
        return upper * (1.0 - down) + lower * down, inside
