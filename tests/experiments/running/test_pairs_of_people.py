"""Intervals of pairs that share people."""

from __future__ import annotations

import math

import numpy as np
import pytest

from experiments.running.pairs_of_people import _of_shared, of_pairs
from experiments.running.results import Measurement, wilson_interval


def test_by_hand() -> None:
    # Pairs AB, AC, DE: residuals 1, 0, -1. AB and AC share A; of five people.
    found = of_pairs(np.array([3.0, 2.0, 1.0]), (np.array([0, 0, 3]), np.array([1, 2, 4])))
    # Together: 1 + 0 + 1 + 2 * (1 * 0) = 2, times 5 / 4; independent: 2 * 3 / 2.
    half = 1.959964 * math.sqrt(3.0) / 3
    assert (found.value, found.count) == (2.0, 3)
    assert found.high == pytest.approx(2.0 + half, rel=1e-5)
    # With AC's value that of AB: residuals 2/3, 2/3, -4/3, of which the first two go together.
    found = of_pairs(np.array([3.0, 3.0, 1.0]), (np.array([0, 0, 3]), np.array([1, 2, 4])))
    together = (4 / 9 + 4 / 9 + 16 / 9 + 2 * 4 / 9) * 5 / 4
    assert found.high == pytest.approx(7 / 3 + 1.959964 * math.sqrt(together) / 3, rel=1e-5)


def test_sums_over_people_are_those_over_all_pairs_of_pairs() -> None:
    rng = np.random.default_rng(2)
    for count in (2, 3, 40):
        people, residual = rng.integers(0, 7, (2, count)), rng.normal(size=count)
        shared = (people[:, np.newaxis, :, np.newaxis] == people[:, np.newaxis]).any((0, 1))
        assert _of_shared(residual, people) == pytest.approx(residual @ shared @ residual)


def test_who_stands_on_the_other_side_counts_as_well() -> None:
    values = np.array([1.0, 1.0, 0.0, 0.0])
    apart = of_pairs(values, (np.arange(4), np.arange(4, 8)))
    crossed = of_pairs(values, (np.array([0, 1, 2, 3]), np.array([1, 4, 3, 5])))
    assert apart.low is not None
    assert crossed.low is not None
    assert crossed.low < apart.low


def test_pairs_that_share_nobody_are_independent() -> None:
    rng = np.random.default_rng(0)
    people = np.arange(200), np.arange(200, 400)
    numbers, outcomes = rng.normal(size=200), rng.random(200) < 0.3
    found, plain = of_pairs(numbers, people), Measurement.mean(numbers)
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high), abs=1e-3)
    share, wilson = of_pairs(outcomes, people), Measurement.rate(outcomes)
    assert (share.low, share.high) == pytest.approx((wilson.low, wilson.high), abs=1e-3)


def test_it_covers_what_it_claims_where_people_differ() -> None:
    """Of people with chances of their own independent pairs would claim too much."""
    rng = np.random.default_rng(1)
    covered = {"people": 0, "pairs": 0}
    runs = 300
    for _ in range(runs):
        harder = rng.normal(size=24)
        first, second = rng.integers(0, 24, (2, 250))
        chance = 1.0 / (1.0 + np.exp(-harder[first] - harder[second]))
        outcomes = rng.random(250) < chance
        for name, found in (
            ("people", of_pairs(outcomes, (first, second))),
            ("pairs", Measurement.rate(outcomes)),
        ):
            covered[name] += found.low <= 0.5 <= found.high
    assert covered["people"] > 0.85 * runs
    assert covered["pairs"] < 0.6 * runs


def test_where_all_agree_a_share_has_as_many_samples_as_people() -> None:
    people = np.array([0, 0, 0, 1]), np.array([2, 2, 2, 2])
    found = of_pairs(np.ones(4, bool), people)
    assert (found.low, found.high) == pytest.approx(wilson_interval(3, 3))
    assert found.count == 4


def test_without_people_and_of_one_pair() -> None:
    assert of_pairs(np.array([True, False]), None) == Measurement.rate(np.array([True, False]))
    one = of_pairs(np.array([0.3]), (np.array([0]), np.array([1])))
    assert (one.value, one.low, one.high) == (0.3, None, None)
