"""Gaussian noise as a denoiser learns from it: drawn anew in every step, never clipped."""

from __future__ import annotations

import dataclasses
import math

import tensorflow as tf

from weights.errors import InputError

TRAINING_NOISE = 13
"""Added to the seed of a training, so that its noise is not that of its order of images."""


@dataclasses.dataclass(frozen=True)
class GaussianNoise:
    """Independent normal noise on every colour of every pixel, for `resgn.training.Trainer`.

    Attributes:
      sigma: standard deviation, in images of [0, 1].
      seed: of all draws.
    """

    sigma: float
    seed: int = 0

    def __post_init__(self) -> None:
        check_sigma(self.sigma)

    def __call__(self, images: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
        """Noisy copies of `[n, H, W, 3]`, beyond [0, 1] where the noise leads there.

        The noise is that of the whole batch, of which each replica takes its part: the number of
        devices does not change what is learned.
        """
        replica = tf.distribute.get_replica_context()
        index, replicas = (
            (0, 1)
            if replica is None
            else (replica.replica_id_in_sync_group, replica.num_replicas_in_sync)
        )
        size = tf.shape(images)
        seed = tf.stack([tf.constant(self.seed + TRAINING_NOISE, tf.int64), number])
        shape = tf.concat([[replicas * size[0]], size[1:]], axis=0)
        noise = tf.random.stateless_normal(shape, seed, stddev=self.sigma)
        return images + noise[index * size[0] : (index + 1) * size[0]]


def check_sigma(sigma: float) -> None:
    """Standard deviations are positive numbers.

    Raises:
      InputError: this one is not.
    """
    if not (sigma > 0.0 and math.isfinite(sigma)):
        raise InputError(f"`sigma` must be above 0, got {sigma}.")
