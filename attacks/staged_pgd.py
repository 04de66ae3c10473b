"""PGD on many images at the price of the few that hold out: who is broken is left alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from attacks.base import Progress
from attacks.batches import full_size
from attacks.criteria import Criterion, check_rows
from attacks.images import check_images
from attacks.judging import judge_batches
from attacks.pgd import PGD
from attacks.starting_from import StartingFrom
from attacks.stochastic import Model, Stochastic

Judged = Callable[[NDArray[np.uint8], NDArray[np.integer]], tuple[np.ndarray, np.ndarray]]
"""From stored candidates `[n, H, W, 3]` and their rows, int `[n]`, to margin and success `[n]`."""

PARTS = (16, 4, 1)
"""Each stage takes all steps over that."""


@dataclasses.dataclass(frozen=True, eq=False)
class Staged:
    """What the stages led to.

    Attributes:
      stored: as files hold it, uint8 `[N, H, W, 3]`; of each image the best of its stages.
      margin: float32 `[N]`, its margin.
      success: bool `[N]`, of that image.
      gradients: of one image and one draw each, that were asked for.
    """

    stored: NDArray[np.uint8]
    margin: NDArray[np.float32]
    success: NDArray[np.bool_]
    gradients: int


class StagedPGD:
    """PGD in stages of ever more and ever smaller steps, each for those that the last one left.

    A sixteenth of the steps comes first, then a quarter, then all. Each stage begins where the one
    before it ended (a warm start), so that nobody counts as unbroken who has not withstood all
    steps, from a better point than a random one. Success is that of the image as a file holds it.

    Args:
      steps: of the last stage.
      norm: `linf` or `l2`.

    Raises:
      ValueError: steps below 1, or another norm.
    """

    def __init__(self, steps: int = 40, norm: str = "linf") -> None:
        counts = sorted({steps // part for part in PARTS if steps // part} | {steps})
        self.steps = steps
        # Each first stage that begins anew, and the same from where another ended.
        self._cold = PGD(counts[0], norm)
        self._warm = [PGD(count, norm, warm=True) for count in counts]

    @property
    def traces(self) -> int:
        """How often it was traced."""
        return self._cold.traces + sum(attack.traces for attack in self._warm)

    def __call__(
        self,
        model: Model,
        images: np.ndarray | tf.Tensor,
        criterion: Criterion,
        *,
        epsilon: float,
        starts: np.ndarray | None = None,
        judged: Judged | None = None,
        batch_size: int = 32,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Staged:
        """Attack every image until it is broken.

        Args:
          model: see `Attack.__call__`.
          images: float32 `[N, H, W, 3]` in [0, 1], or uint8.
          criterion: with one row of data for each image.
          epsilon: the budget.
          starts: where to begin, of the shape and range of the images; at a random point where
            nothing is given.
          judged: decides what a stage has broken; by default the criterion on a call of the model.
          batch_size: images for each call of the model.
          seed: see `Attack.__call__`.
          progress: wraps the iteration over the batches of each stage.

        Raises:
          ValueError: shapes, range or budget are not as above.
        """
        images = check_images(images)
        count = len(images)
        check_rows(criterion, count)
        (epsilon,) = self._cold.check_budgets([epsilon])
        data, samples = criterion.tensors(), model.samples if isinstance(model, Stochastic) else 1
        reached = images if starts is None else check_images(starts).copy()
        begun = StartingFrom(criterion, reached)

        def by_criterion(
            candidates: NDArray[np.uint8], rows: NDArray[np.integer]
        ) -> tuple[np.ndarray, np.ndarray]:
            margin, success = judge_batches(
                model,
                candidates[np.newaxis],
                criterion,
                [tf.gather(tensor, rows) for tensor in data],
                full=full_size(len(rows), batch_size),
                seed=seed,
            )
            return margin[0], success[0]

        decide = judged or by_criterion
        reached = reached.copy()
        kept = self._cold.stored(images[np.newaxis], images, [0.0])[0]
        margin, success = np.full(count, -np.inf, np.float32), np.zeros(count, bool)
        rows, gradients = np.arange(count), 0
        for number, warm in enumerate(self._warm):
            if not len(rows):
                break
            cold = number == 0 and starts is None
            attack, goal = (self._cold, criterion) if cold else (warm, begun)
            own = [tf.gather(tensor, rows) for tensor in data]
            found = attack.craft_batches(
                model,
                images[rows],
                goal,
                own if cold else [tf.constant(reached[rows]), *own],
                np.full((1, len(rows)), epsilon, np.float32),
                None,
                full=full_size(len(rows), batch_size),
                seed=seed + number,
                progress=progress,
            )
            gradients += len(rows) * attack.steps * samples
            stored = attack.stored(found, images[rows], [epsilon])[0]
            now, broken = decide(stored, rows)
            better = (now > margin[rows]) | broken
            chosen = rows[better]
            reached[chosen], kept[chosen] = found[0][better], stored[better]
            margin[chosen], success[rows] = now[better], broken
            rows = rows[~broken]
        return Staged(kept, margin, success, gradients)
