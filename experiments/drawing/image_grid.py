"""Images side by side."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from mofa.arrays import Array


def grid(images: Array, columns: int) -> Array:
    """Images [N, H, W, 3] side by side, in rows, filled up with white."""
    count, height, width, channels = images.shape
    rows = -(-count // columns)
    full = np.ones((rows * columns, height, width, channels), images.dtype)
    full[:count] = images
    full = full.reshape(rows, columns, height, width, channels).transpose(0, 2, 1, 3, 4)
    return full.reshape(rows * height, columns * width, channels)


STRIP = 26
"""Height of a strip of names, pixels."""


def named(columns: Sequence[str], width: int) -> Array:
    """A white strip with a name over each column, float32 [26, columns * width, 3].

    Args:
      columns: their names, in ASCII.
      width: of a column, pixels.
    """
    strip = np.full((STRIP, width * len(columns), 3), 255, np.uint8)
    for number, name in enumerate(columns):
        size = 0.45
        (length, height), _ = cv2.getTextSize(name, cv2.FONT_HERSHEY_SIMPLEX, size, 1)
        if length > width - 4:
            size *= (width - 4) / length
            length = width - 4
        place = (number * width + (width - length) // 2, (STRIP + height) // 2)
        cv2.putText(strip, name, place, cv2.FONT_HERSHEY_SIMPLEX, size, (0, 0, 0), 1, cv2.LINE_AA)
    return strip.astype(np.float32) / np.float32(255.0)
