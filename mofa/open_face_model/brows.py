"""Where brows lie on the head, by formula: MakeHuman paints none."""

from __future__ import annotations

import numpy as np

from mofa.arrays import Array


def soft_step(value: Array, width: float) -> Array:
    """A soft step: 0 below, 1 above zero, over about four widths."""
    return 1.0 / (1.0 + np.exp(-np.clip(value / width, -50.0, 50.0)))


def brow_height(x: Array | float) -> Array:
    """y of the middle of a brow at a distance x from the mirror plane, mm."""
    along = (np.asarray(x) - 10.0) / 43.0
    rise = 8.5 * np.clip(along, 0.0, 1.0) ** 0.8
    return 34.5 + rise - 9.0 * np.clip(along - 0.62, 0.0, 1.0)


def brow(points: Array, margin: float = 0.0) -> Array:
    """[V]: how much of a brow; an arch over each eye, wide inside and thin outside."""
    x = np.abs(points[:, 0])
    along = (x - 10.0) / 43.0
    middle = brow_height(x)
    half = 3.6 - 2.0 * np.clip(along, 0.0, 1.0) + margin
    across = soft_step(half - np.abs(points[:, 1] - middle), 0.7)
    ends = soft_step(x - 9.0 + margin, 1.2) * soft_step(53.0 + margin - x, 1.5)
    return across * ends * (points[:, 2] > 20.0)
