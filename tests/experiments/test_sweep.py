from __future__ import annotations

from pathlib import Path

import pytest

from experiments import sweep
from experiments.sweep import paper_figures
from tests.experiments.command import result
from weights.errors import InputError


def test_a_point_for_each_defence_and_intensity(in_process, tmp_path: Path) -> None:
    folder = in_process(sweep, "--test_eps=0.03,0,0.1", output=tmp_path / "run")
    rows = {row["name"]: row for row in result(folder)["rows"]}
    names = [
        f"{d},eps={e}"
        for d in ("none", "randomization", "resgn", "resgn_from_zero")
        for e in ("0", "0.03", "0.1")
    ]
    assert list(rows) == names
    # Every pair is verified correctly before it is attacked, and the attack is stronger further on.
    for column in ("dodging", "impersonation"):
        assert rows["none,eps=0"][column]["value"] == 1.0
        values = [rows[f"none,eps={e}"][column]["value"] for e in ("0", "0.03", "0.1")]
        assert values == sorted(values, reverse=True)
        assert values[-1] < 0.5
        assert {row[column]["count"] for row in rows.values()} == {6}
    assert rows["randomization,eps=0.03"]["dodging"]["paper"] == 0.6528
    assert rows["resgn_from_zero,eps=0.03"]["dodging"]["paper"] is None
    # Two networks, each by its name.
    assert len(list((folder / "cleaners").iterdir())) == 2
    for name in ("sweep.png", "sweep.csv", "sweep.md"):
        assert (folder / name).stat().st_size > 0


def test_papers_points() -> None:
    assert paper_figures("resgn", 0.03, 0.02) == (0.9833, 0.9935)
    assert paper_figures("resgn", 0.03, 0.05) == (None, None)
    assert paper_figures("none", 0.03, 0.03) == (0.0084, 0.4321)
    assert paper_figures("randomization", 0.03, 0.02) == (None, None)


@pytest.mark.parametrize("value", ["-0.1", "1.1", "nan", "", "0.1,0.1"])
def test_bad_intensities(in_process, value: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--test_eps"):
        in_process(sweep, f"--test_eps={value}", output=tmp_path / "run")
