"""The row `smoothed` of three commands, on ORL with a toy target and a denoiser of moments."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from experiments import adaptive, certify, evaluate, table1
from tests.experiments.command import result
from tests.experiments.conftest import Main
from weights.errors import InputError

FEW = ("--test_same=3", "--test_different=3")


@pytest.fixture
def certified(in_process: Main, tmp_path: Path) -> Path:
    """A run of certify, which leaves a denoiser in the cache."""
    flags = (*FEW, "--draws=30", "--selection_draws=10", "--certified_pairs=1")
    return in_process(certify, *flags, output=tmp_path / "certify")


def test_table_1_takes_the_denoiser_that_certify_trained(
    certified: Path, in_process: Main, tmp_path: Path
) -> None:
    folder = in_process(
        table1, *FEW, "--rows=smoothed,none", "--adaptive", output=tmp_path / "table"
    )
    # Nothing was trained: the same recipe, whatever the table's own is.
    assert not (folder / "training").exists()
    assert (folder / "cleaners/sigma=0.25.h5").read_bytes()
    data = result(folder)
    smoothed, none = data["rows"]
    assert [row["name"] for row in data["rows"]] == ["smoothed", "none"]
    assert set(smoothed) - {"findings"} == set(none) - {"findings"}
    assert smoothed["legitimate"]["count"] == 6
    for kind in ("dodging", "impersonation"):
        assert smoothed[f"adaptive_{kind}"]["count"] == 3
    notes = data["table"]["notes"]
    assert "trained on Gaussian noise of sigma 0.25" in notes
    assert "the majority of 12 noisy copies" in notes
    assert "an abstention counts as wrong" in notes
    assert "over 2 noisy copies a step (EOT)" in notes
    told = json.loads((folder / "flags.json").read_text())
    assert (told["smoothing_draws"], told["smoothing_sigma"]) == (12, None)

    # The same from the file, which says its sigma; another one is refused before anything is done.
    file = certified / "cleaners/sigma=0.25.h5"
    given = ("--rows=smoothed", "--adaptive", f"--denoiser={file}")
    again = in_process(table1, *FEW, *given, output=tmp_path / "given")
    assert result(again)["rows"][0] == smoothed
    for data, apart in ((result(folder), True), (result(again), False)):
        assert ("people kept apart" in data["table"]["notes"]) == apart
        assert ("The denoiser has weights trained elsewhere" in data["table"]["notes"]) != apart
    assert not (again / "cleaners").exists()
    with pytest.raises(InputError, match=r"noise of sigma 0\.25, not 0\.5"):
        in_process(table1, *FEW, *given, "--smoothing_sigma=0.5", output=tmp_path / "no")
    assert not (tmp_path / "no").exists()


def test_runs_without_the_row_say_nothing_of_it(in_process: Main, tmp_path: Path) -> None:
    folder = in_process(table1, *FEW, "--rows=none", output=tmp_path / "none")
    told = json.loads((folder / "flags.json").read_text())
    assert not any("smoothing" in name or name == "denoiser" for name in told)
    assert "smoothed" not in result(folder)["table"]["notes"]


def test_every_attack_on_it(certified: Path, in_process: Main, tmp_path: Path) -> None:
    flags = (*FEW, "--rows=smoothed", "--adaptive_pairs=2", "--test_eps=0.01,0.1")
    folder = in_process(adaptive, *flags, output=tmp_path / "adaptive")
    data = result(folder)
    rows = {row["name"]: row for row in data["rows"]}
    assert rows["smoothed,pgd"]["dodging"]["count"] == 2
    assert {"smoothed,worst_case", "smoothed,eps=0.01", "smoothed,eps=0.1"} < set(rows)
    assert "an abstention counts as wrong" in data["table"]["notes"]
    kept = json.loads((folder / "outcomes/smoothed/pgd.json").read_text())
    # Margins are shares of 12 votes.
    assert all(round(12 * m, 4) == round(12 * m) for m in kept["margin"])


def test_beside_a_defence_of_ones_own(certified: Path, in_process: Main, tmp_path: Path) -> None:
    flags = (*FEW, "--rows=smoothed", "--draws=60", "--selection_draws=10", "--certified_pairs=2")
    folder = in_process(evaluate, *flags, "--radius=0.01", output=tmp_path / "evaluate")
    data = result(folder)
    (row,) = data["rows"]
    assert row["name"] == "smoothed"
    assert row["reported_legitimate"]["count"] == 6
    assert row["measured_dodging"]["count"] == 3
    assert row["certified_impersonation"]["count"] == 2
    assert "It is certified with its own noise." in data["table"]["notes"]
