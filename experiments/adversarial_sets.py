"""Adversarial sets as Section 4.1 makes them: pairs, the correctly verified ones, FGSM, 8 bits.

Crafting takes a while, so that each set is kept in the user's cache under a name that says all that
decides its content.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
import tqdm

from attacks import FGSM, Criterion, Dodging, Impersonation, to_uint8
from experiments import image_cache
from experiments.strategy import ONE, Devices
from resgn.calibration import calibrate_threshold
from resgn.faces.alignment import aligned_faces
from resgn.faces.dataset import FaceDataset
from resgn.faces.pairs import Pairs, make_pairs, split_people
from resgn.target import Target, embed_all
from resgn.verification import PAPER_THRESHOLD
from resgn.verification_set import VerificationSet
from weights.errors import InputError

_log = logging.getLogger(__name__)

PARTS = ("train", "validation", "test")
FRACTIONS = (0.6, 0.1, 0.3)
"""Shares of the people; no person is in two parts."""

SPARE = 1.3
"""Pairs drawn for one wanted, since only those that the target verifies correctly are attacked."""

FORMAT = 1
"""Part of every cached set's name; to be raised when the making of a set changes."""

_FLOATS = 1024
"""Attacked images that are held as floats at a time, 300 MB of them at 160x160."""

_FGSM = FGSM()  # one instance: what it compiled for a target serves every set


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
    devices: Devices = ONE,
) -> LegitimatePairs:
    """Draw identity-disjoint pairs, set the threshold on training pairs, keep what it gets right.

    Args:
      dataset: the faces.
      target: embeds them.
      counts: wanted pairs.
      calibrate: take the threshold from the training pairs; otherwise the paper's 1.1.
      seed: of split and pairs.
      devices: share out the embedding.

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
    embeddings = embed_all(devices.shared(tf.function(target)), images)

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
                f"target, {number} are asked for: lower --{part}_{name} or give more photographs."
            )
        chosen.append(rows[:number])
    return pairs.select(np.concatenate(chosen))


def attacked(
    legitimate: LegitimatePairs,
    part: str,
    target: Target,
    identity: str,
    epsilons: Sequence[float],
    keep: bool = True,
    devices: Devices = ONE,
) -> dict[float, VerificationSet]:
    """The probes of a part under FGSM, from the cache if they were crafted before.

    Those of several intensities are crafted together, since FGSM's gradient serves them all.

    Args:
      legitimate: the pairs.
      part: one of `PARTS`.
      target: under attack.
      identity: what names target, data and pairs; together with part and epsilon it names the set.
      epsilons: budgets in (0, 1].
      keep: put what was crafted into the cache; of several machines only the chief does.
      devices: share out the crafting.

    Returns:
      A set for each budget.
    """
    pairs = legitimate.parts[part]
    probes = legitimate.images[pairs.probe]

    def path(epsilon: float) -> Path:
        settings = [FORMAT, identity, part, epsilon, legitimate.threshold]
        return image_cache.entry(settings, [probes, pairs.reference])

    found = {epsilon: image_cache.read(path(epsilon), probes.shape) for epsilon in epsilons}
    missing = [e for e in epsilons if not devices.everyone(found[e] is not None)]
    if missing:
        crafted = _craft(legitimate, pairs, target, missing, part, devices)
        for epsilon, adversarial in zip(missing, crafted, strict=True):
            found[epsilon] = adversarial
            if keep and devices.chief:
                image_cache.write(path(epsilon), adversarial)
    return {
        epsilon: VerificationSet(
            legitimate.images,
            legitimate.embeddings,
            pairs.probe,
            pairs.reference,
            pairs.same,
            adversarial,
            legitimate.threshold,
        )
        for epsilon, adversarial in found.items()
        if adversarial is not None
    }


def _craft(
    legitimate: LegitimatePairs,
    pairs: Pairs,
    target: Target,
    epsilons: Sequence[float],
    part: str,
    devices: Devices,
) -> np.ndarray:
    """Attacked probes as 8-bit files hold them, uint8 `[K, P, H, W, 3]`."""
    adversarial = np.empty((len(epsilons), len(pairs), *legitimate.images.shape[1:]), np.uint8)
    shown = ", ".join(f"{epsilon:g}" for epsilon in epsilons)
    # An attack gives floats, four times the size: not of all images and budgets at once.
    chunk = max(32, _FLOATS // len(epsilons) // 32 * 32)
    for same, kind in ((True, Dodging), (False, Impersonation)):
        bar = functools.partial(
            tqdm.tqdm, desc=f"FGSM {shown}, {part}, {kind.__name__.lower()}", unit="batch"
        )
        craft = _crafter(legitimate, pairs, target, kind, epsilons, bar)
        chosen = np.flatnonzero(pairs.same == same)
        for start in range(0, len(chosen), chunk):
            rows = chosen[start : start + chunk]
            made = devices.share(craft, rows)
            adversarial[:, rows] = np.moveaxis(made, 1, 0)
    return adversarial


def _crafter(
    legitimate: LegitimatePairs,
    pairs: Pairs,
    target: Target,
    kind: type[Dodging] | type[Impersonation],
    epsilons: Sequence[float],
    bar: Callable[[Iterable[int]], Iterable[int]],
) -> Callable[[np.ndarray], np.ndarray]:
    """From rows of `pairs` to their attacked probes, uint8 `[n, K, H, W, 3]`."""

    def craft(rows: np.ndarray) -> np.ndarray:
        references = legitimate.embeddings[pairs.reference[rows]]
        criterion: Criterion = kind(references, legitimate.threshold)
        images = legitimate.images[pairs.probe[rows]]
        result = _FGSM(target, images, criterion, epsilons=epsilons, progress=bar)
        return np.moveaxis(to_uint8(result.perturbed), 0, 1)

    return craft
