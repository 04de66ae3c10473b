"""The frame of every attack: it batches, compiles, projects, and has success decided.

An attack itself is only its step: see `fgsm.py` and `pgd.py`.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from attacks.batches import full_size, rows_of_batches
from attacks.compiled import Compiled, CompiledPerModel
from attacks.criteria import Criterion, check_rows
from attacks.described import Described
from attacks.eight_bits import stored
from attacks.images import check_epsilons, check_images, check_mask
from attacks.judging import judge
from attacks.norms import Norm, check_norm, where_finite
from attacks.objective import Objective
from attacks.result import AttackResult
from attacks.stochastic import Model

Progress = Callable[[Iterable[int]], Iterable[int]]


class Attack(Described, abc.ABC):
    """Base of all attacks on images in [0, 1] with a budget in the L-infinity or the L2 norm.

    Args:
      norm: `linf` or `l2`.

    Raises:
      ValueError: another norm.
    """

    def __init__(self, norm: str = "linf") -> None:
        self.norm: Norm = check_norm(norm)
        self._compiled = CompiledPerModel(self._build)

    @property
    def traces(self) -> int:
        """How often this attack was traced."""
        return self._compiled.traces

    def perturb(self, objective: Objective, epsilons: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """The attack on one batch for all budgets, compiled together with the model.

        Args:
          objective: the batch, and what is to be increased.
          epsilons: float32 `[K, N]`.
          seed: int `[2]`, for stateless draws.

        Returns:
          `[K, N, H, W, 3]`. What leaves the ball, the mask or [0, 1] is projected by the frame.
        """
        return tf.map_fn(
            lambda epsilon: self.perturb_within(objective, epsilon, seed),
            epsilons,
            fn_output_signature=tf.float32,
            parallel_iterations=1,
        )

    @abc.abstractmethod
    def perturb_within(
        self, objective: Objective, epsilon: tf.Tensor, seed: tf.Tensor
    ) -> tf.Tensor:
        """The same for one budget: `epsilon` `[N]`, one for each image; returns `[N, H, W, 3]`."""

    def check_budgets(self, epsilons: Sequence[float]) -> tuple[float, ...]:
        """Return the budgets as floats, or raise ValueError: see `check_epsilons`."""
        return check_epsilons(epsilons, self.norm)

    def radii(self, epsilons: tf.Tensor) -> tf.Tensor:
        """The radii of the balls into which the frame projects: the budgets themselves."""
        return epsilons

    def stored(
        self,
        perturbed: np.ndarray,
        images: np.ndarray | tf.Tensor,
        epsilons: Sequence[float] | np.ndarray,
    ) -> NDArray[np.uint8]:
        """What `craft` gave as 8-bit files hold it, within the budgets: see `eight_bits.stored`.

        Args:
          perturbed: `[K, N, H, W, 3]`.
          images: the originals, `[N, H, W, 3]`.
          epsilons: budgets `[K]` or `[K, N]`.

        Returns:
          uint8 `[K, N, H, W, 3]`.
        """
        radii = self.radii(np.asarray(epsilons, np.float64))
        return stored(perturbed, images, radii, self.norm)

    def __call__(
        self,
        model: Model,
        images: np.ndarray | tf.Tensor,
        criterion: Criterion,
        *,
        epsilons: Sequence[float],
        mask: np.ndarray | tf.Tensor | None = None,
        batch_size: int = 32,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> AttackResult:
        """Attack every image, and decide success in float and as 8-bit files hold the images.

        Args:
          model: from images `[N, H, W, 3]` to outputs `[N, D]`, with its own normalisation inside;
            or a `Stochastic`, which also takes a seed.
          images: float32 `[N, H, W, 3]` in [0, 1], or uint8.
          criterion: what to reach, with one row of data for each image.
          epsilons: the budgets, in the unit of images in [0, 1]: each in (0, 1] for L-infinity,
            positive for L2.
          mask: 1 where pixels may be changed and 0 elsewhere, `[H, W, 1]` or `[N, H, W, 1]`.
          batch_size: images for each call of the model.
          seed: of random starts and random models; the same seed gives the same images.
          progress: wraps the iteration over batches, e.g. `tqdm.tqdm`.

        Returns:
          An `AttackResult` with `perturbed [K, N, H, W, 3]` and `success [K, N]`.

        Raises:
          ValueError: shapes, range or budgets are not as above.
        """
        budgets = self.check_budgets(epsilons)
        perturbed = self.craft(
            model,
            images,
            criterion,
            epsilons=budgets,
            mask=mask,
            batch_size=batch_size,
            seed=seed,
            progress=progress,
        )
        kept = self.stored(perturbed, check_images(images), budgets)
        margin, success = judge(model, perturbed, criterion, batch_size=batch_size, seed=seed)
        _, success_8bit = judge(model, kept, criterion, batch_size=batch_size, seed=seed)
        return AttackResult(budgets, perturbed, kept, success, success_8bit, margin, self.norm)

    def craft(
        self,
        model: Model,
        images: np.ndarray | tf.Tensor,
        criterion: Criterion,
        *,
        epsilons: Sequence[float] | np.ndarray,
        mask: np.ndarray | tf.Tensor | None = None,
        batch_size: int = 32,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> np.ndarray:
        """The adversarial images alone, `[K, N, H, W, 3]`: nothing is spent on judging them.

        Args:
          model: see `__call__`, as all the others.
          images: likewise.
          criterion: likewise.
          epsilons: budgets `[K]`, or `[K, N]`: one for each image.
          mask: likewise.
          batch_size: likewise.
          seed: likewise.
          progress: likewise.
        """
        images = check_images(images)
        count = len(images)
        check_rows(criterion, count)
        budgets = np.asarray(epsilons, np.float32)
        self.check_budgets(budgets.ravel().tolist())
        if budgets.ndim == 1:
            budgets = np.repeat(budgets[:, np.newaxis], count, axis=1)
        if budgets.ndim != 2 or budgets.shape[1] != count:
            raise ValueError(f"epsilons must be [K] or [K, {count}], got shape {budgets.shape}.")
        masks = None if mask is None else check_mask(mask, images.shape)
        full = full_size(count, batch_size)
        return self.craft_batches(
            model,
            images,
            criterion,
            criterion.tensors(),
            budgets,
            masks,
            full=full,
            seed=seed,
            progress=progress,
        )

    def craft_batches(
        self,
        model: Model,
        images: np.ndarray,
        criterion: Criterion,
        data: Sequence[tf.Tensor],
        epsilons: np.ndarray,
        masks: np.ndarray | None,
        *,
        full: int,
        seed: int,
        progress: Progress | None = None,
    ) -> np.ndarray:
        """`craft` on what was checked before, with the criterion's data given apart from it.

        Args:
          model: see `__call__`.
          images: float32 `[N, H, W, 3]`.
          criterion: gives loss and margin.
          data: the criterion's, each `[N, ...]`.
          epsilons: float32 `[K, N]`.
          masks: float32 `[N, H, W, 1]` or None.
          full: rows of each batch.
          seed: see `__call__`.
          progress: see `__call__`.
        """
        run = self._compiled(model, criterion)
        count = len(images)
        perturbed = np.empty((len(epsilons), *images.shape), np.float32)
        starts: Iterable[int] = range(0, count, full)
        if progress:
            starts = progress(starts)
        for start, size, rows in rows_of_batches(count, full, starts):
            result = run(
                # A full batch is not copied to be gathered.
                tf.constant(images[start : start + full] if size == full else images[rows]),
                tf.constant(epsilons[:, rows]),
                None if masks is None else tf.constant(masks[rows]),
                tf.constant([seed, start], tf.int32),
                *(tf.gather(tensor, rows) for tensor in data),
            )
            found = result.numpy()[:, :size]
            if size == count:
                return found
            perturbed[:, start : start + size] = found
        return perturbed

    def _build(self, model: Model, criterion: Criterion) -> Compiled:
        def run(
            images: tf.Tensor,
            epsilons: tf.Tensor,
            mask: tf.Tensor | None,
            seed: tf.Tensor,
            *data: tf.Tensor,
        ) -> tf.Tensor:
            objective = Objective(model, criterion, data, images, mask, self.norm)
            found = where_finite(self.perturb(objective, epsilons, seed), images)
            return objective.project(found, self.radii(epsilons))

        return run
