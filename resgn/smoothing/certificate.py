"""CERTIFY and PREDICT of Cohen, Rosenfeld and Kolter 2019 for a decision between two.

Which decision most noisy copies of an image bring about is only seen through draws. CERTIFY guesses
it from a few, bounds its probability from below with many others, and gives the radius within which
no perturbation can change it; PREDICT gives the decision alone. Each errs or abstains: it errs with
a probability of at most 1 - confidence, whatever the network does.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from scipy import stats

from resgn.smoothing.noise import check_sigma
from weights.errors import InputError

SAME, DIFFERENT, ABSTAINS = 1, 0, -1
"""Decisions on a pair."""


@dataclasses.dataclass(frozen=True)
class Draws:
    """How many noisy copies vote.

    Attributes:
      selection: that guess the decision (n0 in CERTIFY).
      certification: others, that bound its probability (n).
      confidence: of each certificate, in (0.5, 1).
    """

    selection: int = 100
    certification: int = 1000
    confidence: float = 0.999

    def __post_init__(self) -> None:
        if self.selection < 1:
            raise InputError(f"`selection_draws` must be at least 1, got {self.selection}.")
        if not 0.5 < self.confidence < 1.0:
            raise InputError(f"`confidence` must lie in (0.5, 1), got {self.confidence}.")
        if self.certification < self.fewest:
            raise InputError(
                f"`draws={self.certification}` can certify nothing with a confidence of "
                f"{100 * self.confidence:g} %: give at least {self.fewest}."
            )

    @property
    def fewest(self) -> int:
        """The n at which a unanimous vote first says something: (1 - confidence)^(1/n) > 1/2."""
        return math.floor(math.log2(1.0 / (1.0 - self.confidence))) + 1


@dataclasses.dataclass(frozen=True, eq=False)
class Certificates:
    """What holds for each of P pairs.

    Attributes:
      decision: int `[P]`, `SAME`, `DIFFERENT` or `ABSTAINS`.
      radius: float64 `[P]`, in L2 over all pixels of images in [0, 1]: the decision is the same for
        every probe that is nearer than that. 0 where it abstains.
    """

    decision: np.ndarray
    radius: np.ndarray

    def hold(self, same: np.ndarray, radius: float) -> np.ndarray:
        """Bool `[P]`: is the decision right, and certain for every probe up to a radius?

        Args:
          same: bool `[P]`, the truth.
          radius: 0 or more, itself included.
        """
        return (self.decision == np.where(same, SAME, DIFFERENT)) & (self.radius > radius)


def lower_bound(hits: np.ndarray, draws: int, confidence: float) -> np.ndarray:
    """One-sided lower bound of Clopper and Pearson (1934) for a probability.

    Args:
      hits: int `[P]`, successes.
      draws: of which.
      confidence: the bound lies above the truth with a probability of at most 1 - confidence.

    Returns:
      float64 `[P]` in [0, 1).
    """
    hits = _counts(hits, draws)
    bound = stats.beta.ppf(1.0 - confidence, np.maximum(hits, 1), draws - hits + 1)
    return np.where(hits > 0, bound, 0.0)


def certify(
    selection: np.ndarray, certification: np.ndarray, sigma: float, draws: Draws
) -> Certificates:
    """CERTIFY, with the radius of a decision between two: sigma times the quantile of the bound.

    Args:
      selection: int `[P]`, how many of the selection's draws said "same".
      certification: int `[P]`, how many of the others did.
      sigma: standard deviation of the noise that they were drawn with.
      draws: how many there were.

    Raises:
      InputError: `sigma` is not above 0.
    """
    check_sigma(sigma)
    same = 2 * _counts(selection, draws.selection) > draws.selection
    votes = _counts(certification, draws.certification)
    hits = np.where(same, votes, draws.certification - votes)
    bound = lower_bound(hits, draws.certification, draws.confidence)
    sure = bound > 0.5
    decision = np.where(sure, np.where(same, SAME, DIFFERENT), ABSTAINS)
    return Certificates(
        decision, np.where(sure, sigma * stats.norm.ppf(np.where(sure, bound, 0.5)), 0.0)
    )


def predict(votes: np.ndarray, draws: int, confidence: float) -> np.ndarray:
    """PREDICT: the decision of the majority where a two-sided binomial test tells it from a tie.

    Args:
      votes: int `[P]`, draws that said "same".
      draws: of which.
      confidence: the decision is that of the smoothed verifier, unless with a probability of at
        most 1 - confidence.

    Returns:
      int `[P]`, `SAME`, `DIFFERENT` or `ABSTAINS`.
    """
    votes = _counts(votes, draws)
    most = np.maximum(votes, draws - votes)
    probability = np.minimum(1.0, 2.0 * stats.binom.sf(most - 1, draws, 0.5))
    decision = np.where(2 * votes > draws, SAME, DIFFERENT)
    return np.where(probability <= 1.0 - confidence, decision, ABSTAINS)


def largest_radius(sigma: float, draws: Draws) -> float:
    """The radius that a unanimous vote certifies: no pair gets a larger one."""
    bound = lower_bound(np.array([draws.certification]), draws.certification, draws.confidence)
    return float(sigma * stats.norm.ppf(bound[0]))


def _counts(hits: np.ndarray, draws: int) -> np.ndarray:
    hits = np.asarray(hits, np.int64)
    if np.any(hits < 0) or np.any(hits > draws):
        raise ValueError(f"counts must lie in [0, {draws}].")
    return hits
