"""The lists that come with aligned CelebA (Liu et al. 2015): landmarks and partition."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mofa.arrays import Array
from weights.errors import InputError

LANDMARKS = "list_landmarks_align_celeba.txt"
PARTITION = "list_eval_partition.txt"
PARTS = ("train", "validation", "test")


def read_landmarks(path: Path) -> dict[str, Array]:
    """File name to five landmarks.

    Args:
      path: `list_landmarks_align_celeba.txt`: a count, a line of names, then
        `000001.jpg x y x y x y x y x y`: left eye (of the picture), right eye, nose, left and right
        corner of the mouth.

    Returns:
      float32 [5, 2] for each file, (x, y) in pixels.

    Raises:
      InputError: a line is malformed.
    """
    result = {}
    for number, fields in _rows(path):
        if len(fields) == 11 and "." in fields[0]:
            try:
                result[fields[0]] = np.array(fields[1:], np.float32).reshape(5, 2)
                continue
            except ValueError:
                pass
        elif number <= 2:
            continue
        raise InputError(f"{path}, line {number}: expected a file and ten numbers.")
    return result


def read_partition(path: Path) -> dict[str, str]:
    """File name to `train`, `validation` or `test`.

    Args:
      path: `list_eval_partition.txt`, lines `000001.jpg 0`.

    Returns:
      The part of each file.

    Raises:
      InputError: a line is malformed.
    """
    result = {}
    for number, fields in _rows(path):
        if len(fields) != 2 or fields[1] not in ("0", "1", "2"):
            raise InputError(f"{path}, line {number}: expected a file and 0, 1 or 2.")
        result[fields[0]] = PARTS[int(fields[1])]
    return result


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read ({error}).") from error
    return [(number, line.split()) for number, line in enumerate(lines, 1) if line.strip()]
