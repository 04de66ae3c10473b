"""Bit depth reduction as a cleaner (feature squeezing, Xu et al. 2018, Section III-A)."""

from __future__ import annotations

import tensorflow as tf

from resgn.cleaners.base import Cleaner
from weights.errors import InputError


def bit_depth(bits: int = 4) -> Cleaner:
    """Each colour rounded to the nearest of `2 ** bits` levels; the gradient is zero everywhere.

    Args:
      bits: from 1 to 8; Xu et al. squeeze colour images to 4 and 5.

    Raises:
      InputError: another number of bits.
    """
    if not 1 <= bits <= 8:
        raise InputError(f"Bit depth must lie in [1, 8], got {bits}.")
    highest = float(2**bits - 1)

    def clean(images: tf.Tensor, _: tf.Tensor) -> tf.Tensor:
        return tf.round(images * highest) / highest

    return Cleaner("bit_depth", clean, differentiable=False)
