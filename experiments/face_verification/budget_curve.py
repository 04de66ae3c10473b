"""What a defence keeps of its pairs as the attacker may change more: a row for each budget."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from attacks.eight_bits import LEVELS
from experiments.face_verification.adaptive_attacks import AdaptiveAttacks
from experiments.face_verification.defences import Defence
from experiments.running.kept_arrays import KeptArrays
from experiments.running.results import Measurement, Row

CHUNK = 50
"""Pairs between two writes to the disk."""

KINDS = ("dodging", "impersonation")

_SEEDS = 1009


@dataclasses.dataclass(frozen=True, eq=False)
class BudgetCurve:
    """A defence under PGD through it at rising budgets in L-infinity.

    Attributes:
      name: of the defence.
      levels: int `[L]`, budgets in grey levels; the first is 0, no attack.
      same: bool `[P]`, the truth.
      verified: bool `[P, L]`: still judged rightly?
      gradients: that were asked for, for each pair.
    """

    name: str
    levels: tuple[int, ...]
    same: np.ndarray
    verified: np.ndarray
    gradients: float

    @classmethod
    def measured(
        cls,
        attacks: AdaptiveAttacks,
        defence: Defence,
        levels: Sequence[int],
        kept: KeptArrays,
    ) -> BudgetCurve:
        """Attack the pairs, some after others; what an earlier part of the run has done is kept.

        Args:
          attacks: on which pairs, with how many steps; its own budget counts nowhere.
          defence: to go through.
          levels: rising budgets, each at least 1.
          kept: outcomes as they come.
        """
        attacks = attacks.before(defence)
        kind = np.dtype([("verified", np.bool_, (1 + len(levels),)), ("gradients", np.float64)])

        def work(rows: NDArray[np.integer]) -> np.ndarray:
            seed = attacks.seed + _SEEDS * int(rows[0])
            part = dataclasses.replace(attacks, pairs=attacks.pairs.select(rows), seed=seed)
            found = np.empty(len(rows), kind)
            found["verified"], gradients = under_rising_budgets(part, defence, levels)
            found["gradients"] = gradients / len(rows)
            return found

        rows = np.arange(len(attacks.pairs))
        found = kept.in_chunks(f"{defence.name}/linf", rows, work, CHUNK, "pair")
        gradients = float(found["gradients"].mean())
        same = attacks.pairs.same
        return cls(defence.name, (0, *levels), same, found["verified"], gradients)

    def rows(self) -> list[Row]:
        """The share of pairs that is judged rightly, for each budget."""
        return [
            Row(
                f"{self.name},levels={level}",
                {kind: Measurement.rate(self.verified[self._of(kind), number]) for kind in KINDS},
            )
            for number, level in enumerate(self.levels)
        ]

    def gives_out(self, kind: str) -> int | None:
        """The first budget, in levels, that leaves less than half of what is verified without it.

        None where no budget does, or where nothing is verified to begin with.
        """
        counts = self.verified[self._of(kind)].sum(axis=0)
        for level, count in zip(self.levels[1:], counts[1:], strict=True):
            if 2 * count < counts[0]:
                return level
        return None

    def sentence(self) -> str:
        """Where it gives out, for below a table."""
        return f"{self.name} gives out {' and '.join(self._where(kind) for kind in KINDS)}."

    def _where(self, kind: str) -> str:
        level = self.gives_out(kind)
        if level:
            plural = "" if level == 1 else "s"
            return f"at {level} level{plural} (eps {level / LEVELS:.4f}) under {kind}"
        if not self.verified[self._of(kind), 0].any():
            return f"without any attack under {kind}"
        return f"at no budget tried under {kind}"

    def _of(self, kind: str) -> np.ndarray:
        return self.same if kind == "dodging" else ~self.same


def under_rising_budgets(
    attacks: AdaptiveAttacks, defence: Defence, levels: Sequence[int]
) -> tuple[NDArray[np.bool_], int]:
    """Who is judged rightly at each budget.

    Each attack begins with what the smaller budget led to: the larger ball holds the smaller one.
    Where the outcome is certain, whoever is broken is attacked no more. Before a random defence
    everybody is attacked at each budget: a pair that the attacker thought broken may have held.

    Args:
      attacks: on all pairs.
      defence: to go through.
      levels: rising budgets.

    Returns:
      Bool `[P, 1 + L]`, without an attack and at each budget, and how many gradients were asked
      for.
    """
    pairs, gradients = attacks.pairs, 0
    images = pairs.images.copy()
    margin, broken = attacks.foreseen(defence, images)
    margin, broken = margin.copy(), broken.copy()

    def right() -> np.ndarray:
        return ~(attacks.decided(defence, images) if defence.random else broken)

    verified = [right()]
    for level in levels:
        rows = np.arange(len(pairs)) if defence.random else np.flatnonzero(~broken)
        if len(rows):
            part = dataclasses.replace(attacks, pairs=pairs.select(rows))
            found = part.staged(defence, level / LEVELS, images[rows])
            better = (found.margin > margin[rows]) | found.success
            chosen = rows[better]
            images[chosen] = found.stored[better] / np.float32(LEVELS)
            margin[chosen], broken[rows] = found.margin[better], found.success
            gradients += found.gradients
        verified.append(right())
    return np.stack(verified, axis=1), gradients
