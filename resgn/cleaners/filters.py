"""Smoothing filters as cleaners (feature squeezing, Xu et al. 2018, Section III-B)."""

from __future__ import annotations

import tensorflow as tf

from resgn.cleaners import image_filters
from resgn.cleaners.base import Cleaner
from weights.errors import InputError


def gaussian_filter(side: int = 5, sigma: float = 1.0) -> Cleaner:
    """A Gaussian blur, reflected at the borders; linear, so that its gradient is exact.

    Args:
      side: of the kernel in pixels, odd.
      sigma: standard deviation in pixels.

    Raises:
      InputError: the side is even or below 1, or sigma not above 0.
    """
    _check_side(side)
    if not sigma > 0.0:
        raise InputError(f"The Gaussian filter's sigma must be above 0, got {sigma}.")

    def clean(images: tf.Tensor, _: tf.Tensor) -> tf.Tensor:
        blurred = image_filters.gaussian(images, side, sigma)
        # A mean may leave [0, 1] by a rounding error.
        return tf.ensure_shape(tf.clip_by_value(blurred, 0.0, 1.0), images.shape)

    return Cleaner("gaussian_filter", clean)


def median_filter(side: int = 3) -> Cleaner:
    """The median of each colour over a square, reflected at the borders.

    Its gradient leads to the one pixel that was the median and changes from step to step, so that
    the cleaner counts as not differentiable and is attacked with BPDA's identity (Athalye et al.
    2018). Which of the two serves an attack better was not measured here.

    Args:
      side: of the square in pixels, odd.

    Raises:
      InputError: the side is even or below 1.
    """
    _check_side(side)

    def clean(images: tf.Tensor, _: tf.Tensor) -> tf.Tensor:
        return tf.ensure_shape(image_filters.median(images, side), images.shape)

    return Cleaner("median_filter", clean, differentiable=False)


def _check_side(side: int) -> None:
    if side < 1 or side % 2 == 0:
        raise InputError(f"A filter's side must be odd and at least 1, got {side}.")
