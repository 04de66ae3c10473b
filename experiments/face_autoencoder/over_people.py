"""Measured values with intervals over people: faces of one person are not independent.

Means and shares have the interval of `pairs_of_people`, a face being a pair of its person with
itself; what is read off many faces together, an area under a curve, is drawn again. Of outcomes
that all agree every draw of people says the same, and their interval would have no width: there a
share has Wilson's, as if each person had been asked once.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping

import numpy as np

from experiments.running.pairs_of_people import of_pairs
from experiments.running.results import Measurement, wilson_interval
from mofa.arrays import Array
from mofa.people import drawn_again, tail

RESAMPLES = 500
NOTHING = 1e-9
"""Width below which an interval has none."""
ALIKE = "where all agree, Wilson's of as many people"
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
        result[name] = widened(found, number, value) if shares else found
    return result


def widened(found: Measurement, people: int, *shares: float) -> Measurement:
    """The same, with Wilson's interval where its own has no width.

    Args:
      found: a share.
      people: behind it, each of whom counts once, however many faces he has.
      shares: whose mean it is, itself where it is one: a balanced accuracy is the mean of two. The
        ends are the mean of theirs, which is wide enough however the shares go together.
    """
    if found.low is None or found.high is None or found.high - found.low > NOTHING:
        return found
    ends = [_wilson(share, people) for share in shares]
    low, high = (sum(end) / len(ends) for end in zip(*ends, strict=True))
    return dataclasses.replace(found, low=min(low, found.low), high=max(high, found.high))


def _wilson(share: float, people: int) -> tuple[float, float]:
    """Of as many people; what is no whole number of them is rounded outwards."""
    hits = round(share * people, 6)
    low, high = (wilson_interval(int(end), people) for end in (math.floor(hits), math.ceil(hits)))
    return low[0], high[1]


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

    Of outcomes it is the mean of K shares, with Wilson's interval at as many independent faces as
    have the variance of these people, see `of_pairs`; where all agree it is `widened`.
    """
    by_face = values.reshape(len(people), -1)
    outcomes = values.dtype == bool
    means = by_face.mean(axis=1)
    found = of_pairs(means, (people, people), paper, share=outcomes)
    found = dataclasses.replace(found, count=int(np.size(values)))
    if not outcomes or (by_face != by_face[0]).any():
        return found
    exact = dataclasses.replace(found, low=found.value, high=found.value)
    return widened(exact, len(np.unique(people)), *map(float, by_face.mean(axis=0)))
