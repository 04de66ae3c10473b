"""Gaussian and median filter of images, reflected at the borders.

tensorflow-addons has both and ends at Python 3.11; where it is not installed the same functions
stand here.
"""

from __future__ import annotations

import warnings
from importlib import util

import tensorflow as tf

if util.find_spec("tensorflow_addons") is not None:
    with warnings.catch_warnings():  # that its development has ended is no news to a user
        warnings.simplefilter("ignore")
        import tensorflow_addons
else:
    tensorflow_addons = None


def gaussian(images: tf.Tensor, side: int, sigma: float) -> tf.Tensor:
    """Weighted means over a square whose weights sum to 1.

    Args:
      images: float `[N, H, W, C]` with C known, larger than half the square.
      side: of the square in pixels, odd.
      sigma: standard deviation in pixels.

    Returns:
      The same shape and dtype.
    """
    if tensorflow_addons is None:
        return plain_gaussian(images, side, sigma)
    return tensorflow_addons.image.gaussian_filter2d(images, side, sigma)


def median(images: tf.Tensor, side: int) -> tf.Tensor:
    """The median of each channel over a square; its gradient leads to the pixel that it was.

    Args and return value as of `gaussian`.
    """
    if tensorflow_addons is None:
        return plain_median(images, side)
    return tensorflow_addons.image.median_filter2d(images, side)


def plain_gaussian(images: tf.Tensor, side: int, sigma: float) -> tf.Tensor:
    """`gaussian` in TensorFlow alone; see there."""
    offsets = tf.range(side, dtype=images.dtype) - side // 2
    weights = tf.nn.softmax(-tf.square(offsets) / tf.cast(2.0 * sigma**2, images.dtype))
    square = (weights[:, tf.newaxis] * weights)[:, :, tf.newaxis, tf.newaxis]
    kernel = tf.tile(square, [1, 1, images.shape[-1], 1])
    return tf.nn.depthwise_conv2d(_reflected(images, side), kernel, [1, 1, 1, 1], "VALID")


def plain_median(images: tf.Tensor, side: int) -> tf.Tensor:
    """`median` in TensorFlow alone; see there."""
    height, width = tf.shape(images)[1], tf.shape(images)[2]
    reflected = _reflected(images, side)
    shifts = [(row, column) for row in range(side) for column in range(side)]
    square = [reflected[:, row : row + height, left : left + width] for row, left in shifts]
    # The larger half of the square, in falling order; the last of it is the median.
    return tf.nn.top_k(tf.stack(square, axis=-1), side**2 // 2 + 1).values[..., -1]


def _reflected(images: tf.Tensor, side: int) -> tf.Tensor:
    """Half a square more on every side; the outermost row is not repeated."""
    half = side // 2
    return tf.pad(images, [[0, 0], [half, half], [half, half], [0, 0]], "REFLECT")
