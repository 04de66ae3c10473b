"""JSON as every reader takes it: numbers that JSON does not have are null."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from absl import logging

from weights.atomic import atomic_path
from weights.errors import brief

T = TypeVar("T")


def as_text(data: Any, indent: int | None = None) -> str:
    """Data as JSON, infinite numbers and NaN as null."""
    return json.dumps(_finite(data), indent=indent, allow_nan=False)


def write_json(path: Path, data: Any) -> None:
    """Write JSON whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(as_text(data, 2) + "\n", "utf-8")


def read_kept(path: Path, read: Callable[[Any], T]) -> T | None:
    """What an earlier part of a run left in a file; None where it has to be made (anew).

    Args:
      path: the file.
      read: makes of its content what is wanted; whatever it cannot read counts as damage.
    """
    try:
        return read(json.loads(path.read_text("utf-8")))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        logging.warning("%s is damaged (%s) and is made anew.", path, brief(error))
        return None


def _finite(data: Any) -> Any:
    if isinstance(data, float):
        return data if math.isfinite(data) else None
    if isinstance(data, Mapping):
        return {key: _finite(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_finite(value) for value in data]
    return data
