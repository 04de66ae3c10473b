"""The smallest budget that breaks each sample, by bracketing and bisection."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from attacks.base import Attack
from attacks.batches import full_size
from attacks.criteria import Criterion, check_rows
from attacks.eight_bits import LEVELS, change, stored, whole_levels
from attacks.images import check_images, check_mask
from attacks.judging import judge_batches
from attacks.minimization import MinimizationAttack
from attacks.norms import Norm
from attacks.stochastic import Model

FIRST = {"linf": 0.01, "l2": 0.5}
"""Budget with which bracketing begins."""


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class MinimumEpsilon:
    """How far each sample is from being broken.

    Attributes:
      values: float64 `[N]`, upper bounds of the smallest budget: the attack succeeded with it. 0
        where the untouched image succeeds already, infinite where no budget did.
      norm: in which the budgets are.
    """

    values: NDArray[np.float64]
    norm: Norm

    def __repr__(self) -> str:
        quantiles = ", ".join(
            f"{share:.0%} {self.quantile(share):.4g}" for share in (0.25, 0.5, 0.75)
        )
        return (
            f"MinimumEpsilon({len(self.values)} images, {self.norm}, breaks {quantiles}, "
            f"{self.unbroken:.1%} unbroken)"
        )

    def quantile(self, share: float) -> float:
        """The smallest budget that breaks this share of the samples; infinite where none does."""
        enough = math.ceil(len(self.values) * share - 1e-9)
        return float(np.sort(self.values)[max(enough, 1) - 1])

    @property
    def median(self) -> float:
        """The budget that breaks half of the samples."""
        return self.quantile(0.5)

    @property
    def unbroken(self) -> float:
        """Share of the samples that no budget broke."""
        return float(np.mean(np.isinf(self.values)))

    def success(self, epsilons: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
        """The success curve: for each budget `[K]` the share of samples it breaks, `[K]`."""
        ordered = np.sort(self.values)
        return np.searchsorted(ordered, np.asarray(epsilons), side="right") / len(ordered)


def minimum_epsilon(
    attack: Attack,
    model: Model,
    images: np.ndarray | tf.Tensor,
    criterion: Criterion,
    *,
    first: float | None = None,
    maximum: float | None = None,
    tolerance: float = 0.05,
    quantized: bool = False,
    mask: np.ndarray | tf.Tensor | None = None,
    batch_size: int = 32,
    seed: int = 0,
    progress: Callable[[Iterable[int]], Iterable[int]] | None = None,
) -> MinimumEpsilon:
    """For every image the smallest budget with which the attack succeeds.

    From `first` the budget doubles until the attack succeeds, or halves until it does not; then it
    is bisected. Each image has its own bracket; the images that are still open share batches. An
    attack that looks for the smallest perturbation itself (Carlini-Wagner, DeepFool) runs once, and
    what it found is measured: in 8 bits what is stored of it.

    Args:
      attack: any.
      model: see `Attack.__call__`.
      images: float32 `[N, H, W, 3]` in [0, 1], or uint8.
      criterion: with one row of data for each image.
      first: budget to begin with, by default `FIRST`.
      maximum: budget beyond which nothing is tried: by default 1 in L-infinity, and in L2 the
        distance of black from white.
      tolerance: bisection ends when the bracket is this share of its upper end.
      quantized: success is that of the image as an 8-bit file holds it, and the budgets in
        L-infinity are whole levels of 255.
      mask: see `Attack.__call__`.
      batch_size: images for each call of the model.
      seed: see `Attack.__call__`.
      progress: wraps the iteration over rounds, of which there are at most as many as it is given.

    Raises:
      ValueError: shapes or ranges are not as above.
    """
    images = check_images(images)
    count = len(images)
    check_rows(criterion, count)
    if not 0.0 < tolerance < 1.0:
        raise ValueError(f"tolerance must lie in (0, 1), got {tolerance}.")
    most = 1.0 if attack.norm == "linf" else float(np.sqrt(np.prod(images.shape[1:])))
    maximum = most if maximum is None else min(maximum, most)
    first = min(FIRST[attack.norm], maximum) if first is None else first
    if not 0.0 < first <= maximum:
        raise ValueError(f"first must lie in (0, maximum = {maximum}], got {first}.")
    masks = None if mask is None else check_mask(mask, images.shape)
    data = criterion.tensors()
    full = full_size(count, batch_size)

    def broken(candidates: np.ndarray, rows: np.ndarray) -> np.ndarray:
        part = [tf.gather(tensor, rows) for tensor in data]
        return judge_batches(model, candidates, criterion, part, full=full, seed=seed)[1][0]

    def attacked(rows: np.ndarray, budgets: np.ndarray) -> np.ndarray:
        found = attack.craft_batches(
            model,
            images[rows],
            criterion,
            [tf.gather(tensor, rows) for tensor in data],
            budgets[np.newaxis].astype(np.float32),
            None if masks is None else masks[rows],
            full=full,
            seed=seed,
        )
        return attack.stored(found, images[rows], budgets[np.newaxis]) if quantized else found

    untouched = stored(images, images, 0.0) if quantized else images
    upper = np.where(broken(untouched[np.newaxis], np.arange(count)), 0.0, np.inf)
    if isinstance(attack, MinimizationAttack):
        rows = np.flatnonzero(np.isinf(upper))
        if len(rows):
            found = attacked(rows, np.full(len(rows), maximum))
            measure = change if quantized else _size
            sizes = measure(found[0], images[rows], attack.norm)
            upper[rows] = np.where(broken(found, rows), sizes, np.inf)
        return MinimumEpsilon(upper, attack.norm)

    # Budgets are counted in levels where only whole ones can differ.
    whole = quantized and attack.norm == "linf"
    scale = LEVELS * float(attack.radii(1.0)) if whole else 1.0
    if whole:
        maximum, first = whole_levels(attack.radii(maximum)), max(1.0, np.ceil(scale * first))
        first = min(first, maximum)
    lower = np.zeros(count)
    rounds: Iterable[int] = range(_rounds(first, maximum, tolerance) if maximum else 0)
    for _ in progress(rounds) if progress else rounds:
        unbroken = np.isinf(upper)
        rows = np.flatnonzero(
            np.where(
                unbroken,
                lower < maximum,
                upper - lower > np.maximum(tolerance * upper, 1.0 if whole else 0.0),
            )
            & (upper > tolerance * first)
        )
        if not len(rows):
            break
        budgets = np.where(
            unbroken,
            np.minimum(np.where(lower > 0.0, 2.0 * lower, first), maximum),
            # Halve as long as no budget is known to be too small.
            (lower + np.where(unbroken, 0.0, upper)) / 2.0,
        )[rows]
        budgets = np.floor(budgets) if whole else budgets.astype(np.float32)
        won = broken(attacked(rows, budgets / scale), rows)
        upper[rows] = np.where(won, budgets, upper[rows])
        lower[rows] = np.where(won, lower[rows], budgets)
    return MinimumEpsilon(upper / scale, attack.norm)


def _rounds(first: float, maximum: float, tolerance: float) -> int:
    """Enough for any sample: either way to the end of the range, then bisection."""
    outward = np.ceil(np.log2(max(maximum / first, 1.0 / tolerance))) + 1
    return int(outward + np.ceil(np.log2(1.0 / tolerance)) + 1)


def _size(found: np.ndarray, images: np.ndarray, norm: Norm) -> NDArray[np.float64]:
    flat = (found - images).reshape(len(found), -1).astype(np.float64)
    return np.abs(flat).max(-1) if norm == "linf" else np.sqrt(np.square(flat).sum(-1))
