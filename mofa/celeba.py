"""The lists that come with aligned CelebA (Liu et al. 2015): landmarks and partition."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np

from mofa.arrays import Array
from weights.errors import InputError
from weights.text_file import read_lines

LANDMARKS = "list_landmarks_align_celeba.txt"
PARTITION = "list_eval_partition.txt"
PARTS = ("train", "validation", "test")


def read_landmarks(path: Path) -> dict[str, Array]:
    """Five landmarks of each file.

    Args:
      path: `list_landmarks_align_celeba.txt`: a count, a line of names, then
        `000001.jpg x y x y x y x y x y`: left eye (of the picture), right eye, nose, left and right
        corner of the mouth. Commas between them serve as well.

    Returns:
      By file name, float32 [5, 2], (x, y) in pixels.

    Raises:
      InputError: a line is malformed, or two of a file differ.
    """
    result: dict[str, Array] = {}
    for number, fields in _rows(path):
        try:
            if len(fields) != 11:
                raise ValueError
            points = np.array(fields[1:], np.float32).reshape(5, 2)
        except ValueError:
            raise InputError(f"{path}, line {number}: expected a file and ten numbers.") from None
        if not np.array_equal(result.setdefault(fields[0], points), points):
            raise _contradiction(path, number, fields[0])
    return result


def read_partition(path: Path) -> dict[str, str]:
    """The part of each file.

    Args:
      path: `list_eval_partition.txt`, lines `000001.jpg 0`.

    Returns:
      By file name `train`, `validation` or `test`.

    Raises:
      InputError: a line is malformed, or two of a file differ.
    """
    result: dict[str, str] = {}
    for number, fields in _rows(path):
        if len(fields) != 2 or fields[1] not in ("0", "1", "2"):
            raise InputError(f"{path}, line {number}: expected a file and 0, 1 or 2.")
        part = PARTS[int(fields[1])]
        if result.setdefault(fields[0], part) != part:
            raise _contradiction(path, number, fields[0])
    return result


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """Numbers and fields of the lines behind a count or names of columns, which name no file."""
    rows = [(number, line.replace(",", " ").split()) for number, line in read_lines(path)]
    return list(itertools.dropwhile(lambda row: "." not in row[1][0], rows))


def _contradiction(path: Path, number: int, file: str) -> InputError:
    return InputError(
        f"{path} contradicts itself: line {number} says something else of {file} than a line "
        "before. Mend the list."
    )
