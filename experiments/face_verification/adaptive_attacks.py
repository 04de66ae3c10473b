"""Attacks on a defence by someone who knows it: the adaptive columns of Table 1.

For each test pair the worst case counts, over: the probe untouched, the stored FGSM example, PGD
made without the defence (transfer), and PGD through the defence with its exact gradient, averaged
over draws where it is random (EOT), with a stand-in where it has none (BPDA). Success is judged on
what an 8-bit file holds.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import tqdm
from numpy.typing import NDArray

from attacks import (
    MIFGSM,
    PGD,
    Attack,
    Criterion,
    Finding,
    HopSkipJump,
    Model,
    Staged,
    StagedPGD,
    StartingFrom,
    WrongVerification,
    judge,
    random_without_eot,
    zero_gradients,
)
from attacks.base import Progress
from experiments.face_verification.defences import Defence
from experiments.face_verification.probe_pairs import ProbePairs
from experiments.face_verification.transfer import crafted_on
from experiments.face_verification.verification_experiment import VerificationExperiment
from resgn.judge import Judge
from resgn.smoothing.majority import JUDGEMENT
from resgn.target import Target

CALLED_TWICE = 2
"""Images on which a defence is called twice, to see whether it is random."""

JUDGEMENTS = 8
"""Draws by which the best attack on a random defence is chosen; a further one decides. Of a defence
that votes the draws of one vote choose, and those of a further one decide."""


class Outcome(NamedTuple):
    """Of attacked probes before a defence, as 8-bit files hold them.

    Attributes:
      success: bool `[P]`, of a random defence by one draw that no attack has seen; of one that
        votes, by such a vote.
      margin: float32 `[P]`, by how much; of a random defence the mean over other draws.
    """

    success: np.ndarray
    margin: np.ndarray


class Foreseen(NamedTuple):
    """What an attacker knows of that who tries a defence out.

    Attributes:
      margin: float32 `[P]`, of a random defence the mean over draws, of votes the share that is
        wrong, less a half.
      success: bool `[P]`, of a random defence by every one of the draws, of votes by most.
    """

    margin: np.ndarray
    success: np.ndarray


class Withstood(NamedTuple):
    """What is left of a defence.

    Attributes:
      verified: bool for each pair, by column: still judged rightly in the worst case?
      findings: reasons not to trust that, in sentences.
    """

    verified: dict[str, np.ndarray]
    findings: tuple[str, ...]


@dataclasses.dataclass(frozen=True, eq=False)
class AdaptiveAttacks:
    """Attacks one defence after the other on the same pairs.

    Attributes:
      pairs: whose probes are attacked.
      target: that stands behind every defence.
      epsilon: budget in L-infinity, in (0, 1].
      steps: of PGD.
      seed: of random starts and draws.
      batch_size: images for each call of a model.
      judges: gives another network by its name.
    """

    pairs: ProbePairs
    target: Target
    epsilon: float
    steps: int
    seed: int
    batch_size: int = 25
    judges: Callable[[str], Judge] | None = None
    _others: dict[str, np.ndarray] = dataclasses.field(default_factory=dict, init=False)

    @classmethod
    def of(cls, experiment: VerificationExperiment, epsilon: float) -> AdaptiveAttacks:
        """On the first test pairs, as the experiment's settings have it."""
        settings = experiment.settings
        test = experiment.sets.attacked("test", epsilon)
        pairs = ProbePairs.of(test, settings.adaptive.adaptive_pairs)
        steps = settings.adaptive.adaptive_steps
        return cls(pairs, experiment.target, epsilon, steps, settings.seed, judges=experiment.judge)

    def before(self, defence: Defence) -> AdaptiveAttacks:
        """The same attacks, as this defence decides.

        Another network has its own references, as smoothed ones are, and noisy copies that vote
        their own threshold,
        which an attack has to know that sees nothing but verdicts.
        """
        pairs = self.pairs
        if defence.own is not None:
            references = defence.own.references(pairs.reference)
            threshold = defence.own.threshold
        elif defence.vote is not None:
            references, threshold = pairs.references, defence.vote.verifier.threshold
        else:
            return self
        criterion = WrongVerification(references, pairs.same, threshold)
        return dataclasses.replace(self, pairs=dataclasses.replace(pairs, criterion=criterion))

    @functools.cached_property
    def _pgd(self) -> PGD:
        return PGD(self.steps)

    @functools.cached_property
    def transferred(self) -> np.ndarray:
        """PGD made without any defence, float32 `[P, H, W, 3]`."""
        return self.craft(self._pgd, self.target, "PGD without a defence")

    def transferred_from(self, name: str) -> np.ndarray:
        """MI-FGSM on another network, through its own crop, float32 `[P, H, W, 3]`.

        Raises:
          ValueError: there is nobody to give it.
        """
        if self.judges is None:
            raise ValueError("judges: transfer needs another network.")
        if name not in self._others:
            pairs = self.pairs
            self._others[name] = crafted_on(
                self.judges(name),
                MIFGSM(self.steps),
                pairs.images,
                pairs.probe,
                pairs.reference,
                pairs.same,
                self.epsilon,
                batch_size=self.batch_size,
                seed=self.seed,
                progress=_bar(f"MI-FGSM on {name}"),
            )
        return self._others[name]

    def craft(
        self, attack: Attack, model: Model, title: str, epsilon: float | None = None
    ) -> np.ndarray:
        """Adversarial probes of one attack on a model, by default within epsilon.

        One that sees only verdicts begins with the pairs' `starts`.

        Returns:
          As 8-bit files hold them, float32 `[P, H, W, 3]`.
        """
        budgets = [epsilon or self.epsilon]
        criterion: Criterion = self.pairs.criterion
        if isinstance(attack, HopSkipJump):
            criterion = StartingFrom(criterion, self.pairs.starts)
        found = attack.craft(
            model,
            self.pairs.images,
            criterion,
            epsilons=budgets,
            batch_size=self.batch_size,
            seed=self.seed,
            progress=_bar(title),
        )
        return attack.stored(found, self.pairs.images, budgets)[0] / np.float32(255)

    def given(self) -> dict[str, np.ndarray]:
        """Probes that owe nothing to the defence, by what was done to them."""
        return {
            "untouched": self.pairs.images,
            "stored": self.pairs.stored,
            "transfer": self.transferred,
        }

    def outcome(self, defence: Defence, images: np.ndarray) -> Outcome:
        """Judge probes `[P, H, W, 3]`, uint8 or float32 of whole levels."""
        margin, success = self.foreseen(defence, images)
        return Outcome(self.decided(defence, images) if defence.random else success, margin)

    def decided(self, defence: Defence, images: np.ndarray) -> NDArray[np.bool_]:
        """Bool `[P]`: which succeed, by the draws of the defender alone."""
        return self._judged(defence, images, 0).success

    def foreseen(self, defence: Defence, images: np.ndarray) -> Foreseen:
        """The same by the attacker's own draws, none of which decides."""
        if defence.vote is not None:
            margin = self._judged(defence, images, 1).margin
            return Foreseen(margin, margin > 0)  # an abstention might be none at the next vote
        draws = range(1, 1 + JUDGEMENTS) if defence.random else [0]
        margins, success = zip(*(self._judged(defence, images, i) for i in draws), strict=True)
        return Foreseen(np.mean(margins, axis=0), np.all(success, axis=0))

    def _judged(self, defence: Defence, images: np.ndarray, draw: int) -> Foreseen:
        """One draw of a defence, or one vote."""
        if defence.vote is not None:
            stream = JUDGEMENT + draw
            votes = defence.vote.votes(
                images,
                self.pairs.references,
                self.seed,
                stream,
                _bar(f"votes of {defence.name}", "probe"),
            )
            against = np.where(self.pairs.same, defence.vote.draws - votes, votes)
            margin = (against / defence.vote.draws - 0.5).astype(np.float32)
            return Foreseen(margin, ~defence.vote.right(votes, self.pairs.same))
        margin, success = judge(
            defence.model,
            images[np.newaxis],
            self.pairs.criterion,
            batch_size=self.batch_size,
            seed=self.seed + 1000003 * draw,
        )
        return Foreseen(margin[0], success[0])

    def measure(self, defence: Defence) -> Withstood:
        """Who is still verified rightly, and why that might not be trusted."""
        knowing = self.before(defence)
        outcomes = {name: knowing.outcome(defence, images) for name, images in self.given().items()}
        outcomes["pgd"] = outcomes["transfer"]
        if defence.model is not self.target:
            outcomes["pgd"] = knowing._through(defence)
        success = worst_case(list(outcomes.values()), defence.random)
        findings = [
            *knowing.checked(defence),
            *transfer_wins(outcomes["transfer"].success, outcomes["pgd"].success),
        ]
        return Withstood(self.pairs.verified(success), tuple(findings))

    def _through(self, defence: Defence) -> Outcome:
        """PGD through a defence, in stages."""
        found = self.staged(defence, self.epsilon)
        random, images = defence.random, found.stored
        return Outcome(self.decided(defence, images) if random else found.success, found.margin)

    def staged(self, defence: Defence, epsilon: float, starts: np.ndarray | None = None) -> Staged:
        """PGD through a defence that leaves alone whoever is broken, see `StagedPGD`.

        Before a random defence those are whom the attacker's own draws foresee to be broken: what
        decides in the end nobody knows before.

        Args:
          defence: to go through.
          epsilon: the budget.
          starts: where to begin, float32 `[P, H, W, 3]`.
        """

        def foreseen(kept: np.ndarray, rows: NDArray[np.integer]) -> Foreseen:
            part = dataclasses.replace(self, pairs=self.pairs.select(rows))
            return part.foreseen(defence, kept)

        return _staged_pgd(self.steps)(
            defence.surrogate,
            self.pairs.images,
            self.pairs.criterion,
            epsilon=epsilon,
            starts=starts,
            judged=foreseen,
            batch_size=self.batch_size,
            seed=self.seed,
            progress=_bar(f"PGD through {defence.name}"),
        )

    def checked(self, defence: Defence) -> tuple[str, ...]:
        """What `attacks.checks` has against the gradient that the attacks climb."""
        some = slice(0, self.batch_size)
        images = self.pairs.images[some]
        found: list[Finding | None] = [
            zero_gradients(
                defence.surrogate,
                images,
                self.pairs.criterion.select(some),
                batch_size=self.batch_size,
                seed=self.seed,
            ),
            random_without_eot(defence.surrogate, images[:CALLED_TWICE], seed=self.seed),
        ]
        return tuple(f"{each.check}: {each.message}" for each in found if each is not None)


@functools.cache
def _staged_pgd(steps: int) -> StagedPGD:
    """Compiled once for all pairs, however they are divided."""
    return StagedPGD(steps)


def _bar(title: str, unit: str = "batch") -> Progress:
    return functools.partial(tqdm.tqdm, desc=title, unit=unit, leave=False)


def worst_case(outcomes: Sequence[Outcome], random: bool) -> np.ndarray:
    """Bool `[P]`: does the attack succeed that is best for that sample?

    Before a random defence each further attack would be a further draw. There the attacker knows
    the mean margins only and tries once.
    """
    success = np.stack([outcome.success for outcome in outcomes])
    if not random:
        return success.any(axis=0)
    best = np.argmax([outcome.margin for outcome in outcomes], axis=0)
    return success[best, np.arange(success.shape[1])]


def transfer_wins(blind: np.ndarray, knowing: np.ndarray) -> list[str]:
    """A finding where an attack that knows nothing of the defence breaks more than PGD through it.

    Args:
      blind: bool `[P]`, success of PGD made without the defence.
      knowing: bool `[P]`, of PGD through it.
    """
    if blind.sum() <= knowing.sum():
        return []
    return [
        f"transfer_wins: PGD made without the defence breaks {blind.sum()} of {len(blind)} pairs "
        f"and PGD through it only {knowing.sum()}: the defence's gradient misleads, or the steps "
        "are too few; the worst case counts both."
    ]
