"""What every cleaner is, and what an attacker who knows it must be told."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import tensorflow as tf


@dataclasses.dataclass(frozen=True, eq=False)
class Cleaner:
    """A defence that stands before the target network.

    Attributes:
      name: as its row of a table is called.
      clean: from float32 images `[N, H, W, 3]` in [0, 1] and a seed, int `[2]`, to the same shape
        and range. What is not random leaves the seed alone.
      random: the result depends on the seed; an attack has to average over draws (EOT).
      differentiable: the gradient is the true one; otherwise an attack has to replace it (BPDA).
      by_itself: each image is cleaned by itself, whatever else is in its batch; otherwise noisy
        copies do not vote for themselves, and nothing is certified.
    """

    name: str
    clean: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
    random: bool = False
    differentiable: bool = True
    by_itself: bool = True

    def __call__(self, images: tf.Tensor, seed: tf.Tensor | None = None) -> tf.Tensor:
        """Cleaned images, `[N, H, W, 3]` in [0, 1].

        Raises:
          ValueError: a random cleaner is called without a seed.
        """
        if seed is None:
            if self.random:
                raise ValueError(f"{self.name} is random and needs a seed, int [2].")
            seed = tf.zeros([2], tf.int32)
        return self.clean(images, seed)

    @classmethod
    def of_model(cls, name: str, model: tf.keras.Model) -> Cleaner:
        """A trained network in inference mode."""
        return cls(name, lambda images, _: model(images, training=False))
