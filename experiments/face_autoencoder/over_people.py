"""Measured values with intervals over people: faces of one person are not independent."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from experiments.running.results import Measurement
from mofa.arrays import Array
from mofa.people import drawn_again

RESAMPLES = 500
ENDS = (0.025, 0.975)


def measured(
    people: Array,
    statistics: Callable[[Array], Mapping[str, float]],
    papers: Mapping[str, float | None] | None = None,
    count: int | None = None,
) -> dict[str, Measurement]:
    """Values on all faces, with 95 % of what they are when people are drawn with replacement.

    Args:
      people: int [M], whose each face is.
      statistics: from rows of faces, int [K], repeated as often as they count, to values by name.
      papers: the paper's values by name, where it has some.
      count: stated with the values; M by default.
    """
    everyone = np.arange(len(people))
    drawn = [
        statistics(np.repeat(everyone, times)) for times in drawn_again(people, RESAMPLES, seed=0)
    ]
    result = {}
    for name, value in statistics(everyone).items():
        low, high = np.quantile([each[name] for each in drawn], ENDS)
        result[name] = Measurement(
            value, float(low), float(high), count or len(people), (papers or {}).get(name)
        )
    return result


def mean(values: Array, people: Array, paper: float | None = None) -> Measurement:
    """Mean of numbers or of outcomes, [M] or [M, K] for K of each face."""
    found = measured(
        people,
        lambda rows: {"mean": float(values[rows].mean())},
        {"mean": paper},
        int(np.size(values)),
    )
    return found["mean"]
