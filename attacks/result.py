"""What an attack found."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from attacks.criteria import Criterion, check_rows
from attacks.judging import judge
from attacks.norms import Norm
from attacks.stochastic import Model


@dataclasses.dataclass(frozen=True, repr=False)
class AttackResult:
    """Adversarial images for each budget.

    Attributes:
      epsilons: the budgets, in the unit of the images, `[K]`.
      perturbed: float32 `[K, N, H, W, 3]` in [0, 1].
      stored: uint8 `[K, N, H, W, 3]`, the same as 8-bit files hold them, still within the budgets
        (see `eight_bits.stored`).
      success: bool `[K, N]`, by the criterion on `perturbed`.
      success_8bit: bool `[K, N]`, by the criterion on `stored`.
      margin: float32 `[K, N]`, the criterion's margin on `perturbed`.
      norm: in which the budgets are.
    """

    epsilons: tuple[float, ...]
    perturbed: np.ndarray
    stored: np.ndarray
    success: np.ndarray
    success_8bit: np.ndarray
    margin: np.ndarray
    norm: Norm = "linf"

    def __repr__(self) -> str:
        count, *shape = self.perturbed.shape[1:]
        rows = zip(self.epsilons, self.success, self.success_8bit, strict=True)
        shares = (
            f"epsilon {epsilon:.4g} {_share(success)} ({_share(kept)} in 8 bits)"
            for epsilon, success, kept in rows
        )
        return f"AttackResult({count} images {shape}, {self.norm}, success: {', '.join(shares)})"

    def quantized(self) -> np.ndarray:
        """The images as 8-bit files hold them, uint8 `[K, N, H, W, 3]`: `stored`."""
        return self.stored

    def judged_by(
        self, model: Model, criterion: Criterion, *, batch_size: int = 32, seed: int = 0
    ) -> AttackResult:
        """Transfer: the same images before another model, or before another criterion.

        Args:
          model: the judge.
          criterion: in terms of the judge (its own reference embeddings and threshold), `[N]`.
          batch_size: images for each call of the model.
          seed: of a random judge.

        Raises:
          ValueError: the criterion is for another number of images.
        """
        count = self.perturbed.shape[1]
        check_rows(criterion, count)
        margin, success = judge(model, self.perturbed, criterion, batch_size=batch_size, seed=seed)
        _, success_8bit = judge(model, self.stored, criterion, batch_size=batch_size, seed=seed)
        return dataclasses.replace(self, success=success, success_8bit=success_8bit, margin=margin)


def _share(success: np.ndarray) -> str:
    return f"{success.mean():.1%}" if success.size else "of none"


def worst_case(results: Sequence[AttackResult]) -> AttackResult:
    """For each sample and budget the attack that did best: what an attacker would choose.

    Args:
      results: of the same images and budgets before the same model and criterion.

    Returns:
      Success where any attack has it, in float and in 8 bits. Of the images that one is kept which
      succeeds in 8 bits, else in float, and among equals the one with the largest margin.

    Raises:
      ValueError: there is no result, or they differ in budgets, norm or shape.
    """
    if not results:
        raise ValueError("worst_case needs at least one result.")
    first = results[0]
    for other in results[1:]:
        same = (other.epsilons, other.norm, other.perturbed.shape) == (
            first.epsilons,
            first.norm,
            first.perturbed.shape,
        )
        if not same:
            raise ValueError("worst_case: the results differ in budgets, norm or shape of images.")
    margins = np.stack([result.margin for result in results])
    success = np.stack([result.success for result in results])
    success_8bit = np.stack([result.success_8bit for result in results])
    rank = np.argsort(np.argsort(margins, axis=0), axis=0) / len(results)  # in [0, 1)
    best = np.argmax(2.0 * success_8bit + success + rank, axis=0)
    columns = np.arange(first.perturbed.shape[1])
    perturbed, kept = np.empty_like(first.perturbed), np.empty_like(first.stored)
    for k, row in enumerate(best):  # over budgets, of which there are few
        perturbed[k] = np.stack([result.perturbed[k] for result in results])[row, columns]
        kept[k] = np.stack([result.stored[k] for result in results])[row, columns]
    return AttackResult(
        first.epsilons,
        perturbed,
        kept,
        success.any(axis=0),
        success_8bit.any(axis=0),
        np.take_along_axis(margins, best[np.newaxis], axis=0)[0],
        first.norm,
    )
