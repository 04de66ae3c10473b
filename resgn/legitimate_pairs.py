"""Pairs to attack as Section 4.1 has them: of people kept apart, and verified correctly."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from resgn.calibration import calibrate_threshold
from resgn.faces.alignment import aligned_faces
from resgn.faces.dataset import FaceDataset
from resgn.faces.pairs import Pairs, make_pairs, split_people
from resgn.target import Target, embed_all
from resgn.verification import PAPER_THRESHOLD
from weights.errors import InputError

_log = logging.getLogger(__name__)

Embed = Callable[[tf.Tensor], tf.Tensor]
"""From images `[N, H, W, 3]` in [0, 1] to embeddings `[N, D]`."""

PARTS = ("train", "validation", "test")
FRACTIONS = (0.6, 0.1, 0.3)
"""Shares of the people; no person is in two parts."""

SPARE = 1.3
"""Pairs drawn for one wanted, since only those that the target verifies correctly are attacked."""


@dataclasses.dataclass(frozen=True)
class Counts:
    """Pairs of one person and of two in each part."""

    train: tuple[int, int]
    validation: tuple[int, int]
    test: tuple[int, int]


@dataclasses.dataclass(frozen=True)
class LegitimatePairs:
    """The pairs of each part that the target verifies correctly, on aligned crops.

    Attributes:
      images: uint8 `[I, 160, 160, 3]`.
      embeddings: of the target, `[I, D]`.
      parts: for each of `PARTS` its pairs, as rows of `images`.
      threshold: of the target.
      verified: share of all drawn test pairs that the target verifies correctly.
    """

    images: np.ndarray
    embeddings: np.ndarray
    parts: dict[str, Pairs]
    threshold: float
    verified: float


def legitimate_pairs(
    dataset: FaceDataset,
    target: Target,
    counts: Counts,
    calibrate: bool,
    seed: int,
    shared: Callable[[Embed], Embed] = lambda embed: embed,
) -> LegitimatePairs:
    """Draw identity-disjoint pairs, set the threshold on training pairs, keep what it gets right.

    Args:
      dataset: the faces.
      target: embeds them.
      counts: wanted pairs.
      calibrate: take the threshold from the training pairs; otherwise the paper's 1.1.
      seed: of split and pairs.
      shared: gives the same function of a batch, shared out over several devices; one by default.

    Raises:
      InputError: there are fewer usable pairs than wanted.
    """
    faces = aligned_faces(dataset, np.arange(len(dataset)))
    drawn = {
        part: _draw(faces.people, rows, getattr(counts, part), seed + number)
        for number, (part, rows) in enumerate(
            zip(PARTS, split_people(faces.people, FRACTIONS, seed), strict=True)
        )
    }
    used = np.unique(np.concatenate([np.r_[p.probe, p.reference] for p in drawn.values()]))
    row = np.full(len(faces), -1)
    row[used] = np.arange(len(used))
    images = faces.images[used]
    drawn = {part: Pairs(row[p.probe], row[p.reference], p.same) for part, p in drawn.items()}
    embeddings = embed_all(shared(tf.function(target)), images)

    def distances(pairs: Pairs) -> np.ndarray:
        difference = embeddings[pairs.probe] - embeddings[pairs.reference]
        return np.sum(np.square(difference), axis=-1)

    threshold = PAPER_THRESHOLD
    if calibrate:
        threshold = calibrate_threshold(distances(drawn["train"]), drawn["train"].same)
    right = {part: (distances(p) < threshold) == p.same for part, p in drawn.items()}
    parts = {
        part: _first(pairs.select(right[part]), getattr(counts, part), part)
        for part, pairs in drawn.items()
    }
    verified = float(right["test"].mean())
    _log.info(
        "threshold %.4f, %.2f %% of the test pairs drawn are verified correctly",
        threshold,
        100 * verified,
    )
    return LegitimatePairs(images, embeddings, parts, threshold, verified)


def _draw(people: np.ndarray, rows: np.ndarray, wanted: tuple[int, int], seed: int) -> Pairs:
    """Somewhat more pairs than wanted, as far as there are as many."""
    counts = np.unique(people[rows], return_counts=True)[1]
    same = int(np.sum(counts * (counts - 1) // 2))
    different = len(rows) * (len(rows) - 1) // 2 - same
    ask = [
        max(number, min(there, int(np.ceil(number * SPARE))))
        for number, there in zip(wanted, (same, different), strict=True)
    ]
    return make_pairs(people, rows, ask[0], ask[1], seed)


def _first(pairs: Pairs, wanted: tuple[int, int], part: str) -> Pairs:
    chosen = []
    for same, number in zip((True, False), wanted, strict=True):
        rows = np.flatnonzero(pairs.same == same)
        if len(rows) < number:
            name = "same" if same else "different"
            raise InputError(
                f"Only {len(rows)} of the {part} pairs ({name}) are verified correctly by the "
                f"target, {number} are asked for: lower {part}_{name} or give more photographs."
            )
        chosen.append(rows[:number])
    return pairs.select(np.concatenate(chosen))
