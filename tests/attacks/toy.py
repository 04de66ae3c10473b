"""Models small enough to work out by hand."""

from __future__ import annotations

import tensorflow as tf


def mean_color(images: tf.Tensor) -> tf.Tensor:
    """Embedding = mean colour of the image: `[N, H, W, 3]` to `[N, 3]`."""
    return tf.reduce_mean(images, axis=[1, 2])


class RandomProjection:
    """Embedding = tanh of a fixed random linear map; smooth, with gradients everywhere."""

    def __init__(self, size: int, dimensions: int = 5, seed: int = 0) -> None:
        generator = tf.random.Generator.from_seed(seed)
        self.kernel = generator.normal([size * size * 3, dimensions]) / size

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        flat = tf.reshape(images, [tf.shape(images)[0], -1])
        return tf.tanh(flat @ self.kernel)
