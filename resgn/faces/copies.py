"""The same picture more than once in a data set, which would make its numbers worthless.

A picture that is compared with itself is at distance 0: as a pair of one person it flatters, and as
a pair of two it brings every strict threshold below all true pairs, so that TAR falls to 0. If its
two people fall into training and test, what was learned is measured.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import tqdm

from resgn.faces.dataset import FaceDataset
from weights.errors import InputError
from weights.files import sha256

_log = logging.getLogger(__name__)

SHOWN = 3
"""Pictures that are named; of the others it is said how many they are."""


def without_copies(dataset: FaceDataset) -> FaceDataset:
    """A data set in which no picture is twice.

    Pictures are compared by the content of their files, all of which are read (200,000 in about
    half a minute). Of copies under one person the first stays; of a picture under several people
    nobody knows whose it is, and none stays. What is left out is logged, and named in `left_out`.

    Args:
      dataset: as it was listed.

    Returns:
      The same data set where every picture is there once.

    Raises:
      InputError: nothing is left.
    """
    if dataset.name == "orl":
        return dataset
    with ThreadPoolExecutor() as pool:  # hashing runs outside of Python's lock
        hashed = pool.map(lambda index: _hash(dataset, index), range(len(dataset)))
        bar = tqdm.tqdm(hashed, desc="reading", total=len(dataset), unit="image", delay=2)
        groups: dict[str, list[int]] = defaultdict(list)
        for index, digest in enumerate(bar):
            groups[digest].append(index)
    again: dict[int, str] = {}
    contested: dict[int, str] = {}
    for rows in groups.values():
        if len(rows) == 1 or not _readable(dataset, rows[0]):
            continue
        files = [dataset.files[row] for row in rows]
        if len({int(dataset.people[row]) for row in rows}) > 1:
            for row in rows:
                others = ", ".join(file for file in files if file != dataset.files[row])
                contested[row] = f"the same picture as {others}, of somebody else"
        else:
            again |= dict.fromkeys(rows[1:], f"the same picture as {files[0]}")
    if not again and not contested:
        return dataset
    if again:
        _log.warning(
            "%s: %d photographs are copies of others of the same person and are left out: %s",
            dataset.root,
            len(again),
            _named(dataset, again),
        )
    if contested:
        _log.warning(
            "%s: %d photographs are under two people or more, and nobody knows whose they are; "
            "they are left out: %s",
            dataset.root,
            len(contested),
            _named(dataset, contested),
        )
    left_out = again | contested
    rows_left = np.setdiff1d(np.arange(len(dataset)), list(left_out))
    if not len(rows_left):
        raise InputError(
            f"{dataset.root}: every photograph is under two people or more, for example "
            f"{_named(dataset, contested)}. Mend the data set."
        )
    reasons = {dataset.files[row]: reason for row, reason in left_out.items()}
    return replace(dataset.part(rows_left), left_out={**dataset.left_out, **reasons})


def _named(dataset: FaceDataset, reasons: dict[int, str]) -> str:
    shown = [f"{dataset.files[row]} ({reasons[row]})" for row in sorted(reasons)[:SHOWN]]
    more = f" and {len(reasons) - SHOWN} more" if len(reasons) > SHOWN else ""
    return ", ".join(shown) + more


def _readable(dataset: FaceDataset, index: int) -> bool:
    """Files of 0 bytes are all the same, and no picture; they are said when they are read."""
    try:
        dataset.image(index)
    except InputError:
        return False
    return True


def _hash(dataset: FaceDataset, index: int) -> str:
    try:
        return sha256(dataset.path(index))
    except OSError:  # said when the photograph is read
        return f"unreadable {index}"
