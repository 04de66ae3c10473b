"""Pairs of images for verification: read from LFW's lists, or drawn."""

from __future__ import annotations

import itertools
import logging
import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resgn.faces.dataset import FaceDataset
from weights.errors import InputError
from weights.text_file import read_lines

_log = logging.getLogger(__name__)

FOLDS = 10
"""Folds of LFW's View 2, and of the lists that have none of their own."""

_FORMAT = (
    "Expected LFW's format: a first line '10<tab>300' or '1100', then lines 'name n1 n2' (same "
    "person) and 'name1 n1 name2 n2' (different people)"
)


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of images of a data set.

    Attributes:
      probe: int64 `[P]`, the image that is attacked and cleaned, an index into the data set.
      reference: int64 `[P]`, the image it is compared with.
      same: bool `[P]`, whether both show one person.
      fold: int64 `[P]`, the fold of a cross-validation, from 0; None where there are none.
    """

    probe: NDArray[np.int64]
    reference: NDArray[np.int64]
    same: NDArray[np.bool_]
    fold: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        shapes = {name: np.shape(getattr(self, name)) for name in ("probe", "reference", "same")}
        if self.fold is not None:
            shapes["fold"] = np.shape(self.fold)
        if len(set(shapes.values())) != 1 or len(np.shape(self.probe)) != 1:
            raise ValueError(f"probe, reference, same, fold: expected one shape [P], got {shapes}")

    def __len__(self) -> int:
        return len(self.probe)

    def select(self, mask: NDArray[Any]) -> Pairs:
        """The pairs that a boolean mask `[P]`, or an array of their numbers, picks."""
        fold = None if self.fold is None else self.fold[mask]
        return Pairs(self.probe[mask], self.reference[mask], self.same[mask], fold)


def read_pairs(path: str | os.PathLike[str], dataset: FaceDataset) -> Pairs:
    """Read a list of pairs in LFW's format.

    `pairs.txt` (View 2) says in its first line how many folds and how many pairs of each kind a
    fold has; `pairsDevTrain.txt` and its siblings (View 1) only how many pairs of each kind, and
    get ten folds of equal parts in the order of the list. A number after a name means the file of
    that person whose name ends in it.

    Args:
      path: the list; one that is not there is looked for beside the data set's folder of images.
      dataset: the images that the list names.

    Returns:
      The pairs in the order of the list, with folds. That one is there again, whichever image comes
      first, is logged.

    Raises:
      InputError: the file is missing or malformed, has another number of lines than it says, or
        names images that are not in the data set.
    """
    path = _find(Path(path).expanduser(), dataset)
    rows = read_lines(path)
    folds, per_fold = _header(path, rows)
    rows = rows[1:]
    if len(rows) != 2 * folds * per_fold:
        raise InputError(
            f"{path} has {len(rows)} pairs, but its first line announces {2 * folds * per_fold} "
            f"({folds} x {per_fold} of each kind). {_FORMAT}."
        )
    same = np.tile(np.repeat([True, False], per_fold), folds)
    parsed = [_pair(path, *row, bool(kind)) for row, kind in zip(rows, same, strict=True)]
    images = _look_up(path, parsed, dataset)
    if folds > 1:
        fold = np.repeat(np.arange(folds), 2 * per_fold)
    else:
        fold = np.tile(np.arange(per_fold) * FOLDS // per_fold, 2)
    first = np.sort(np.unique(np.sort(images, axis=1), axis=0, return_index=True)[1])
    if len(first) < len(images):
        again = np.setdiff1d(np.arange(len(images)), first)
        _log.warning(
            "%s: %d pairs are there again and count each time; the first is on line %d",
            path,
            len(again),
            rows[again[0]][0],
        )
    return Pairs(images[:, 0], images[:, 1], same, fold)


def make_pairs(
    dataset_people: NDArray[np.integer[Any]],
    indices: Sequence[int] | NDArray[np.integer[Any]],
    same: int,
    different: int,
    seed: int,
) -> Pairs:
    """Draw distinct pairs.

    Pairs of one person are spread over the people as evenly as their numbers of images allow; for
    pairs of different people, first the two people are drawn, then an image of each, as LFW's own
    were. Which of two images is the probe is drawn too.

    Args:
      dataset_people: `[N]`, the person in each image of the data set.
      indices: `[M]`, the images that may be used.
      same: how many pairs of one person.
      different: how many pairs of different people.
      seed: the same seed gives the same pairs.

    Returns:
      `same` pairs of one person, then `different` of two; no pair twice, nor mirrored. No folds.

    Raises:
      InputError: there are fewer such pairs.
      ValueError: a negative number, or an index outside the data set.
    """
    dataset_people = np.asarray(dataset_people)
    indices = np.unique(np.asarray(indices, np.int64))
    if same < 0 or different < 0:
        raise ValueError(f"same, different: expected 0 or more, got {same} and {different}")
    if len(indices) and not 0 <= indices[0] <= indices[-1] < len(dataset_people):
        raise ValueError(f"indices: expected 0 to {len(dataset_people) - 1}")
    rng = np.random.default_rng(seed)
    people = np.unique(dataset_people[indices], return_inverse=True)[1].reshape(-1)
    counts = np.bincount(people) if len(people) else np.zeros(0, np.int64)
    of_one = int(np.sum(counts * (counts - 1) // 2))
    of_two = len(indices) * (len(indices) - 1) // 2 - of_one
    for wanted, there, kind in ((same, of_one, "one person"), (different, of_two, "two people")):
        if wanted > there:
            raise InputError(
                f"{wanted} pairs of images of {kind} are asked for, but {len(indices)} usable "
                f"images of {len(counts)} people make only {there}. Ask for fewer, or give more "
                "photographs."
            )
    pairs = np.concatenate(
        [_same_pairs(people, counts, same, rng), _different_pairs(people, counts, different, rng)]
    )
    pairs = indices[rng.permuted(pairs, axis=1)]
    return Pairs(pairs[:, 0], pairs[:, 1], np.repeat([True, False], [same, different]))


def split_people(
    people: NDArray[np.integer[Any]], fractions: Sequence[float], seed: int
) -> list[NDArray[np.int64]]:
    """Split images so that no person is in two parts, and no part without one.

    Args:
      people: `[N]`, the person in each image.
      fractions: of the people, for each part; what they leave of 1 is in no part.
      seed: the same seed gives the same parts.

    Returns:
      For each fraction the int64 indices of its images, ascending.

    Raises:
      InputError: there are fewer people than parts.
      ValueError: fractions that are not above 0, or sum to more than 1.
    """
    people = np.asarray(people)
    if not len(fractions) or min(fractions) <= 0 or math.fsum(fractions) > 1 + 1e-9:
        raise ValueError(f"fractions: expected above 0 and at most 1 in all, got {fractions}")
    names = np.unique(people)
    order = np.random.default_rng(seed).permutation(names)
    if len(names) < len(fractions):
        raise InputError(
            f"{len(names)} people are too few to be split into {len(fractions)} parts; give "
            "photographs of more people."
        )
    sizes = np.diff(np.round(np.cumsum([0.0, *fractions]) * len(names)).astype(int))
    while (sizes < 1).any():  # a small part of few people, rounded away
        sizes[np.argmin(sizes)] += 1
        if sizes.sum() > len(names):
            sizes[np.argmax(sizes)] -= 1
    ends = np.cumsum([0, *sizes])
    return [
        np.flatnonzero(np.isin(people, order[start:end])) for start, end in itertools.pairwise(ends)
    ]


def _find(path: Path, dataset: FaceDataset) -> Path:
    folders = [Path(), dataset.root, *list(dataset.root.parents)[:2]]
    for folder in folders:
        if (folder / path).is_file():
            return folder / path
    places = "" if path.is_absolute() else f", neither here nor in {dataset.root} nor above it"
    raise InputError(f"{path}: there is no such list of pairs{places}.")


def _header(path: Path, rows: list[tuple[int, str]]) -> tuple[int, int]:
    """Folds and pairs of each kind in a fold."""
    if not rows:
        raise InputError(f"{path} is empty. {_FORMAT}.")
    numbers = rows[0][1].split()
    if len(numbers) > 2 or not all(re.fullmatch(r"[0-9]{1,9}", number) for number in numbers):
        raise InputError(f"{path}, line {rows[0][0]}: {rows[0][1]!r} is no header. {_FORMAT}.")
    folds, per_fold = (1, int(numbers[0])) if len(numbers) == 1 else map(int, numbers)
    if not folds or not per_fold:
        raise InputError(f"{path} announces no pairs in its first line. {_FORMAT}.")
    return folds, per_fold


def _pair(
    path: Path, number: int, line: str, same: bool
) -> tuple[tuple[str, int], tuple[str, int]]:
    # Names with spaces work where the columns are parted by tabs, as LFW's are.
    parts = [part.strip() for part in (line.split("\t") if "\t" in line else line.split())]
    columns = [0, 1, 0, 2] if same else [0, 1, 2, 3]
    if len(parts) != max(columns) + 1 or not all(
        re.fullmatch(r"[0-9]{1,9}", parts[column]) for column in (columns[1], columns[3])
    ):
        kind = "'name n1 n2', a pair of one person" if same else "'name1 n1 name2 n2', two people"
        raise InputError(f"{path}, line {number}: {line!r} is not {kind}. {_FORMAT}.")
    first, second = [(parts[name], int(parts[image])) for name, image in (columns[:2], columns[2:])]
    if first == second or (not same and first[0] == second[0]):
        told = "pairs an image with itself" if same else "has the same person twice"
        raise InputError(f"{path}, line {number}: {line!r} {told}. {_FORMAT}.")
    return first, second


def _look_up(
    path: Path, parsed: list[tuple[tuple[str, int], tuple[str, int]]], dataset: FaceDataset
) -> NDArray[np.int64]:
    """int64 `[P, 2]` indices into the data set."""
    numbered: dict[tuple[str, int], int] = {}
    wanted = {image for pair in parsed for image in pair}
    for index, file in enumerate(dataset.files):
        number = _number(file)
        image = (dataset.person_of(index), -1 if number is None else number)
        if image in wanted and numbered.setdefault(image, index) != index:
            raise InputError(
                f"{path} names image {number} of {image[0]}, and both "
                f"{dataset.files[numbered[image]]} and {file} end in it. Rename one of them."
            )
    absent = wanted - numbered.keys()
    if absent:
        broken = [pair for pair in parsed if not absent.isdisjoint(pair)]
        name, first = next(image for image in broken[0] if image in absent)
        for file, reason in dataset.left_out.items():
            if (file.rpartition("/")[0], _number(file)) in absent:
                raise InputError(
                    f"{path} names {file}, which is {reason}. Mend the data set or the list."
                )
        raise InputError(
            f"{path} names images that are not in {dataset.root}: {len(absent)} of {len(wanted)}, "
            f"needed by {len(broken)} of its {len(parsed)} pairs, the first image {first} of "
            f"{name}. Complete the data set, or give a list whose images are there."
        )
    return np.array([[numbered[image] for image in pair] for pair in parsed], np.int64)


def _number(file: str) -> int | None:
    """The number that a file's name ends in."""
    digits = re.search(r"([0-9]{1,9})$", Path(file).stem)
    return int(digits[1]) if digits else None


def _same_pairs(
    people: NDArray[np.int64], counts: NDArray[np.int64], total: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """`[total, 2]` positions in `people`."""
    available = counts * (counts - 1) // 2
    pairs = [np.zeros([0, 2], np.int64)]
    for person, share in enumerate(_even_shares(available, total, rng)):
        if share:
            images = np.flatnonzero(people == person)
            ranks = rng.choice(available[person], share, replace=False)
            pairs.append(images[_pair_of_rank(ranks)])
    return rng.permutation(np.concatenate(pairs))


def _even_shares(
    available: NDArray[np.int64], total: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Shares of `total`, at most `available`, that differ by one among those not used up."""
    low, high = 0, max(available.tolist(), default=0)
    while low < high:  # the highest level that does not exceed the total
        level = (low + high + 1) // 2
        if np.minimum(available, level).sum() <= total:
            low = level
        else:
            high = level - 1
    shares = np.minimum(available, low)
    more = rng.permutation(np.flatnonzero(available > low))
    shares[more[: total - shares.sum()]] += 1
    return shares


def _pair_of_rank(ranks: NDArray[np.int64]) -> NDArray[np.int64]:
    """The pair (i, j), i < j, at each place of (0, 1), (0, 2), (1, 2), (0, 3), ..."""
    j = ((1 + np.sqrt(8.0 * ranks + 1)) // 2).astype(np.int64)
    # The root is rounded; one step mends it either way.
    j -= j * (j - 1) // 2 > ranks
    j += j * (j + 1) // 2 <= ranks
    return np.stack([ranks - j * (j - 1) // 2, j], 1)


def _different_pairs(
    people: NDArray[np.int64], counts: NDArray[np.int64], total: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """`[total, 2]` positions in `people`."""
    size = len(people)
    by_person = np.argsort(people, kind="stable")
    starts = np.cumsum(counts) - counts
    codes = np.zeros(0, np.int64)
    for _ in range(20):
        if len(codes) >= total:
            break
        drawn = rng.integers(len(counts), size=[2 * total + 16, 2])
        drawn = drawn[drawn[:, 0] != drawn[:, 1]]
        images = by_person[starts[drawn] + rng.integers(counts[drawn])]
        codes = _in_order_of_first(np.concatenate([codes, images.min(1) * size + images.max(1)]))
    if len(codes) < total:
        # Nearly all there are: draw the rest from a list of what is left.
        first, second = np.triu_indices(size, 1)
        differ = people[first] != people[second]
        rest = np.setdiff1d(first[differ] * size + second[differ], codes)
        codes = np.concatenate([codes, rng.permutation(rest)])
    codes = codes[:total]
    return np.stack([codes // size, codes % size], 1) if size else np.zeros([0, 2], np.int64)


def _in_order_of_first(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    return codes[np.sort(np.unique(codes, return_index=True)[1])]
