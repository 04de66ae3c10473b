"""What transfer attacks do to images and gradients: random shrinking, and a Gaussian blur."""

from __future__ import annotations

import numpy as np
import tensorflow as tf


def resize_and_pad(
    images: tf.Tensor, probability: float, smallest: float, seed: tf.Tensor
) -> tf.Tensor:
    """Input diversity (Xie et al. 2019): shrink, then pad with zeros at a random place.

    The paper enlarges a 299 image to up to 330; here the result keeps its size, so that any network
    takes it. Bilinear, and linear in the pixels: two products with a matrix for each image.

    Args:
      images: float32 `[N, H, W, C]`.
      probability: with which each image is transformed; others stay as they are.
      smallest: lower bound of the share to which height and width shrink.
      seed: int `[2]`, stateless.

    Returns:
      `[N, H, W, C]`.
    """
    count = tf.shape(images)[0]
    draws = tf.random.stateless_uniform([4, count], seed)
    transformed = draws[0] < probability
    scale = tf.where(transformed, smallest + (1.0 - smallest) * draws[1], 1.0)
    rows = _shrinking(images.shape[1], scale, draws[2])
    columns = _shrinking(images.shape[2], scale, draws[3])
    return tf.einsum("nyh,nhwc,nxw->nyxc", rows, images, columns, optimize="greedy")


def _shrinking(size: int, scale: tf.Tensor, place: tf.Tensor) -> tf.Tensor:
    """Weights `[N, size, size]` from pixels of the source to pixels of the shrunk, padded line."""
    inner = tf.round(scale * size)  # pixels that the shrunk line has
    offset = tf.floor(place * (size - inner + 1.0))
    position = tf.range(size, dtype=tf.float32) - offset[:, tf.newaxis]
    inside = (position >= 0.0) & (position < inner[:, tf.newaxis])
    source = (position + 0.5) * (size / inner[:, tf.newaxis]) - 0.5
    source = tf.clip_by_value(source, 0.0, size - 1.0)
    distance = tf.abs(source[:, :, tf.newaxis] - tf.range(size, dtype=tf.float32))
    return tf.nn.relu(1.0 - distance) * tf.cast(inside, tf.float32)[:, :, tf.newaxis]


def blur(images: tf.Tensor, sigma: float) -> tf.Tensor:
    """A Gaussian blur of `[N, H, W, C]`, cut off at 3 sigma, zero beyond the border."""
    reach = max(1, round(3.0 * sigma))
    line = np.exp(-0.5 * np.square(np.arange(-reach, reach + 1) / sigma))
    line = tf.constant(line / line.sum(), tf.float32)
    channels = images.shape[-1]
    for shape in ([-1, 1, 1, 1], [1, -1, 1, 1]):
        kernel = tf.tile(tf.reshape(line, shape), [1, 1, channels, 1])
        images = tf.nn.depthwise_conv2d(images, kernel, [1, 1, 1, 1], "SAME")
    return images
