"""One defence under every attack: outcomes kept one by one, and the rows drawn from them."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from attacks import (
    APGD,
    FGSM,
    MIFGSM,
    PGD,
    Attack,
    AttackResult,
    HopSkipJump,
    MinimumEpsilon,
    Square,
    gradient_free_wins,
    minimum_epsilon,
)
from attacks.norms import Norm
from experiments.face_verification.adaptive_attacks import (
    AdaptiveAttacks,
    Outcome,
    transfer_wins,
    worst_case,
)
from experiments.face_verification.cleaners import make_defence
from experiments.face_verification.defences import Defence
from experiments.face_verification.verification_experiment import VerificationExperiment
from experiments.running.json_files import read_kept, write_json
from experiments.running.results import Measurement, Row
from experiments.running.run import Run

T = TypeVar("T")

QUANTILES = (0.25, 0.5, 0.75)
"""Shares of pairs whose smallest budget is given."""

TOLERANCE = 0.1
"""Of the smallest budget, as a share of it."""

KINDS = ("dodging", "impersonation")


class AttackedDefence:
    """One defence under every attack; what lies in the run's folder is read back.

    Args:
      experiment: faces, target and settings.
      run: its folder keeps the outcome of every attack.
      attacks: on which pairs, how strong.
      name: of the defence.
      epsilon_l2: budget of attacks in L2.
      others: networks on which attacks are made that are tried on this one.
    """

    def __init__(
        self,
        experiment: VerificationExperiment,
        run: Run,
        attacks: AdaptiveAttacks,
        name: str,
        epsilon_l2: float,
        others: Sequence[str] = (),
    ) -> None:
        self.name, self._epsilon_l2, self._others = name, epsilon_l2, others
        self._experiment, self._run, self._attacks = experiment, run, attacks
        self.outcomes = {attack: self._outcome(attack) for attack in self._crafted()}
        self.smallest = self._kept("minimum_epsilon", self._minimum_epsilon, _smallest)
        self.findings = self._kept("findings", self._findings, _sentences)
        self._random = self._kept("random", lambda: self._defence.random, _switch)

    @functools.cached_property
    def _defence(self) -> Defence:
        return make_defence(self.name, self._experiment, self._run, self._attacks.epsilon)

    @functools.cached_property
    def _knowing(self) -> AdaptiveAttacks:
        return self._attacks.before(self._defence)

    def _crafted(self) -> dict[str, Callable[[], np.ndarray]]:
        """By attack what gives its probes `[P, H, W, 3]`."""
        adaptive, attacks = self._experiment.settings.adaptive, self._attacks
        given: dict[str, Callable[[], np.ndarray]] = {
            "untouched": lambda: attacks.pairs.images,
            "stored": lambda: attacks.pairs.stored,
            "transfer": lambda: attacks.transferred,
            **{
                f"transfer_{other}": functools.partial(attacks.transferred_from, other)
                for other in self._others
            },
        }
        steps, restarts = adaptive.adaptive_steps, adaptive.restarts
        known: dict[str, Attack] = {
            "fgsm": FGSM(),
            "mifgsm": MIFGSM(steps),
            "pgd": PGD(steps, restarts=restarts),
            "apgd": APGD(steps),
            "square": Square(adaptive.queries),
            "hopskipjump": HopSkipJump(adaptive.queries, "linf"),
            "pgd_l2": PGD(steps, "l2", restarts=restarts),
            "square_l2": Square(adaptive.queries, "l2"),
            "hopskipjump_l2": HopSkipJump(adaptive.queries),
        }
        return given | {
            name: functools.partial(self._craft, name, attack) for name, attack in known.items()
        }

    def _craft(self, name: str, attack: Attack) -> np.ndarray:
        title = f"{name} through {self.name}"
        return self._knowing.craft(
            attack, self._defence.surrogate, title, self._budget(attack.norm)
        )

    def _budget(self, norm: str) -> float:
        return self._epsilon_l2 if norm == "l2" else self._attacks.epsilon

    def _outcome(self, attack: str) -> Outcome:
        def measure() -> dict[str, list[float]]:
            outcome = self._knowing.outcome(self._defence, self._crafted()[attack]())
            return {
                "success": outcome.success.astype(int).tolist(),
                "margin": outcome.margin.astype(float).tolist(),
            }

        def read(kept: Any) -> Outcome:
            success, margin = np.array(kept["success"], bool), np.array(kept["margin"], float)
            if not success.shape == margin.shape == (len(self._attacks.pairs.images),):
                raise ValueError("other pairs")
            return Outcome(success, margin)

        return self._kept(attack, measure, read)

    def _kept(self, what: str, measure: Callable[[], Any], read: Callable[[Any], T]) -> T:
        """What was measured and kept before; a damaged file is measured anew."""
        file = self._run.folder / "outcomes" / self.name / f"{what}.json"
        found = read_kept(file, read)
        if found is None:
            measured = measure()
            write_json(file, measured)
            found = read(measured)
        return found

    def _minimum_epsilon(self) -> list[float | None]:
        attacks, defence = self._knowing, self._defence

        def voted(candidates: np.ndarray, rows: np.ndarray) -> np.ndarray:
            part = dataclasses.replace(attacks, pairs=attacks.pairs.select(rows))
            return part.decided(defence, candidates)

        found = minimum_epsilon(
            PGD(self._experiment.settings.adaptive.adaptive_steps),
            defence.surrogate,
            attacks.pairs.images,
            attacks.pairs.criterion,
            maximum=4 * attacks.epsilon,
            tolerance=TOLERANCE,
            quantized=True,
            batch_size=attacks.batch_size,
            seed=attacks.seed,
            decide=voted if defence.vote else None,
        )
        return [float(value) if np.isfinite(value) else None for value in found.values]

    def _findings(self) -> list[str]:
        success = {name: outcome.success for name, outcome in self.outcomes.items()}
        masked = [
            gradient_free_wins(self._result(f"pgd{norm}"), self._result(f"square{norm}"))
            for norm in ("", "_l2")
        ]
        return [
            *self._knowing.checked(self._defence),
            *transfer_wins(success["transfer"], success["pgd"]),
            *(f"{found.check}: {found.message}" for found in masked if found),
        ]

    def _result(self, attack: str) -> AttackResult:
        """As the checks take it; the images themselves are not kept."""
        success, margin = self.outcomes[attack]
        images = np.empty((1, len(success), 0, 0, 3), np.float32)
        norm: Norm = "l2" if attack.endswith("_l2") else "linf"
        budgets = (self._budget(norm),)
        return AttackResult(
            budgets, images, images, success[None], success[None], margin[None], norm
        )

    def rows(self) -> list[Row]:
        """One for each attack, one for the worst case."""
        bounded = [o for attack, o in self.outcomes.items() if not attack.endswith("_l2")]
        worst = self._row("worst_case", worst_case(bounded, self._random))
        return [
            *(self._row(attack, outcome.success) for attack, outcome in self.outcomes.items()),
            dataclasses.replace(worst, findings=self.findings),
        ]

    def curve(self, budgets: tuple[float, ...]) -> list[Row]:
        """What PGD through the defence leaves verified rightly, a row for each budget."""
        return [self._row(f"eps={budget:g}", self.smallest <= budget) for budget in budgets]

    def _row(self, attack: str, broken: np.ndarray) -> Row:
        rates = {kind: Measurement.rate(~broken[self._of(kind)]) for kind in KINDS}
        return Row(f"{self.name},{attack}", rates)

    def quantiles(self) -> dict[str, dict[str, float | None]]:
        """By kind and share of the pairs the budget that breaks them; None where none did."""
        found: dict[str, dict[str, float | None]] = {}
        for kind in KINDS:
            values = MinimumEpsilon(self.smallest[self._of(kind)], "linf")
            shares = {f"{share:g}": values.quantile(share) for share in QUANTILES}
            found[kind] = {k: v if np.isfinite(v) else None for k, v in shares.items()}
        return found

    def _of(self, kind: str) -> np.ndarray:
        same = self._attacks.pairs.same
        return same if kind == "dodging" else ~same


def _smallest(kept: Any) -> np.ndarray:
    """Smallest epsilons `[P]`; infinite where none was found."""
    return np.array([np.inf if value is None else float(value) for value in kept])


def _sentences(kept: Any) -> tuple[str, ...]:
    return tuple(_typed(each, str) for each in _typed(kept, list))


def _switch(kept: Any) -> bool:
    return bool(_typed(kept, bool))


def _typed(value: Any, kind: type[Any]) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"a {type(value).__name__} instead of a {kind.__name__}")
    return value
