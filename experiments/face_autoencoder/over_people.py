"""Measured values with intervals over people: faces of one person are not independent.

Means and shares have the interval of `pairs_of_people`, a face being a pair of its person with
itself; what is read off many faces together, an area under a curve, is drawn again. Of outcomes
that all agree every draw of people says the same, and their interval would have no width: there it
is that of as many people of whom none differs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np

from experiments.running.pairs_of_people import of_pairs, without_spread
from experiments.running.results import Measurement
from mofa.arrays import Array
from mofa.people import drawn_again, tail

RESAMPLES = 500
NOTHING = 1e-9
"""Width below which an interval has none."""
ALIKE = "where all agree, that of as many people of whom none differs"
"""For the notes of a table: what stands in the place of an interval without width."""


def measured(
    people: Array,
    statistics: Callable[[Array], Mapping[str, float]],
    papers: Mapping[str, float | None] | None = None,
    count: int | None = None,
    *,
    shares: bool = False,
) -> dict[str, Measurement]:
    """Values on all faces, with 95 % of what they are when people are drawn with replacement.

    Who is drawn twice stands beside himself, which shifts some values (an area under the curve
    rises where an attack moves each face a little): the mean shift is taken off. Draws of a few
    people differ too little from each other, which wider quantiles make good (Hesterberg 2015).

    Args:
      people: int [M], whose each face is.
      statistics: from rows of faces, int [K], repeated as often as they count, to values by name.
      papers: the paper's values by name, where it has some.
      count: stated with the values; M by default.
      shares: the values are shares, or areas under a curve, in [0, 1]: none has an interval without
        width, see `widened`.
    """
    everyone = np.arange(len(people))
    drawn = [
        statistics(np.repeat(everyone, times)) for times in drawn_again(people, RESAMPLES, seed=0)
    ]
    result, number = {}, len(np.unique(people))
    for name, value in statistics(everyone).items():
        low, high = around(value, np.array([each[name] for each in drawn]), number)
        found = Measurement(value, low, high, count or len(people), (papers or {}).get(name))
        result[name] = widened(found, number) if shares else found
    return result


def widened(found: Measurement, people: int) -> Measurement:
    """The same share, with `without_spread` of so many people where its interval has no width."""
    if found.low is None or found.high is None or found.high - found.low > NOTHING:
        return found
    low, high = without_spread(found.value, people)
    return dataclasses.replace(found, low=min(low, found.low), high=max(high, found.high))


def around(value: float, drawn: Array, people: int) -> tuple[float, float]:
    """The ends of 95 % of what was drawn, [D], moved so that their mean is the value.

    Shares stay within [0, 1]. `people`: how many there are.
    """
    outside = tail(people)
    low, high = np.quantile(drawn, [outside, 1.0 - outside]) + (value - drawn.mean())
    if drawn.min() >= 0.0 and drawn.max() <= 1.0:
        low, high = np.clip([low, high], 0.0, 1.0)
    return float(min(low, value)), float(max(high, value))


def mean(values: Array, people: Array, paper: float | None = None) -> Measurement:
    """Mean of numbers, or of outcomes, bool, [M] or [M, K] for K of each face.

    Of outcomes it is the mean of K shares, with the interval of one, see `of_pairs`.
    """
    means = values.reshape(len(people), -1).mean(axis=1)
    found = of_pairs(means, (people, people), paper, share=values.dtype == bool)
    return dataclasses.replace(found, count=int(np.size(values)))
