"""The command, on ORL with a toy target whose denoiser learns in moments."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from experiments import certify
from experiments.running.kept_arrays import KeptArrays
from resgn.smoothing import Draws, largest_radius
from resgn.smoothing import certify as certify_votes
from resgn.smoothing.smoothed_verifier import SmoothedVerifier
from tests.experiments.command import result
from tests.experiments.conftest import Main
from weights.errors import InputError

FLAGS = ("--draws=200", "--radii=0,0.1,0.2", "--certified_pairs=4")


@pytest.fixture
def finished(in_process: Main, toy_cache: Path) -> Path:
    folder = toy_cache / "finished"
    return folder if folder.exists() else in_process(certify, *FLAGS, output=folder)


def test_rows_fall_with_the_radius_and_are_what_the_votes_say(finished: Path) -> None:
    data = result(finished)
    rows = {row["name"]: row for row in data["rows"]}
    names = [f"sigma=0.25,radius={radius}" for radius in ("0", "0.1", "0.2")]
    assert list(rows) == [*names, "sigma=0.25"]
    for kind in ("dodging", "impersonation"):
        values = [rows[name][kind]["value"] for name in names]
        assert values == sorted(values, reverse=True)
        assert all(rows[name][kind]["count"] == 4 for name in names)
    assert "come first, by nothing else" in data["table"]["notes"]
    assert "mean embedding of 16 noisy copies" in data["table"]["notes"]
    # Recomputed from the votes that were kept, a probe a line.
    kept = [np.load(path) for path in sorted((finished / "votes/sigma=0.25").glob("*.npy"))]
    votes = np.concatenate(kept)["votes"]
    assert (votes[:, 0] <= 10).all()
    assert (votes[:, 1] <= 200).all()
    found = certify_votes(votes[:, 0].ravel(), votes[:, 1].ravel(), 0.25, Draws(10, 200))
    most = largest_radius(0.25, Draws(10, 200))
    assert found.radius.max() <= most
    summary = rows["sigma=0.25"]
    assert summary["median_radius"]["high"] <= most + 1e-12
    assert summary["clean"]["count"] == 8
    assert data["seconds_per_pair"]["sigma=0.25"] > 0
    assert "A pair took" in data["table"]["notes"]
    assert 0.0 < summary["threshold"]["value"] < 4.0
    assert "200 others bound" in data["table"]["notes"]


def test_leaves_what_is_promised(finished: Path) -> None:
    for name in ("certify.md", "certify.csv", "certify.png", "flags.json", "metrics.jsonl"):
        assert (finished / name).stat().st_size > 0
    assert len(list(csv.DictReader((finished / "certify.csv").open()))) == 3 * 2 + 6
    with h5py.File(finished / "cleaners/sigma=0.25.h5") as file:
        said = dict(file.attrs)
    threshold = result(finished)["rows"][-1]["threshold"]["value"]
    assert (said["sigma"], said["threshold"]) == (0.25, pytest.approx(threshold))


def test_a_run_that_was_cut_off_gives_the_same_counts(
    finished: Path,
    toy_cache: Path,
    in_process: Main,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shutil.rmtree(toy_cache / "votes")
    votes, calls = SmoothedVerifier.votes, []

    def cut_off(self: SmoothedVerifier, *arguments: object) -> np.ndarray:
        calls.append(1)
        if len(calls) == 8:
            raise KeyboardInterrupt
        return votes(self, *arguments)

    monkeypatch.setattr(SmoothedVerifier, "votes", cut_off)
    with pytest.raises(KeyboardInterrupt):
        in_process(certify, *FLAGS, output=tmp_path / "cut")
    there = list((tmp_path / "cut/votes/sigma=0.25").glob("*.npy"))
    assert there
    monkeypatch.setattr(SmoothedVerifier, "votes", votes)
    again = in_process(certify, *FLAGS, "--resume", output=tmp_path / "cut")
    assert result(again)["rows"] == result(finished)["rows"]


def test_a_trained_denoiser_serves_again_and_for_its_own_noise_only(
    finished: Path, in_process: Main, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = finished / "cleaners/sigma=0.25.h5"
    monkeypatch.setattr("experiments.certify.trained_denoiser", None)  # nothing is trained
    again = in_process(certify, *FLAGS, f"--denoiser={file}", output=tmp_path / "again")
    for folder, apart in ((finished, True), (again, False)):
        notes = result(folder)["table"]["notes"]
        assert ("people kept apart" in notes) == apart
        assert ("Denoisers have weights trained elsewhere, whose people may be" in notes) != apart
    for row, before in zip(result(again)["rows"], result(finished)["rows"], strict=True):
        for name in ("dodging", "impersonation", "clean"):
            assert row.get(name) == before.get(name)
    with pytest.raises(InputError, match=r"noise of sigma 0\.25, not 0\.5"):
        in_process(certify, *FLAGS, f"--denoiser={file}", "--sigma=0.5", output=tmp_path / "wrong")
    assert not (tmp_path / "wrong").exists()
    with pytest.raises(InputError, match="two files were trained on the same noise"):
        in_process(certify, f"--denoiser={file},{file}", output=tmp_path / "twice")


def test_a_run_with_more_pairs_takes_over_the_votes_of_one_with_fewer(
    finished: Path,
    toy_cache: Path,
    in_process: Main,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def probes(folder: Path) -> int:
        found = [np.load(path) for path in (folder / "votes/sigma=0.25").glob("*.npy")]
        return sum(len(each) for each in found)

    votes, calls = SmoothedVerifier.votes, []

    def counted(self: SmoothedVerifier, *arguments: object) -> np.ndarray:
        calls.append(1)
        return votes(self, *arguments)

    shutil.rmtree(toy_cache / "votes")
    monkeypatch.setattr(SmoothedVerifier, "votes", counted)
    few = in_process(certify, *FLAGS, "--certified_pairs=2", output=tmp_path / "few")
    assert len(calls) == 2 * probes(few)
    all_at_once = len(list((toy_cache / "votes").iterdir()))
    assert all_at_once == probes(few)
    calls.clear()
    more = in_process(certify, *FLAGS, output=tmp_path / "more")
    assert len(calls) == 2 * (probes(more) - probes(few)) < 2 * probes(more)
    assert result(more)["rows"] == result(finished)["rows"]
    # Other draws are other votes.
    calls.clear()
    in_process(certify, *FLAGS, "--draws=250", "--certified_pairs=2", output=tmp_path / "other")
    assert len(calls) == 2 * probes(few)


def test_votes_of_a_probe_do_not_hang_on_who_computes_them(
    finished: Path,
    toy_cache: Path,
    tmp_path: Path,
    in_process: Main,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Other chunks, other order: each probe has its own draws."""
    shutil.rmtree(toy_cache / "votes")
    in_chunks = KeptArrays.in_chunks

    def backwards(self, name, inputs, function, size, unit):
        found = in_chunks(self, name, inputs[::-1], function, 3, unit)
        return found[::-1]

    monkeypatch.setattr(KeptArrays, "in_chunks", backwards)
    other = in_process(certify, *FLAGS, output=tmp_path / "other")
    for row, before in zip(result(other)["rows"], result(finished)["rows"], strict=True):
        for name in ("dodging", "impersonation", "clean", "median_radius"):
            assert row.get(name) == before.get(name)
