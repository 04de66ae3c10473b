from __future__ import annotations

import cv2
import pytest

from tests.experiments.command import result, run


@pytest.mark.slow
def test_rows_for_encoder_refinement_and_budgets(tmp_path) -> None:
    budgets = ("--adaptive_budgets=0.01", "--bpda_budgets=0.01", "--verdict_queries=18")
    arguments = ("--preset=smoke", "--steps=4", *budgets)
    done = run("refined_defense", *arguments, f"--output_dir={tmp_path}/run", cache=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = {row["name"]: row for row in result(tmp_path / "run")["rows"]}
    judges = {name: rows.pop(name) for name in ("judge,encoder", "judge,refined")}
    minimum = rows.pop("refined,minimum")
    attacked = {"refined,adaptive=0.01", "refined,bpda=0.01"}
    assert set(rows) == {"encoder", "refined", "refined,random", "refined,verdicts", *attacked}
    broken = any(rows[name]["success"]["value"] for name in attacked)
    assert minimum["unbroken"]["value"] == float(not broken)
    assert minimum["median"]["value"] == (0.01 if broken else None)
    # One pair: nobody has two pictures, and there is no third person.
    assert all(set(row) == {"name"} for row in judges.values())
    # 0.02 and 0.01 of 255, rounded to whole levels.
    assert rows["refined,random"]["change"]["value"] == pytest.approx(5.0, abs=0.01)
    assert rows["refined,adaptive=0.01"]["change"]["value"] == pytest.approx(2.0, abs=0.01)
    # The target's photograph, as far as the first search for the boundary brought it.
    assert rows["refined,verdicts"]["change"]["value"] > 2.0
    notes = result(tmp_path / "run")["table"]["notes"]
    assert "target's photograph, 18 queries for each pair, 2 of them for" in notes
    for row in rows.values():
        assert row["success"]["value"] + row["undone"]["value"] <= 1.0
    # Sources and targets; both of them by both codes; for each row perturbation and drawing,
    # but two rows are of the same images.
    picture = cv2.imread(str(tmp_path / "run" / "panel.png"))
    assert picture.shape == (26 + 224, (2 + 4 + 2 * 6 - 1) * 224, 3)


def test_one_thread_is_too_few_for_verdicts(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_NUM_INTEROP_THREADS", "1")
    done = run("refined_defense", "--preset=smoke", "--verdict_queries=18", cache=tmp_path)
    assert done.returncode == 1
    assert "leave TF_NUM_INTEROP_THREADS out, or set it to 2 or more." in done.stderr


def test_what_cannot_be_is_refused(tmp_path) -> None:
    for wrong, message in (
        ("adaptive_budgets=much", "--adaptive_budgets=much: 'much' is no number"),
        ("adaptive_budgets=0.1,0.1", "a number stands there twice"),
        ("adaptive_budgets=2", "must lie in (0, 1]"),
        ("verdict_queries=1", "--verdict_queries must be 0 or at least 2, got 1."),
        ("pairs=0", "--pairs must be at least 1, got 0"),
    ):
        done = run("refined_defense", f"--{wrong}", cache=tmp_path)
        assert done.returncode == 1
        assert message in done.stderr
