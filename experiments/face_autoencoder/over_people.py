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

    Who is drawn twice stands beside himself, which shifts some values (an area under the curve
    rises where an attack moves each face a little): the mean shift is taken off.

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
        low, high = around(value, np.array([each[name] for each in drawn]))
        result[name] = Measurement(value, low, high, count or len(people), (papers or {}).get(name))
    return result


def around(value: float, drawn: Array) -> tuple[float, float]:
    """The ends of 95 % of what was drawn, [D], moved so that their mean is the value.

    Shares stay within [0, 1].
    """
    low, high = np.quantile(drawn, ENDS) + (value - drawn.mean())
    if drawn.min() >= 0.0 and drawn.max() <= 1.0:
        low, high = np.clip([low, high], 0.0, 1.0)
    return float(min(low, value)), float(max(high, value))


def mean(values: Array, people: Array, paper: float | None = None) -> Measurement:
    """Mean of numbers or of outcomes, [M] or [M, K] for K of each face."""
    found = measured(
        people,
        lambda rows: {"mean": float(values[rows].mean())},
        {"mean": paper},
        int(np.size(values)),
    )
    return found["mean"]
