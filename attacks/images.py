"""What an attack accepts: images, masks and budgets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from attacks.norms import Norm


def check_epsilons(epsilons: Sequence[float], norm: Norm = "linf") -> tuple[float, ...]:
    """Return the budgets as floats.

    Raises:
      ValueError: there is none, or one is not in (0, 1] (L-infinity) or not positive (L2).
    """
    values = tuple(float(epsilon) for epsilon in epsilons)
    if not values:
        raise ValueError("epsilons must name at least one budget.")
    for value in values:
        if norm == "linf" and not 0.0 < value <= 1.0:  # also refuses NaN
            raise ValueError(
                f"epsilon must lie in (0, 1], in the unit of images in [0, 1]; got {value}. "
                "7.65 grey levels of 255 are 0.03."
            )
        if norm == "l2" and not 0.0 < value < float("inf"):
            raise ValueError(f"epsilon must be positive and finite, got {value}.")
    return values


def check_images(images: np.ndarray | tf.Tensor) -> np.ndarray:
    """Return images as float32 `[N, H, W, 3]` in [0, 1]; uint8 is divided by 255.

    Raises:
      ValueError: another shape, no image, values that are not finite or outside [0, 1].
    """
    array = np.asarray(images)
    if array.ndim != 4 or array.shape[-1] != 3 or 0 in array.shape:
        raise ValueError(f"images must be [N, H, W, 3] with N, H, W > 0, got shape {array.shape}.")
    if array.dtype == np.uint8:
        return as_floats(array)
    array = array.astype(np.float32, copy=False)
    low, high = array.min(), array.max()  # NaN where one is
    if not (low >= 0.0 and high <= 1.0):
        raise ValueError(
            f"images must be finite and lie in [0, 1], got [{low}, {high}]; "
            "divide 8-bit values by 255."
        )
    return array


def as_floats(images: np.ndarray) -> np.ndarray:
    """Images as float32 in [0, 1]: uint8 is divided by 255."""
    if images.dtype == np.uint8:
        return images.astype(np.float32) / np.float32(255.0)
    return images.astype(np.float32, copy=False)


def check_mask(mask: np.ndarray | tf.Tensor, shape: tuple[int, ...]) -> np.ndarray:
    """Return a mask as float32 `[N, H, W, 1]` of zeros and ones.

    Args:
      mask: `[H, W, 1]` or `[N, H, W, 1]`; 1 or True where pixels may be changed.
      shape: of the images.

    Raises:
      ValueError: another shape, or values other than 0 and 1.
    """
    array = np.asarray(mask)
    count, height, width = shape[:3]
    if array.shape not in ((height, width, 1), (count, height, width, 1)):
        raise ValueError(
            f"mask must be [{height}, {width}, 1] or [{count}, {height}, {width}, 1], "
            f"got shape {array.shape}."
        )
    array = array.astype(np.float32)
    if not np.isin(array, (0.0, 1.0)).all():
        raise ValueError("mask must hold zeros and ones only.")
    return np.broadcast_to(array, (count, height, width, 1))
