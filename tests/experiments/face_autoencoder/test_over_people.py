"""Intervals over people."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.face_autoencoder import over_people
from experiments.running.results import Measurement, wilson_interval
from resgn.calibration import RocCurve


def test_a_mean_has_the_spread_of_people(rng: np.random.Generator) -> None:
    people = np.repeat(np.arange(40), 5)
    values = np.repeat(rng.normal(size=40), 5)  # five pictures of one person say the same
    found = over_people.mean(values, people)
    assert found.value == pytest.approx(values.mean())
    half = 1.96 * values.std() / np.sqrt(40)
    assert found.low == pytest.approx(found.value - half, abs=0.25 * half)
    assert found.high == pytest.approx(found.value + half, abs=0.25 * half)


def test_the_shift_by_people_who_are_drawn_twice_is_taken_off(rng: np.random.Generator) -> None:
    people = np.repeat(np.arange(12), 4)
    normal = rng.normal(size=48)
    scores = np.stack([normal, normal + 1e-6])  # an attack lifts each face, and none above others

    def area(rows: np.ndarray) -> dict[str, float]:
        both = scores[:, rows]
        lifted = np.repeat([False, True], len(rows))
        return {"auc": 1.0 - RocCurve.of(both.ravel(), lifted).auc()}

    found = over_people.measured(people, area)["auc"]
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.value < found.high
    assert found.value == pytest.approx(0.5, abs=0.02)


def test_ends_lie_around_the_value_and_shares_between_nothing_and_all() -> None:
    drawn = np.linspace(0.6, 1.0, 101)
    many = 10**9
    low, high = over_people.around(0.7, drawn, many)
    assert low == pytest.approx(0.61 - 0.1)
    assert high == pytest.approx(0.99 - 0.1)
    assert over_people.around(0.98, drawn, many)[1] == 1.0
    assert over_people.around(0.02, drawn - 0.6, many)[0] == 0.0
    # What is no share has no bound.
    assert over_people.around(0.98, 10.0 * drawn, many)[1] > 1.0
    few = over_people.around(0.7, drawn, 12)
    assert few[0] < low < high < few[1]


def test_independent_faces_are_covered_as_often_as_it_says() -> None:
    """64 + 64 verdicts of 14 people, right with 97 %: quantiles of draws had the truth 88 times."""
    rng = np.random.default_rng(0)
    people = rng.integers(0, 14, 64)
    inside = 0
    for _ in range(400):
        found = over_people.mean(rng.random((64, 2)) < 0.97, people)
        inside += found.low <= 0.97 <= found.high
    assert inside >= 0.93 * 400


PEOPLE = np.repeat(np.arange(12), 5)


@pytest.mark.parametrize("agreed", [False, True])
def test_shares_in_which_all_agree_have_wilsons_interval_of_people(agreed: bool) -> None:
    """0 of 12: up to 24 %, however many faces each of the twelve has."""
    found = over_people.mean(np.full(60, agreed), PEOPLE)
    assert (found.low, found.high) == pytest.approx(wilson_interval(12 * agreed, 12))
    assert found.high - found.low == pytest.approx(0.2425, abs=1e-4)
    assert (found.value, found.count) == (agreed, 60)
    # One face that says otherwise tells that it is not by people: nearly that of 60 faces.
    outcomes = np.full(60, agreed)
    outcomes[7] ^= True
    one = over_people.mean(outcomes, PEOPLE)
    assert (one.low, one.high) == pytest.approx(
        wilson_interval(60 * agreed + 1 - 2 * agreed, 60), abs=0.01
    )


@pytest.mark.parametrize(
    ("normal", "attacked", "ends"),
    [
        (True, True, (0.7575, 1.0)),
        (True, False, (0.7575 / 2, (1.0 + 0.2425) / 2)),
        (False, False, (0.0, 0.2425)),
    ],
)
def test_a_balanced_accuracy_has_the_mean_ends_of_its_halves(
    normal: bool, attacked: bool, ends: tuple[float, float]
) -> None:
    halves = np.stack([np.full(60, normal), np.full(60, attacked)], axis=1)
    found = over_people.mean(halves, PEOPLE)
    assert found.value == (normal + attacked) / 2
    assert (found.low, found.high) == pytest.approx(ends, abs=1e-4)


def test_faces_of_one_person_that_say_the_same_count_once() -> None:
    by_person = np.arange(12) < 3
    found = over_people.mean(np.repeat(by_person, 5), PEOPLE)
    low, high = wilson_interval(3, 12)
    # The variance is 12 / 11 of that of twelve independent people (Bessel).
    assert found.low == pytest.approx(low, abs=0.02)
    assert found.high == pytest.approx(high, abs=0.02)
    alone = over_people.mean(np.array([True, False]), np.zeros(2, int))
    assert alone.high - alone.low > 0.85


def test_what_came_out_the_same_with_everybody_may_be_otherwise_with_a_few_others() -> None:
    """None of 12 people differs, so that at most 24 % of others do, to nothing or to all."""
    others = wilson_interval(0, 12)[1]
    found = over_people.widened(Measurement(0.8, 0.8, 0.8, 60), 12)
    assert (found.low, found.high) == pytest.approx((0.8 - 0.8 * others, 0.8 + 0.2 * others))
    found = over_people.mean(np.tile([True, False], (60, 1)), PEOPLE)
    assert (found.low, found.high) == pytest.approx((0.5 - others / 2, 0.5 + others / 2))
    wide = Measurement(0.8, 0.7, 0.85, 60)
    assert over_people.widened(wide, 12) == wide


def test_areas_and_shares_are_widened_and_numbers_are_not() -> None:
    def constant(_: np.ndarray) -> dict[str, float]:
        return {"auc": 1.0, "caught": 0.0}

    shares = over_people.measured(PEOPLE, constant, shares=True)
    assert (shares["auc"].low, shares["auc"].high) == pytest.approx(wilson_interval(12, 12))
    assert (shares["caught"].low, shares["caught"].high) == pytest.approx(wilson_interval(0, 12))
    numbers = over_people.measured(PEOPLE, constant)
    assert (numbers["auc"].low, numbers["auc"].high) == (1.0, 1.0)
    distances = over_people.mean(np.zeros(60), PEOPLE)
    assert (distances.low, distances.high) == (0.0, 0.0)
