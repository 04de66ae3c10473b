"""Attacked images kept in the user's cache, under a name that says all that decides them."""

from __future__ import annotations

import logging
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from experiments.running import content_cache
from weights.atomic import atomic_path
from weights.folders import cache_folder

_log = logging.getLogger(__name__)


def entry(settings: Any, arrays: Iterable[np.ndarray]) -> Path:
    """The file of one set.

    Args:
      settings: what decides the set besides the arrays, as JSON can hold it.
      arrays: images, codes, rows.
    """
    return cache_folder() / "adversarial" / f"{content_cache.digest(settings, arrays)}.npz"


def read(path: Path, shape: tuple[int, ...]) -> np.ndarray | None:
    """The images of a file, uint8 of this shape; None where they have to be made (anew)."""
    try:
        with np.load(path, allow_pickle=False) as file:
            adversarial = file["adversarial"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        _log.warning("%s is damaged (%s) and is made anew.", path, error)
        return None
    if adversarial.shape != shape or adversarial.dtype != np.uint8:
        _log.warning("%s holds something else and is made anew.", path)
        return None
    return adversarial


def write(path: Path, adversarial: np.ndarray) -> None:
    """Keep images uint8; a folder that cannot be written means a warning and no cache."""
    try:
        with atomic_path(path) as temporary:
            np.savez(temporary, adversarial=adversarial)
    except OSError as error:
        _log.warning("The adversarial set is not kept: %s cannot be written (%s).", path, error)
