"""Which of many pictures of people to take, and which two by two; people are numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from statistics import NormalDist

import numpy as np

from mofa.arrays import Array
from weights.errors import InputError


def spread_out(length: int, count: int) -> Array:
    """At most `count` indices below `length`, evenly."""
    return np.unique(np.linspace(0, length - 1, min(count, length)).astype(int))


def few_of_each(people: Array, count: int, each: int = 6) -> Array:
    """Rows of at most `count` pictures, two or more of each person and at most `each`.

    Args:
      people: int [M], whose each picture is.
      count: at most so many rows, if two people fit.
      each: pictures of a person.

    Returns:
      Rows int [N] of people evenly spread over all who have two pictures.
    """
    rows = [np.flatnonzero(people == person)[:each] for person in np.unique(people)]
    rows = [own for own in rows if len(own) > 1]
    fit = max(2, count * len(rows) // max(1, sum(map(len, rows))))
    none = np.zeros(0, int)
    return np.concatenate([none, *(rows[i] for i in spread_out(len(rows), fit))]) if rows else none


def another_of_each(people: Array) -> Callable[[Array, np.random.Generator], Array]:
    """Draws another picture of the same person, or the same picture where there is no other.

    Args:
      people: int [M], whose each picture is.

    Returns:
      From rows int [N] to as many others.
    """
    order = np.argsort(people, kind="stable")
    first, last = (np.searchsorted(people[order], people, side) for side in ("left", "right"))
    count, own = last - first, np.argsort(order) - first

    def draw(rows: Array, rng: np.random.Generator) -> Array:
        further = rng.integers(1, np.maximum(count[rows], 2))
        return np.asarray(order[first[rows] + (own[rows] + further) % count[rows]])

    return draw


def strangers(people: Array, rows: Array, rng: np.random.Generator) -> Array:
    """For each of some pictures one of somebody else.

    Args:
      people: int [M], whose each picture is.
      rows: int [N].
      rng: draws.

    Returns:
      Rows int [N].
    """
    return np.array([rng.choice(np.flatnonzero(people != people[row])) for row in rows])


def different_pairs(people: Array, count: int, seed: int) -> tuple[Array, Array]:
    """Pictures of different people, two by two.

    Args:
      people: int [M].
      count: wanted pairs.
      seed: of the draw.

    Returns:
      Rows of sources and of targets, int [count] each; no picture is a source twice.

    Raises:
      InputError: there are fewer pictures, or only one person.
    """
    if count > len(people):
        raise InputError(f"{count} pairs need as many pictures; there are {len(people)}.")
    if len(np.unique(people)) < 2:
        raise InputError("Pairs need two people or more.")
    rng = np.random.default_rng(seed)
    sources = rng.permutation(len(people))[:count]
    return sources, strangers(people, sources, rng)


def drawn_again(people: Array, resamples: int, seed: int) -> Iterator[Array]:
    """As many people drawn anew with replacement, as often as asked: a bootstrap over people.

    Args:
      people: int [M], whose each picture is.
      resamples: draws.
      seed: of the draws.

    Yields:
      int [M], how often each picture counts: as often as its person was drawn.
    """
    labels, person = np.unique(people, return_inverse=True)
    rng = np.random.default_rng(seed)
    for _ in range(resamples):
        drawn = rng.integers(0, len(labels), len(labels))
        yield np.bincount(drawn, minlength=len(labels))[person]


def tail(people: int) -> float:
    """The share of draws of people that is left out at each end for 95 %, 0.025 of very many.

    Draws of n people vary by (n - 1) / n too little, and their spread is an estimate, which
    Student's distribution allows for: the normal tail beyond sqrt(n / (n - 1)) times its quantile
    at n - 1 degrees of freedom (the expanded percentiles of Hesterberg 2015).
    """
    if people < 2:
        return 0.0
    freedom = people - 1
    normal = NormalDist()
    z = normal.inv_cdf(0.975)
    powers = z**3 + z, 5 * z**5 + 16 * z**3 + 3 * z
    # Cornish and Fisher: 2.55 for 2.57 at five degrees of freedom, 3.85 for 4.30 at two.
    student = z + powers[0] / (4 * freedom) + powers[1] / (96 * freedom**2)
    return normal.cdf(-student * math.sqrt(people / freedom))
