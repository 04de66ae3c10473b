"""Undoing an attack: images brought back to where normal ones lie (Teng 2021, Section 3.4)."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class GaussianNoise:
    """Eq. 7: `Clip(I + noise_scale * N(0, 1))`.

    Attributes:
      noise_scale: the paper's alpha, whose value it does not state; in the unit of images in
        [0, 1].
    """

    noise_scale: float = 0.05

    def __post_init__(self) -> None:
        if not 0.0 <= self.noise_scale < math.inf:
            raise ValueError(f"noise_scale must be 0 or more, got {self.noise_scale}")

    def __call__(self, images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Add noise.

        Args:
          images: float32 `[N, H, W, 3]` in [0, 1].
          seed: int `[2]`; the same seed gives the same noise.

        Returns:
          The same shape and range; differentiable.
        """
        noise = tf.random.stateless_normal(tf.shape(images), seed, stddev=self.noise_scale)
        return tf.clip_by_value(images + noise, 0.0, 1.0)


@dataclasses.dataclass(frozen=True, eq=False)
class Reformer:
    """An autoencoder of normal images in front of a network, as in MagNet.

    Attributes:
      reconstruct: from images `[N, H, W, 3]` in [0, 1] to the same.
    """

    reconstruct: Callable[[tf.Tensor], tf.Tensor]

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        """Reconstructions in [0, 1], `[N, H, W, 3]`; differentiable."""
        return tf.clip_by_value(self.reconstruct(images), 0.0, 1.0)
