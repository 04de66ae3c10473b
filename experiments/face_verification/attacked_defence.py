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
"""Shares of pairs for which the smallest budget is given that breaks as many."""

TOLERANCE = 0.1
"""Of the smallest budget, as a share of it."""

KINDS = ("dodging", "impersonation")


class AttackedDefence:
    """One defence under every attack; what lies in the run's folder is read back.

    Who falls within a budget is found by a search for the smallest one. Of a random defence such a
    search would take the luckiest of its tries: there PGD attacks once at each budget, and one draw
    of the defender's decides, as it does for every other attack.

    Args:
      experiment: faces, target and settings.
      run: its folder keeps the outcome of every attack.
      attacks: on which pairs, how strong.
      name: of the defence.
      epsilon_l2: budget of attacks in L2.
      others: networks on which attacks are made that are tried on this one.
      budgets: of the curve, in [0, 1].
    """

    def __init__(
        self,
        experiment: VerificationExperiment,
        run: Run,
        attacks: AdaptiveAttacks,
        name: str,
        epsilon_l2: float,
        others: Sequence[str] = (),
        budgets: Sequence[float] = (),
    ) -> None:
        self.name, self._epsilon_l2, self._others = name, epsilon_l2, others
        self._experiment, self._run, self._attacks = experiment, run, attacks
        self._budgets = budgets
        self.outcomes = {attack: self._outcome(attack) for attack in self._crafted()}
        self.findings = self._kept("findings", self._findings, _sentences)
        self._random = self._kept("random", lambda: self._defence.random, _switch)
        self._smallest: np.ndarray | None = None
        if self._random:
            self._broken = {budget: self._broken_within(budget) for budget in budgets}
        else:
            # No row may say that a budget breaks nobody to which the search did not go.
            most = min(1.0, max([4 * attacks.epsilon, *budgets]))
            search = functools.partial(self._minimum_epsilon, most)
            self._smallest = self._kept(f"minimum_epsilon_{most:g}", search, _smallest)
            self._broken = {budget: self._smallest <= budget for budget in budgets}

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

    @functools.cached_property
    def _pgd(self) -> PGD:
        return PGD(self._experiment.settings.adaptive.adaptive_steps)

    def _broken_within(self, budget: float) -> np.ndarray:
        """Bool `[P]`: whom PGD with this budget breaks, by one draw that it has not seen."""
        if not budget:
            return self.outcomes["untouched"].success

        def measure() -> list[int]:
            attacks, defence = self._knowing, self._defence
            title = f"PGD within {budget:g} through {self.name}"
            probes = attacks.craft(self._pgd, defence.surrogate, title, budget)
            return attacks.decided(defence, probes).astype(int).tolist()

        def read(kept: Any) -> np.ndarray:
            success = np.array(kept, bool)
            if success.shape != (len(self._attacks.pairs.images),):
                raise ValueError("other pairs")
            return success

        return self._kept(f"pgd_eps={budget:g}", measure, read)

    def _minimum_epsilon(self, maximum: float) -> list[float | None]:
        attacks = self._knowing
        found = minimum_epsilon(
            self._pgd,
            self._defence.surrogate,
            attacks.pairs.images,
            attacks.pairs.criterion,
            maximum=maximum,
            tolerance=TOLERANCE,
            quantized=True,
            batch_size=attacks.batch_size,
            seed=attacks.seed,
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

    def curve(self) -> list[Row]:
        """What PGD through the defence leaves verified rightly, a row for each budget."""
        return [self._row(f"eps={budget:g}", self._broken[budget]) for budget in self._budgets]

    def _row(self, attack: str, broken: np.ndarray) -> Row:
        rates = {kind: Measurement.rate(~broken[self._of(kind)]) for kind in KINDS}
        return Row(f"{self.name},{attack}", rates)

    def quantiles(self) -> dict[str, dict[str, float | None]]:
        """By kind and share of the pairs the budget that breaks as many; None where none did.

        Of a random defence one of the curve's, or 0 where as many fall untouched.
        """
        return {
            kind: {f"{share:g}": self._breaking(share, self._of(kind)) for share in QUANTILES}
            for kind in KINDS
        }

    def _breaking(self, share: float, pairs: np.ndarray) -> float | None:
        if self._smallest is not None:
            budget = MinimumEpsilon(self._smallest[pairs], "linf").quantile(share)
            return budget if np.isfinite(budget) else None
        broken = {0.0: self.outcomes["untouched"].success} | self._broken
        return next((each for each in sorted(broken) if broken[each][pairs].mean() >= share), None)

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
