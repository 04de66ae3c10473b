"""JPEG compression as a cleaner (Dziugaite et al. 2016; Guo et al. 2018)."""

from __future__ import annotations

import tensorflow as tf

from resgn.cleaners.base import Cleaner
from weights.errors import InputError


def jpeg(quality: int = 75) -> Cleaner:
    """The image as a JPEG file holds it, through libjpeg itself: there is no gradient.

    Args:
      quality: libjpeg's, from 1 to 100; 75, its default, is that of Guo et al. 2018.

    Raises:
      InputError: another quality.
    """
    if not 1 <= quality <= 100:
        raise InputError(f"JPEG's quality must lie in [1, 100], got {quality}.")

    def through_a_file(image: tf.Tensor) -> tf.Tensor:
        return tf.io.decode_jpeg(tf.io.encode_jpeg(image, quality=quality), channels=3)

    def clean(images: tf.Tensor, _: tf.Tensor) -> tf.Tensor:
        stored = tf.cast(tf.round(images * 255.0), tf.uint8)
        decoded = tf.map_fn(through_a_file, stored, fn_output_signature=tf.uint8)
        return tf.ensure_shape(tf.cast(decoded, tf.float32) / 255.0, images.shape)

    return Cleaner("jpeg", clean, differentiable=False)
