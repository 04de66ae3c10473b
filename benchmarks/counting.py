"""Counts what an attack asks of a model, also inside of what is compiled."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from attacks.stochastic import Deterministic


class CountedGradients:
    """A model that counts its gradients: one for each image of each batch that is differentiated.

    Rows with which a batch is filled up count, too: they cost as much.

    Args:
      model: from images `[N, H, W, 3]` to outputs.
    """

    def __init__(self, model: Deterministic) -> None:
        self._model = model
        self._count = tf.Variable(0, dtype=tf.int64, trainable=False)
        self._watched = tf.custom_gradient(self._identity)

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        """The model's outputs."""
        return self._model(self._watched(images))

    def _identity(self, images: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            self._count.assign_add(tf.shape(images, tf.int64)[0])
            return upstream

        return tf.identity(images), gradient

    def taken(self) -> int:
        """Gradients since the last time that this was asked."""
        count = int(self._count.numpy())
        self._count.assign(0)
        return count
