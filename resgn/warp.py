"""Images looked at through an affine map, differentiable in the pixels."""

from __future__ import annotations

import tensorflow as tf


def warp(images: tf.Tensor, matrices: tf.Tensor, size: int | None = None) -> tf.Tensor:
    """Sample each image through its own affine map, bilinearly.

    What lies outside of an image has the colour of its border. The gradient in the pixels is exact.

    Args:
      images: float `[N, H, W, C]`.
      matrices: float32 `[N, 2, 3]`, from (x, y, 1) of a pixel of the result to (x, y) in the image,
        0 in the middle of the first pixel.
      size: side of the result; H if None, and then W must be H.

    Returns:
      `[N, size, size, C]`.
    """
    shape = tf.shape(images)
    count, height, width = shape[0], shape[1], shape[2]
    side = images.shape[1] if size is None else size
    place = tf.range(side, dtype=tf.float32)
    x, y = tf.meshgrid(place, place)
    grid = tf.stack([tf.reshape(x, [-1]), tf.reshape(y, [-1]), tf.ones([side * side])])
    source = tf.matmul(matrices, grid)
    x = tf.clip_by_value(source[:, 0], 0.0, tf.cast(width - 1, tf.float32))
    y = tf.clip_by_value(source[:, 1], 0.0, tf.cast(height - 1, tf.float32))
    left, top = tf.floor(x), tf.floor(y)
    right_share = tf.cast(x - left, images.dtype)[..., tf.newaxis]
    lower_share = tf.cast(y - top, images.dtype)[..., tf.newaxis]
    column, row = tf.cast(left, tf.int32), tf.cast(top, tf.int32)
    next_column, next_row = tf.minimum(column + 1, width - 1), tf.minimum(row + 1, height - 1)
    pixels = tf.reshape(images, [count, height * width, images.shape[3]])

    def at(row: tf.Tensor, column: tf.Tensor) -> tf.Tensor:
        return tf.gather(pixels, row * width + column, batch_dims=1)

    upper = at(row, column) * (1.0 - right_share) + at(row, next_column) * right_share
    lower = at(next_row, column) * (1.0 - right_share) + at(next_row, next_column) * right_share
    sampled = upper * (1.0 - lower_share) + lower * lower_share
    return tf.reshape(sampled, [count, side, side, images.shape[3]])
