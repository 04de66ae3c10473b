"""Codes from files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from mofa import code as codes
from mofa.arrays import Array
from weights.errors import InputError, brief

LARGEST_CODES = 64 << 20
"""Bytes of a file of codes; it holds thousands."""


def read_codes(path: Path) -> Array:
    """Codes from a file: float32 [N, 257].

    Args:
      path: `.npy`, `.json` (a list, or a list of lists) or text (a code a line).

    Returns:
      The codes.

    Raises:
      InputError: the file is missing, unreadable, or holds something else.
    """
    try:
        if path.stat().st_size > LARGEST_CODES:
            raise InputError(f"{path} has more than {LARGEST_CODES >> 20} MiB; give fewer codes.")
        if path.suffix == ".npy":
            # Mapped: a header that claims terabytes takes none.
            values = np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
        elif path.suffix == ".json":
            values = np.array(json.loads(path.read_text()), np.float64)
        else:
            values = np.loadtxt(path, delimiter="," if "," in path.read_text() else None)
        values = np.atleast_2d(values).astype(np.float32)
    except InputError:
        raise
    except Exception as error:  # numpy raises many things on damaged bytes
        raise InputError(f"{path} could not be read as codes ({brief(error)})") from error
    if values.ndim != 2 or values.shape[1] != codes.SIZE or not len(values):
        raise InputError(f"{path} has shape {values.shape}; codes are [N, {codes.SIZE}]")
    if not np.isfinite(values).all():
        raise InputError(f"{path} holds numbers that are not finite")
    return values
