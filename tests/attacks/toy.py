"""Models small enough to work out by hand."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from attacks import Criterion


def mean_color(images: tf.Tensor) -> tf.Tensor:
    """Embedding = mean colour of the image: `[N, H, W, 3]` to `[N, 3]`."""
    return tf.reduce_mean(images, axis=[1, 2])


class RandomProjection:
    """Embedding = tanh of a fixed random linear map; smooth, with gradients everywhere."""

    def __init__(self, size: int, dimensions: int = 5, seed: int = 0) -> None:
        # NumPy's, so that importing the tests runs no TensorFlow.
        kernel = np.random.default_rng(seed).normal(size=[size * size * 3, dimensions]) / size
        self.kernel = kernel.astype(np.float32)

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        flat = tf.reshape(images, [tf.shape(images)[0], -1])
        return tf.tanh(flat @ self.kernel)


class Linear:
    """Output = w . x, `[N, 1]`: the best perturbation in any ball is known."""

    def __init__(self, size: int, seed: int = 0) -> None:
        generator = np.random.default_rng(seed)
        # No weight near zero, so that every pixel matters.
        signs = generator.choice([-1.0, 1.0], (size, size, 3))
        self.weights = (signs * generator.uniform(0.5, 1.5, signs.shape)).astype(np.float32)

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(images * self.weights, axis=[1, 2, 3])[:, tf.newaxis]


class Above(Criterion):
    """The first output has to exceed a level; any criterion of a user's own would look so."""

    def __init__(self, levels: np.ndarray) -> None:
        self.levels = np.asarray(levels, np.float32)

    def __len__(self) -> int:
        return len(self.levels)

    def tensors(self) -> tuple[tf.Tensor, ...]:
        return (tf.constant(self.levels),)

    def loss(self, outputs: tf.Tensor, *data: tf.Tensor) -> tf.Tensor:
        return 3.0 * outputs[:, 0]

    def margin(self, outputs: tf.Tensor, *data: tf.Tensor) -> tf.Tensor:
        return outputs[:, 0] - data[0]
