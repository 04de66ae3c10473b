"""Small arrays kept in the user's cache, under a name that says all that decides them."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from experiments.running.results import write_array
from weights.folders import cache_folder

_log = logging.getLogger(__name__)


def digest(settings: Any, arrays: Iterable[np.ndarray]) -> str:
    """A name for what these settings make of these arrays: 32 hexadecimal digits.

    Args:
      settings: what decides the result besides the arrays, as JSON can hold it.
      arrays: the rest.
    """
    return digest_of(json.dumps(settings), arrays)


def digest_of(text: str, arrays: Iterable[np.ndarray]) -> str:
    """The same with the settings as text."""
    found = hashlib.sha256(text.encode())
    for array in arrays:
        found.update(f"{array.dtype} {array.shape}".encode())
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()[:32]


def kept(
    kind: str,
    name: str,
    like: np.ndarray,
    compute: Callable[[], np.ndarray],
    everyone: Callable[[bool], bool] = bool,
) -> np.ndarray:
    """An array from the cache, or computed now and put there.

    A damaged file is computed anew; a cache that cannot be written means a warning and no more.

    Args:
      kind: the folder in the cache.
      name: of `digest`, over all that decides the array.
      like: an array of the same shape and type.
      compute: gives it if it is not there.
      everyone: of several machines that compute it together, whether all have it, see
        `Devices.everyone`.
    """
    path = cache_folder() / kind / f"{name}.npy"
    found = _read(path, like)
    if everyone(found is not None) and found is not None:
        return found
    found = compute()
    try:
        write_array(path, found)
    except OSError as error:
        _log.warning("%s: not kept, %s cannot be written (%s).", kind, path, error)
    return found


def _read(path: Path, like: np.ndarray) -> np.ndarray | None:
    try:
        found = np.asarray(np.load(path, allow_pickle=False))
        if (found.shape, found.dtype) != (like.shape, like.dtype):
            raise ValueError("it holds something else")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, EOFError) as error:
        _log.warning("%s is damaged (%s) and is computed anew.", path, error)
        return None
    return found
