"""The smoothed verifier as it would be deployed: a majority of n draws decides, or nobody does."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from resgn.smoothing.certificate import DIFFERENT, SAME, predict
from resgn.smoothing.smoothed_verifier import CERTIFICATION, SmoothedVerifier, seed_of
from resgn.verification_set import VerificationSet
from weights.errors import InputError

Progress = Callable[[Iterable[int]], Iterable[int]]

JUDGEMENT = CERTIFICATION + 1
"""The stream of the draws that decide on test pairs, and the first that certificates leave free."""


@dataclasses.dataclass(frozen=True, eq=False)
class MajorityVote:
    """PREDICT of Cohen et al. 2019 as a verifier: right, or wrong, or no answer: not right either.

    Attributes:
      verifier: denoiser, target, threshold and noise.
      draws: noisy copies of each probe that vote.
      confidence: of each decision; where the vote is closer than that it abstains.

    Raises:
      InputError: so few draws never reach the confidence, not even unanimous ones.
    """

    verifier: SmoothedVerifier
    draws: int = 100
    confidence: float = 0.999

    def __post_init__(self) -> None:
        check_draws(self.draws, self.confidence)

    def votes(
        self,
        probes: np.ndarray,
        references: np.ndarray,
        seed: int,
        stream: int,
        progress: Progress | None = None,
    ) -> NDArray[np.int64]:
        """How many noisy copies of each probe are taken for its reference's person.

        Args:
          probes: uint8, or float32 in [0, 1], `[P, H, W, 3]`.
          references: unit embeddings `[P, D]`.
          seed: with the place of a probe, of its copies.
          stream: of draws: other streams have nothing in common.
          progress: wraps the iteration over probes.

        Returns:
          int64 `[P]`, at most `draws`.
        """
        rows: Iterable[int] = range(len(probes))
        found = [
            self.verifier.votes(
                probes[row], references[[row]], self.draws, seed_of(seed, row), stream
            )[0]
            for row in (progress(rows) if progress else rows)
        ]
        return np.array(found, np.int64)

    def right(self, votes: np.ndarray, same: np.ndarray) -> NDArray[np.bool_]:
        """Bool `[P]`: is the decision that of the truth, bool `[P]`? Who abstains is not right."""
        decision = predict(votes, self.draws, self.confidence)
        return np.asarray(decision == np.where(same, SAME, DIFFERENT))

    def outcomes(
        self, pairs: VerificationSet, seed: int, progress: Progress | None = None
    ) -> dict[str, np.ndarray]:
        """The three columns of Table 1, as `VerificationSet.outcomes` has them.

        Args:
          pairs: their own threshold, that of the target, counts nowhere.
          seed: of the draws.
          progress: wraps the iterations over probes.
        """
        references = pairs.embeddings[pairs.reference]
        attacked = self.votes(pairs.adversarial, references, seed, JUDGEMENT, progress)
        right = self.right(attacked, pairs.same)
        return {
            "dodging": right[pairs.same],
            "impersonation": right[~pairs.same],
            "legitimate": self.right(self._untouched(pairs, seed, progress), pairs.same),
        }

    def _untouched(
        self, pairs: VerificationSet, seed: int, progress: Progress | None
    ) -> NDArray[np.int64]:
        """Votes `[P]` on the legitimate probes, whose noisy copies serve all pairs of each."""
        votes = np.empty(len(pairs), np.int64)
        probes: Iterable[int] = np.unique(pairs.probe).tolist()
        for row in progress(probes) if progress else probes:
            own = pairs.probe == row
            votes[own] = self.verifier.votes(
                pairs.images[row],
                pairs.embeddings[pairs.reference[own]],
                self.draws,
                seed_of(seed, row),
                JUDGEMENT + 1,
            )
        return votes


def check_draws(draws: int, confidence: float) -> None:
    """A unanimous vote must be enough for a decision: 2^(1 - n) <= 1 - confidence.

    Raises:
      InputError: it is not, or the confidence is out of range.
    """
    if not 0.5 < confidence < 1.0:
        raise InputError(f"`confidence` must lie in (0.5, 1), got {confidence}.")
    fewest = math.ceil(1.0 - math.log2(1.0 - confidence))
    if draws < fewest:
        raise InputError(
            f"{draws} draws can decide nothing with a confidence of {100 * confidence:g} %, not "
            f"even where all agree: give at least {fewest}."
        )
