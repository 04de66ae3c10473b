"""Many images, of which some are read at a time."""

from __future__ import annotations

from typing import Protocol

import numpy as np


class Images(Protocol):
    """Many images uint8 `[M, H, W, 3]`: an array, or something that reads rows as asked."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """The images of these rows."""
