"""A data set that vanishes or changes under a run."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from resgn.faces.orl import load_orl
from tests.experiments.command import result, run, start

pytestmark = pytest.mark.faults

PEOPLE, PHOTOGRAPHS = 24, 5
FLAGS = ("--preset=smoke", "--dataset=folder", "--rows=joint,none")
SECONDS = (1.5, 4.0, 6.0, 9.0, 14.0)
"""After which the data set vanishes: before, while and after it is read."""


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each person."""
    folder = tmp_path_factory.mktemp("data") / "people"
    dataset = load_orl()
    for person in range(PEOPLE):
        (folder / f"person {person}").mkdir(parents=True)
        for row in np.flatnonzero(dataset.people == person)[:PHOTOGRAPHS]:
            path = folder / f"person {person}" / f"{row}.png"
            Image.fromarray(dataset.image(row)).save(path)
    return folder


@pytest.fixture(scope="module")
def expected(photographs: Path, tmp_path_factory: pytest.TempPathFactory) -> list[object]:
    """The rows of an undisturbed run."""
    place = tmp_path_factory.mktemp("whole")
    flags = (*FLAGS, f"--data_dir={photographs}", f"--output_dir={place}/run")
    done = run("table1", *flags, cache=place)
    assert done.returncode == 0, done.stderr
    return result(place / "run")["rows"]


@pytest.mark.parametrize("seconds", SECONDS)
def test_vanishes_and_comes_back(
    seconds: float, photographs: Path, expected: list[object], tmp_path: Path
) -> None:
    data, hidden = tmp_path / "data", tmp_path / "hidden"
    shutil.copytree(photographs, data)
    flags = (*FLAGS, f"--data_dir={data}", f"--output_dir={tmp_path}/run")
    process = start("table1", *flags, cache=tmp_path)
    try:
        process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        data.rename(hidden)
        _, error = process.communicate(timeout=600)
        assert "Traceback" not in error
        if process.returncode:  # it had not read everything
            assert process.returncode == 1
            assert error.count("error: ") == 1
            assert str(data) in error.rpartition("error: ")[2]
        hidden.rename(data)
    if not (tmp_path / "run" / "result.json").exists():
        resume = ("--resume",) if (tmp_path / "run" / "flags.json").exists() else ()
        done = run("table1", *flags, *resume, cache=tmp_path)
        assert done.returncode == 0, done.stderr
    assert result(tmp_path / "run")["rows"] == expected


def test_changes_between_two_parts_of_a_run(photographs: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(photographs, data)
    flags = (*FLAGS, f"--data_dir={data}", f"--output_dir={tmp_path}/run")
    done = run("table1", *flags, cache=tmp_path)
    assert done.returncode == 0, done.stderr
    (tmp_path / "run" / "result.json").unlink()
    for photograph in data.rglob("*.png"):  # everybody is somebody else's mirror image
        Image.open(photograph).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(photograph)
    done = run("table1", *flags, "--resume", cache=tmp_path)
    assert done.returncode == 1
    assert "are not those that" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run" / "result.json").exists()
