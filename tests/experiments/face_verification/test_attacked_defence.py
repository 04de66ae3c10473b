"""The curve over budgets of one defence on toys of `test_defences`."""

from __future__ import annotations

import dataclasses
import json
import types
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from attacks import PGD
from experiments.face_verification import attacked_defence
from experiments.face_verification.adaptive_attacks import AdaptiveAttacks
from experiments.face_verification.attacked_defence import KINDS, AttackedDefence
from experiments.face_verification.defences import Defence
from experiments.face_verification.settings import Adaptive
from resgn.cleaners import Cleaner, gaussian_noise
from tests.experiments.face_verification.test_defences import attacks, toy_target

SETTINGS = Adaptive(adaptive_steps=4, eot_samples=2, restarts=1, queries=2)
BUDGETS = (0.01, 0.02, 0.05, 0.1, 0.2)


class Plain(AttackedDefence):
    """Only what rows of budgets need."""

    def _crafted(self) -> dict[str, Any]:
        return {name: super(Plain, self)._crafted()[name] for name in ("untouched", "transfer")}

    def _findings(self) -> list[str]:
        return []


def attacked(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    found: AdaptiveAttacks,
    defence: Defence,
    budgets: tuple[float, ...],
) -> Plain:
    monkeypatch.setattr(attacked_defence, "make_defence", lambda *_: defence)
    experiment = types.SimpleNamespace(settings=types.SimpleNamespace(adaptive=SETTINGS))
    run = types.SimpleNamespace(folder=folder)
    return Plain(cast(Any, experiment), cast(Any, run), found, "toy", 1.0, budgets=budgets)


def many(count: int) -> AdaptiveAttacks:
    """The toys' pairs, as often as that, which noise tells apart."""
    rows = np.tile(np.arange(4), count)
    found = attacks(0.02)
    return dataclasses.replace(found, pairs=found.pairs.select(rows), batch_size=4 * count)


def test_a_search_goes_as_far_as_the_largest_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond four times epsilon, where PGD breaks every toy."""
    found, defence = attacks(0.01), Defence.none(toy_target())
    first = attacked(tmp_path, monkeypatch, found, defence, (0.01, 0.25))
    assert [row.name for row in first.curve()] == ["toy,eps=0.01", "toy,eps=0.25"]
    small, large = first.curve()
    made = found.craft(PGD(SETTINGS.adaptive_steps), defence.surrogate, "PGD", 0.25)
    assert found.outcome(defence, made).success.all()
    for kind in KINDS:
        assert small.columns[kind].value == 1.0
        assert large.columns[kind].value == 0.0
        assert 0.04 < cast(float, first.quantiles()[kind]["0.75"]) <= 0.25
    # What was found by a search that ended earlier is not taken for this one's.
    again = attacked(tmp_path, monkeypatch, found, defence, (0.01,))
    assert again.quantiles()["dodging"]["0.25"] is None
    names = {file.name for file in (tmp_path / "outcomes" / "toy").glob("minimum*")}
    assert names == {"minimum_epsilon_0.25.json", "minimum_epsilon_0.04.json"}
    assert attacked(tmp_path, monkeypatch, found, defence, (0.25, 1.0)).quantiles()


def test_of_a_random_defence_no_lucky_draw_counts_for_larger_budgets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Noise hides every change, and ten draws would break far more than one does."""
    noisy = gaussian_noise(0.35)
    scrambled = Cleaner("noisy", lambda x, seed: noisy(0.5 + 0.2 * (x - 0.5), seed), random=True)
    found = many(50)
    defence = Defence.of(scrambled, found.target, samples=2)
    measured = attacked(tmp_path, monkeypatch, found, defence, BUDGETS)
    fresh = dataclasses.replace(found, seed=77)
    for budget, row in zip(BUDGETS, measured.curve(), strict=True):
        made = found.craft(PGD(SETTINGS.adaptive_steps), defence.surrogate, "PGD", budget)
        broken = fresh.decided(defence, made)
        for kind, pairs_of in zip(KINDS, (found.pairs.same, ~found.pairs.same), strict=True):
            verified = 1.0 - broken[pairs_of].mean()
            assert 0.1 < verified < 0.9  # one draw does not settle it
            assert row.columns[kind].value == pytest.approx(verified, abs=0.15)


def test_budgets_of_a_random_defence_are_those_of_its_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = many(2)
    defence = Defence.of(gaussian_noise(0.02), found.target, samples=2)
    measured = attacked(tmp_path, monkeypatch, found, defence, (0.2, 0.0, 0.01))
    rows = {row.name: row for row in measured.curve()}
    assert list(rows) == ["toy,eps=0.2", "toy,eps=0", "toy,eps=0.01"]
    for kind in KINDS:
        assert rows["toy,eps=0"].columns[kind].value == 1.0
        assert rows["toy,eps=0.2"].columns[kind].value == 0.0
        assert measured.quantiles()[kind]["0.75"] == 0.2
    assert not list((tmp_path / "outcomes" / "toy").glob("minimum*"))
    # What lies there is read back.
    kept = tmp_path / "outcomes" / "toy" / "pgd_eps=0.2.json"
    kept.write_text(json.dumps([0] * 8))
    again = attacked(tmp_path, monkeypatch, found, defence, (0.2, 0.0, 0.01))
    assert again.curve()[0].columns["dodging"].value == 1.0
    assert again.quantiles()["dodging"]["0.25"] is None
    kept.write_text("[0]")
    again = attacked(tmp_path, monkeypatch, found, defence, (0.2, 0.0, 0.01))
    assert again.curve()[0].columns["dodging"].value == 0.0
