"""Batches of few shapes, so that there are few traces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np


def full_size(count: int, batch_size: int) -> int:
    """Rows of each batch: `batch_size`, or for fewer images the next power of two.

    Raises:
      ValueError: `batch_size` is below 1.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}.")
    return min(batch_size, 1 << (count - 1).bit_length())


def rows_of_batches(
    count: int, full: int, starts: Iterable[int] | None = None
) -> Iterator[tuple[int, int, np.ndarray]]:
    """For each batch where it starts, how many rows it has, and its rows.

    A last batch that is not full is filled up by repeating its rows.

    Args:
      count: all rows.
      full: rows of each batch.
      starts: `range(0, count, full)`, perhaps wrapped to show progress.
    """
    for start in range(0, count, full) if starts is None else starts:
        size = min(full, count - start)
        yield start, size, start + np.arange(full) % size
