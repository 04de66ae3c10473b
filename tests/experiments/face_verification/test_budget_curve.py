"""The curve over budgets on toys of `test_defences`, and where it gives out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from experiments.face_verification.budget_curve import BudgetCurve, under_rising_budgets
from experiments.face_verification.defences import Defence
from experiments.running.kept_arrays import KeptArrays
from resgn.cleaners import gaussian_noise
from tests.experiments.face_verification.test_defences import attacks

SAME = np.array([True, True, True, False, False])
VERIFIED = np.array(
    [
        [True, True, True, False],
        [True, True, False, False],
        [True, False, False, False],
        [True, True, True, True],
        [False, False, False, True],
    ]
)


def curve(verified: np.ndarray = VERIFIED) -> BudgetCurve:
    return BudgetCurve("mine", (0, 1, 2, 8), SAME, verified, 12.0)


def test_a_row_for_each_budget() -> None:
    rows = curve().rows()
    assert [row.name for row in rows] == [f"mine,levels={level}" for level in (0, 1, 2, 8)]
    assert [row.columns["dodging"].value * 3 for row in rows] == pytest.approx([3, 2, 1, 0])
    assert [row.columns["impersonation"].value * 2 for row in rows] == pytest.approx([1, 1, 1, 2])


def test_it_gives_out_where_less_than_half_of_what_was_verified_is_left() -> None:
    assert curve().gives_out("dodging") == 2  # 3, 2, 1, 0
    assert curve().gives_out("impersonation") is None  # of one pair
    assert curve().sentence() == (
        "mine gives out at 2 levels (eps 0.0078) under dodging and at no budget tried under "
        "impersonation."
    )
    half = np.array([[True] * 4, [True, True, True, False], *[[True] * 4] * 3])
    half[2] = half[1]
    half[0] = [True, False, True, True]
    assert curve(half).gives_out("dodging") == 8  # a half exactly is not less
    one = np.array([[True, False, False, False]] * 5)
    assert "at 1 level (eps 0.0039)" in curve(one).sentence()
    nothing = curve(np.zeros((5, 4), bool))
    assert nothing.gives_out("dodging") is None
    assert nothing.sentence() == (
        "mine gives out without any attack under dodging and without any attack under "
        "impersonation."
    )


def test_who_is_broken_is_attacked_no_more_and_stays_broken() -> None:
    found = attacks(0.2)
    defence = Defence.none(found.target)
    verified, gradients = under_rising_budgets(found, defence, (1, 16, 64))
    assert verified[:, 0].all()
    assert verified[:, 1].all()  # a grey level breaks no toy
    assert not verified[:, 3].any()
    assert (np.diff(verified.astype(int), axis=1) <= 0).all()
    # Stages of 2 and 8 steps: all of them at the first budget, and for whoever is left later.
    left = verified[:, 1].sum()
    after = verified[:, 2].sum()
    assert gradients == 4 * 10 + left * 2 + after * 8 + after * 2
    alone, _ = under_rising_budgets(found, defence, (64,))
    np.testing.assert_array_equal(alone[:, 1], verified[:, 3])


def test_a_random_defence_is_decided_by_draws_of_its_own() -> None:
    found = attacks(0.2)
    defence = Defence.of(gaussian_noise(0.02), found.target, samples=2)
    verified, _ = under_rising_budgets(found, defence, (1, 64))
    np.testing.assert_array_equal(verified[:, 0], ~found.decided(defence, found.pairs.images))
    assert not verified[:, 2].any()


def test_a_break_that_was_foreseen_and_did_not_come_is_tried_again_with_a_larger_budget() -> None:
    found = attacks(0.2)
    defence = Defence.of(gaussian_noise(0.1), found.target, samples=1)
    levels = (8, 16, 32, 64)
    verified, _ = under_rising_budgets(found, defence, levels)
    for number, level in enumerate(levels, 1):
        alone, _ = under_rising_budgets(found, defence, (level,))
        assert verified[:, number].sum() <= alone[:, 1].sum() + 1, level
    assert not verified[:, -1].any()


def test_pairs_that_were_attacked_are_read_back(tmp_path: Path) -> None:
    found = attacks(0.2)
    defence = Defence.none(found.target)
    first = BudgetCurve.measured(found, defence, (1, 64), KeptArrays(tmp_path))
    (file,) = (tmp_path / "none").glob("linf_*.npy")
    kept = np.load(file)
    assert first.gradients == kept["gradients"].mean() > 0
    kept["verified"] = ~kept["verified"]
    np.save(file, kept)
    again = BudgetCurve.measured(found, defence, (1, 64), KeptArrays(tmp_path))
    np.testing.assert_array_equal(again.verified, ~first.verified)
