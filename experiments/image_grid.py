"""Images side by side."""

from __future__ import annotations

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
