"""Where a pair of glasses sits (Sharif et al. 2016): a mask for attacks that can be worn."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# In distances of the eyes.
_HALF_WIDTH, _HALF_HEIGHT = 0.40, 0.30  # of a lens, to the middle of its rim
_RIM = 0.13  # thickness of rim, bridge and temples
_TEMPLE_HEIGHT = 0.10  # of bridge and temples above the eyes


def eyeglasses(
    height: int,
    width: int,
    left_eye: tuple[float, float],
    right_eye: tuple[float, float],
    *,
    lenses: bool = False,
) -> NDArray[np.float32]:
    """The frame of a pair of glasses on a face, as a mask.

    Args:
      height: of the image in pixels.
      width: of the image in pixels.
      left_eye: (x, y) of the centre of the eye at the left of the image, in pixels, with 0 in the
        middle of the first pixel.
      right_eye: the other eye.
      lenses: include what lies within the rims.

    Returns:
      float32 `[height, width, 1]`, 1 on the glasses and 0 elsewhere.

    Raises:
      ValueError: a size is below 1, or the eyes fall together or are not finite.
    """
    if min(height, width) < 1:
        raise ValueError(f"height and width must be at least 1, got {height} and {width}.")
    left, right = np.asarray(left_eye, float), np.asarray(right_eye, float)
    across = right - left
    distance = float(np.hypot(*across)) if across.shape == (2,) else 0.0
    if not np.isfinite(distance) or distance < 1.0:
        raise ValueError(
            f"left_eye and right_eye must be (x, y) apart from each other, got {left_eye} and "
            f"{right_eye}."
        )
    # Coordinates along and across the line of the eyes, in their distance: eyes at (-0.5, 0) and
    # (0.5, 0), v downwards.
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    x, y = x - (left + right)[0] / 2.0, y - (left + right)[1] / 2.0
    unit = across / distance
    u = (x * unit[0] + y * unit[1]) / distance
    v = (y * unit[0] - x * unit[1]) / distance

    to_eye = np.abs(u) - 0.5  # both lenses at once, by symmetry
    outer = _ellipse(to_eye, v, _RIM / 2.0)
    inner = _ellipse(to_eye, v, -_RIM / 2.0)
    beyond = (np.abs(u) < 0.5 - _HALF_WIDTH) | (np.abs(u) > 0.5 + _HALF_WIDTH)
    bar = beyond & (np.abs(v + _TEMPLE_HEIGHT) <= _RIM / 2.0)
    glasses = (outer & ~inner) | bar
    if lenses:
        glasses |= inner
    return glasses.astype(np.float32)[..., np.newaxis]


def _ellipse(u: NDArray[np.float64], v: NDArray[np.float64], more: float) -> NDArray[np.bool_]:
    return (u / (_HALF_WIDTH + more)) ** 2 + (v / (_HALF_HEIGHT + more)) ** 2 <= 1.0
