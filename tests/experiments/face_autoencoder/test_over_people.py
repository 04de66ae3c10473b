"""Intervals over people."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.face_autoencoder import over_people
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
    low, high = over_people.around(0.7, drawn)
    assert low == pytest.approx(0.61 - 0.1)
    assert high == pytest.approx(0.99 - 0.1)
    assert over_people.around(0.98, drawn)[1] == 1.0
    assert over_people.around(0.02, drawn - 0.6)[0] == 0.0
    # What is no share has no bound.
    assert over_people.around(0.98, 10.0 * drawn)[1] > 1.0
