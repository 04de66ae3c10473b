"""Columns of images side by side, each under its name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from experiments.drawing.image_grid import grid, named
from resgn.faces.image_file import write_image


def save_panel(path: Path, columns: Mapping[str, np.ndarray]) -> None:
    """Write images side by side, a row for each.

    Args:
      path: the PNG.
      columns: by name, images `[N, H, W, 3]` in [0, 1].
    """
    rows = np.stack(list(columns.values()), axis=1)
    body = grid(rows.reshape(-1, *rows.shape[2:]), len(columns))
    write_image(path, np.concatenate([named(list(columns), rows.shape[3]), body]))


def amplified(difference: np.ndarray, factor: float = 10.0) -> np.ndarray:
    """A perturbation `[N, H, W, 3]` around grey, so that it can be seen."""
    return np.clip(0.5 + factor * difference, 0.0, 1.0)
