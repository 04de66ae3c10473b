"""Gaussian noise as a cleaner: what an attack fitted to the last pixel does not expect."""

from __future__ import annotations

import tensorflow as tf

from resgn.cleaners.base import Cleaner
from weights.errors import InputError


def gaussian_noise(sigma: float = 0.03) -> Cleaner:
    """Independent normal noise on every colour of every pixel, then clipped to [0, 1].

    Args:
      sigma: standard deviation, in the unit of images in [0, 1].

    Raises:
      InputError: sigma is not above 0.
    """
    if not sigma > 0.0:
        raise InputError(f"The noise's sigma must be above 0, got {sigma}.")

    def clean(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        noise = tf.random.stateless_normal(tf.shape(images), seed, stddev=sigma)
        return tf.clip_by_value(images + noise, 0.0, 1.0)

    return Cleaner("gaussian_noise", clean, random=True)
