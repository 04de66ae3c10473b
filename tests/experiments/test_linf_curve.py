"""The command, on ORL with a toy target."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from experiments import linf_curve
from tests.experiments.command import result
from tests.experiments.conftest import Main
from weights.errors import InputError

ROWS = ("none", "randomization", "pixel+verification", "smoothed")
FLAGS = ("--test_same=3", "--test_different=3", "--levels=4,1", f"--rows={','.join(ROWS)}")


def test_table_figure_and_sentences_from_one_command(in_process: Main, tmp_path: Path) -> None:
    folder = in_process(linf_curve, *FLAGS, output=tmp_path / "run")
    data = result(folder)
    assert [row["name"] for row in data["rows"]] == [
        f"{row},levels={level}" for row in ROWS for level in (0, 1, 4)
    ]
    by_name = {row["name"]: row for row in data["rows"]}
    assert by_name["none,levels=0"]["dodging"]["value"] == 1.0
    for kind in ("dodging", "impersonation"):
        for name in ("none", "pixel+verification"):
            values = [by_name[f"{name},levels={level}"][kind]["value"] for level in (0, 1, 4)]
            assert values == sorted(values, reverse=True)
        assert by_name["smoothed,levels=4"][kind]["count"] == 3
    assert set(data["gives_out"]) == set(data["gradients_per_pair"]) == set(ROWS)
    notes = data["table"]["notes"]
    assert "Levels of 1, 4 are eps 0.0039, 0.0157." in notes
    assert all(f"{row} gives out " in notes for row in ROWS)
    assert "an abstention counts as wrong" in notes
    for name in ("linf_curve.md", "linf_curve.csv", "linf_curve.png"):
        assert (folder / name).stat().st_size > 0
    # No attacked test set is needed.
    assert json.loads((folder / "flags.json").read_text())["levels"] == [1, 4]
    (folder / "result.json").unlink()
    again = in_process(linf_curve, *FLAGS, "--resume", output=folder)
    assert result(again)["rows"] == data["rows"]


def test_levels_are_whole(in_process: Main, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--levels=1\.5: a file holds whole grey levels"):
        in_process(linf_curve, "--rows=none", "--levels=1.5", output=tmp_path / "run")
