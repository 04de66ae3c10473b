"""Intervals of what is measured on pairs of people: those that share one are not independent."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from experiments.running.results import Z95, Measurement, wilson_of_share

People = tuple[NDArray[np.integer], NDArray[np.integer]]

OVER_PEOPLE = "intervals allow for the people that pairs share"
"""For the notes of a table."""


def of_pairs(
    values: NDArray[np.floating] | NDArray[np.bool_],
    people: People | None,
    paper: float | None = None,
    *,
    share: bool = False,
) -> Measurement:
    """Mean of numbers, or share of outcomes, bool, `[N]`, of pairs of people.

    The variance is the cluster-robust one for dyads: residuals are multiplied for all pairs of
    pairs that have a person in common (Aronow, Samii and Assenova 2015), and never less than that
    of independent pairs. A share has Wilson's interval at as many independent pairs as have
    that variance; where no two pairs differ, see `without_spread`.

    Args:
      values: of the pairs.
      people: whose first and second faces are, int `[N]` each. None where nobody knows: then the
        interval is that of independent pairs.
      paper: the paper's value.
      share: the numbers are shares of several outcomes each, in [0, 1].
    """
    outcomes = share or values.dtype == bool
    count, mean = len(values), float(values.mean())
    if people is None or count < 2:
        if not outcomes:
            return Measurement.mean(values, paper)
        return Measurement(mean, *wilson_of_share(mean, count), count, paper)
    names, person = np.unique(np.stack(people), return_inverse=True)
    number = len(names)
    if outcomes and (values == values[0]).all():
        return Measurement(mean, *without_spread(mean, min(number, count)), count, paper)
    residual = values.astype(np.float64) - mean
    independent = float(residual @ residual) * count / (count - 1)
    together = _of_shared(residual, person.reshape(2, count)) * number / max(number - 1, 1)
    variance = max(independent, together) / count**2
    if not outcomes:
        half = Z95 * math.sqrt(variance)
        return Measurement(mean, mean - half, mean + half, count, paper)
    low, high = wilson_of_share(mean, max(1.0, mean * (1.0 - mean) / variance))
    return Measurement(mean, low, high, count, paper)


def without_spread(share: float, people: int) -> tuple[float, float]:
    """95 % of a share, or a mean of shares, that came out the same with each of so many people.

    Others may differ: of these none did, so that it is at most Wilson's upper end of 0 of them, and
    what these others have is something between nothing and all.
    """
    others = wilson_of_share(0.0, people)[1]
    return share * (1.0 - others), share + others * (1.0 - share)


def _of_shared(residual: NDArray[np.float64], people: NDArray[np.integer]) -> float:
    """Products of residuals `[N]` over all pairs of pairs, `[2, N]`, that share a person."""
    lower, higher = np.sort(people, axis=0)
    two = np.where(lower == higher, 0.0, residual)
    by_person = np.bincount(lower, residual, higher.max() + 1) + np.bincount(higher, two)
    # Pairs of the same two people were counted for each of them.
    dyads = np.unique(np.stack([lower, higher]), axis=1, return_inverse=True)[1].ravel()
    by_dyad = np.bincount(dyads, two)
    return float(by_person @ by_person - by_dyad @ by_dyad)
