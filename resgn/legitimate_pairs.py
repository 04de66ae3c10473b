"""Pairs to attack as Section 4.1 has them: of people kept apart, and verified correctly."""

from __future__ import annotations

import dataclasses
import itertools
import logging
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from resgn.calibration import calibrate_threshold
from resgn.faces.alignment import AlignedFaces
from resgn.faces.copies import without_copies
from resgn.faces.dataset import FaceDataset
from resgn.faces.gathering import GatheredFaces
from resgn.faces.landmarks import nobody
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
      drawn: all pairs that were drawn for training, by which thresholds are set.
      faces: where in their photographs the images lie; None of images that are no photographs.
      dataset: the photographs that `faces` names, without copies.
    """

    images: np.ndarray
    embeddings: np.ndarray
    parts: dict[str, Pairs]
    threshold: float
    verified: float
    drawn: Pairs | None = None
    faces: AlignedFaces | None = None
    dataset: FaceDataset | None = None

    @property
    def people(self) -> np.ndarray | None:
        """Int `[I]`, whom each image shows; None where nobody knows."""
        return None if self.faces is None else self.faces.people

    @property
    def learned_from(self) -> Pairs:
        """The training pairs before those were left out that the target verifies wrongly."""
        return self.parts["train"] if self.drawn is None else self.drawn


def legitimate_pairs(
    dataset: FaceDataset,
    target: Target,
    counts: Counts,
    calibrate: bool,
    seed: int,
    shared: Callable[[Embed], Embed] = lambda embed: embed,
    change: Callable[[np.ndarray], np.ndarray] | None = None,
) -> LegitimatePairs:
    """Draw identity-disjoint pairs, set the threshold on training pairs, keep what it gets right.

    Pairs are drawn by names and people, so that only the photographs of drawn ones are aligned.

    Args:
      dataset: the faces; copies in it are left out.
      target: embeds them.
      counts: wanted pairs.
      calibrate: take the threshold from the training pairs; otherwise the paper's 1.1.
      seed: of split and pairs.
      shared: gives the same function of a batch, shared out over several devices; one by default.
      change: what is done to all crops together before anything else, uint8 to uint8.

    Raises:
      InputError: there are fewer usable pairs than wanted.
    """
    dataset = without_copies(dataset)
    gathered = GatheredFaces(dataset, target.crop)
    drawn = _drawn(dataset, gathered, counts, seed)
    used = np.unique(np.concatenate([np.r_[p.probe, p.reference] for p in drawn.values()]))
    row = np.full(len(dataset), -1)
    row[used] = np.arange(len(used))
    faces = gathered.faces(used)
    images = faces.images if change is None else change(faces.images)
    drawn = {part: Pairs(row[p.probe], row[p.reference], p.same) for part, p in drawn.items()}
    embeddings = embed_all(shared(target.compiled), images)

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
    return LegitimatePairs(
        images, embeddings, parts, threshold, verified, drawn["train"], faces, dataset
    )


def _drawn(
    dataset: FaceDataset, faces: GatheredFaces, counts: Counts, seed: int
) -> dict[str, Pairs]:
    """For each part somewhat more pairs than wanted, all of photographs that show a face."""
    usable = dict(zip(PARTS, split_people(dataset.people, FRACTIONS, seed), strict=True))
    none = np.zeros(0, np.int64)
    drawn = {part: Pairs(none, none, np.zeros(0, bool)) for part in PARTS}
    for attempt in itertools.count():
        for number, part in enumerate(PARTS):
            drawn[part] = _topped_up(
                drawn[part],
                dataset.people,
                usable[part],
                getattr(counts, part),
                seed + number + len(PARTS) * attempt,
            )
        faces.gather(np.concatenate([np.r_[p.probe, p.reference] for p in drawn.values()]))
        if not len(faces):
            raise nobody(dataset, int(np.count_nonzero(faces.without_face)))
        missing = 0
        for part, pairs in drawn.items():
            there = ~(faces.without_face[pairs.probe] | faces.without_face[pairs.reference])
            missing += np.count_nonzero(~there)
            drawn[part] = pairs.select(there)
            usable[part] = usable[part][~faces.without_face[usable[part]]]
        if not missing:
            break
    return drawn


def _topped_up(
    pairs: Pairs, people: np.ndarray, rows: np.ndarray, wanted: tuple[int, int], seed: int
) -> Pairs:
    """These pairs and further ones, somewhat more than wanted, as far as there are as many."""
    counts = np.unique(people[rows], return_counts=True)[1]
    same = int(np.sum(counts * (counts - 1) // 2))
    different = len(rows) * (len(rows) - 1) // 2 - same
    ask = [
        max(number, min(there, int(np.ceil(number * SPARE))))
        for number, there in zip(wanted, (same, different), strict=True)
    ]
    more = make_pairs(people, rows, ask[0], ask[1], seed)
    probe = np.concatenate([pairs.probe, more.probe])
    reference = np.concatenate([pairs.reference, more.reference])
    kinds = np.concatenate([pairs.same, more.same])
    both = np.sort(np.stack([probe, reference], axis=1), axis=1)
    first = np.sort(np.unique(both, axis=0, return_index=True)[1])
    chosen = [
        first[kinds[first] == kind][:number]
        for kind, number in zip((True, False), ask, strict=True)
    ]
    return Pairs(probe, reference, kinds).select(np.concatenate(chosen))


def _first(pairs: Pairs, wanted: tuple[int, int], part: str) -> Pairs:
    chosen = []
    for same, number in zip((True, False), wanted, strict=True):
        rows = np.flatnonzero(pairs.same == same)
        if len(rows) < number:
            name = "same" if same else "different"
            raise InputError(
                f"Only {len(rows)} of the {part} pairs ({name}) are verified correctly by the "
                f"target, {number} are asked for: lower `{part}_{name}` or give more photographs."
            )
        chosen.append(rows[:number])
    return pairs.select(np.concatenate(chosen))
