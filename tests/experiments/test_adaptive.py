"""The page on bringing one's own, as its reader would follow it: a toy target keeps it fast."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.experiments.command import ROOT, result, run

PAGE = ROOT / "docs" / "bring_your_own.md"
OWN = (
    "--preset=smoke",
    "--test_same=4",
    "--test_different=4",
    "--cleaner=my_defence:squeeze",
    "--target=my_defence:thumbnail",
)
BOUNDED = (
    *("untouched", "stored", "transfer", "transfer_dlib"),
    *("fgsm", "mifgsm", "pgd", "apgd", "square", "hopskipjump"),
)
ATTACKS = (
    *BOUNDED,
    *("pgd_l2", "square_l2", "hopskipjump_l2", "worst_case", "eps=0.01", "eps=0.05"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with the page's example in it."""
    folder = tmp_path_factory.mktemp("own")
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    (folder / "my_defence.py").write_text(example)
    return folder


def test_the_example_becomes_a_row_with_every_column(folder: Path) -> None:
    run_folder = folder / "table"
    done = run(
        "table1", "--rows=none", "--adaptive", *OWN, f"--output_dir={run_folder}", cache=folder
    )
    assert done.returncode == 0, done.stderr
    assert "| my_defence:squeeze" in done.stdout
    rows = result(run_folder)["rows"]
    assert [row["name"] for row in rows] == ["none", "my_defence:squeeze"]
    for row in rows:
        columns = set(row) - {"name", "findings"}
        assert columns == {
            "dodging",
            "impersonation",
            "legitimate",
            "adaptive_dodging",
            "adaptive_impersonation",
        }
        assert row["adaptive_dodging"]["count"] == 3
    assert rows[0]["legitimate"]["value"] == 1.0
    assert "Adaptive columns: at most 3 + 3" in done.stdout


def test_every_attack_on_the_example(folder: Path) -> None:
    run_folder = folder / "adaptive"
    arguments = ("--rows=none", *OWN, "--test_eps=0.01,0.05", f"--output_dir={run_folder}")
    done = run("adaptive", *arguments, cache=folder)
    assert done.returncode == 0, done.stderr
    data = result(run_folder)
    names = ("none", "my_defence:squeeze")
    assert [row["name"] for row in data["rows"]] == [f"{n},{a}" for n in names for a in ATTACKS]
    rates = {row["name"]: row["dodging"]["value"] for row in data["rows"]}
    for name in names:
        assert rates[f"{name},worst_case"] <= min(rates[f"{name},{a}"] for a in BOUNDED)
        assert rates[f"{name},eps=0.05"] <= rates[f"{name},eps=0.01"]
        assert set(data["minimum_epsilon"][name]["dodging"]) == {"0.25", "0.5", "0.75"}
    for name in ("adaptive.md", "adaptive.csv", "adaptive.png"):
        assert (run_folder / name).stat().st_size > 0
    notes = data["table"]["notes"]
    assert "eps 0.03 (7 grey levels) in L-infinity" in notes
    assert "of 0.01 and 0.05 (2 and 12 grey levels)" in notes
    assert "4 queries of Square and of HopSkipJump" in notes
    assert "transfer_dlib: MI-FGSM on dlib alone, in its own crop" in notes
    # Smallest budgets are those of images that exist: whole levels.
    smallest = [
        v
        for each in data["minimum_epsilon"].values()
        for kind in each.values()
        for v in kind.values()
        if v
    ]
    assert smallest
    assert all(255 * value == pytest.approx(round(255 * value)) for value in smallest)

    # What was attacked before a run was cut off is read back.
    (run_folder / "result.json").unlink()
    kept = run_folder / "outcomes" / "none" / "pgd.json"
    outcome = json.loads(kept.read_text())
    outcome["success"] = [1 - success for success in outcome["success"]]
    kept.write_text(json.dumps(outcome))
    # What was damaged meanwhile is measured anew.
    for name, damage in {
        "fgsm": b'{"success": 1, "margin": 2}',
        "transfer": b'{"success": [1], "margin": [0.5]}',
        "minimum_epsilon_0.12": b"{",
        "findings": b"3",
        "random": b"\xff",
    }.items():
        assert (kept.parent / f"{name}.json").is_file()
        (kept.parent / f"{name}.json").write_bytes(damage)
    done = run("adaptive", *arguments, "--resume", cache=folder)
    assert done.returncode == 0, done.stderr
    again = {row["name"]: row["dodging"]["value"] for row in result(run_folder)["rows"]}
    assert again["none,pgd"] == pytest.approx(1.0 - rates["none,pgd"])
    for name in ("fgsm", "transfer"):
        assert again[f"none,{name}"] == rates[f"none,{name}"]
    assert result(run_folder)["minimum_epsilon"] == data["minimum_epsilon"]


def test_a_target_that_is_none_gets_one_clear_line(folder: Path) -> None:
    arguments = ("--preset=smoke", "--rows=none", "--target=my_defence:squeeze")
    done = run("table1", *arguments, cache=folder)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert "my_defence:squeeze gives shape (2, 160, 160, 3)" in line
    assert not (folder / "runs").exists()


@pytest.mark.parametrize("others", ["dlib", "facenet,facenet"])
def test_other_networks_are_not_the_target_and_named_once(folder: Path, others: str) -> None:
    arguments = ("--preset=smoke", "--rows=none", f"--transfer_from={others}")
    done = run("adaptive", *arguments, cache=folder)
    assert done.returncode == 1
    assert (
        "error: --transfer_from names other networks than the target, dlib, each once."
        in done.stderr
    )
