"""Two stacks, one project: what one writes the other reads, and the same seed is the same.

RESGN_OTHER_PYTHON names a Python with the packages of the other stack; without it, skipped.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.experiments.command import result, run

OTHER = os.environ.get("RESGN_OTHER_PYTHON", "")
ROOT = Path(__file__).parents[1]

pytestmark = [
    pytest.mark.skipif(not OTHER, reason="RESGN_OTHER_PYTHON names no Python of the other stack"),
    pytest.mark.slow,
]

Exchange = dict[str, dict[str, np.ndarray]]


def exchange(python: str, what: str, folder: Path) -> dict[str, np.ndarray]:
    done = subprocess.run(
        [python, "-m", "tests.stack_exchange", what, str(folder)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "-1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    with np.load(folder / {"write": "written.npz", "read": "read.npz"}[what]) as archive:
        return dict(archive)


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> Exchange:
    """What this stack wrote and the other read, and the other way round."""
    found = {}
    for writer, reader, name in ((sys.executable, OTHER, "here"), (OTHER, sys.executable, "there")):
        folder = tmp_path_factory.mktemp(name)
        found[f"written {name}"] = exchange(writer, "write", folder)
        found[f"read of {name}"] = exchange(reader, "read", folder)
    return found


@pytest.mark.parametrize("writer", ["here", "there"])
@pytest.mark.parametrize("form", ["whole.h5", "weights.h5"])
def test_weights_of_keras_files_are_read(numbers: Exchange, writer: str, form: str) -> None:
    np.testing.assert_allclose(
        numbers[f"read of {writer}"][f"classified {form}"],
        numbers[f"written {writer}"]["classified"],
        atol=1e-5,
    )


@pytest.mark.parametrize("form", ["whole.keras", "whole.h5"])
def test_whole_models_of_the_older_keras_are_read_by_the_newer(
    numbers: Exchange, form: str
) -> None:
    name = f"classified {form} by Keras"
    (writer,) = (w for w in ("here", "there") if name in numbers[f"read of {w}"])
    np.testing.assert_allclose(
        numbers[f"read of {writer}"][name], numbers[f"written {writer}"]["classified"], atol=1e-5
    )


@pytest.mark.parametrize("writer", ["here", "there"])
def test_a_resgn_is_read(numbers: Exchange, writer: str) -> None:
    np.testing.assert_allclose(
        numbers[f"read of {writer}"]["cleaned"], numbers[f"written {writer}"]["cleaned"], atol=1e-5
    )


@pytest.mark.parametrize("writer", ["here", "there"])
def test_a_training_goes_on_from_the_others_checkpoint(numbers: Exchange, writer: str) -> None:
    read, written = numbers[f"read of {writer}"], numbers[f"written {writer}"]
    np.testing.assert_array_equal(read["epochs"], [2])
    np.testing.assert_allclose(read["trained"], written["trained"], atol=1e-4)


@pytest.mark.parametrize("name", ["people", "pairs"])
def test_the_same_seed_draws_the_same(numbers: Exchange, name: str) -> None:
    np.testing.assert_array_equal(numbers["written here"][name], numbers["written there"][name])


@pytest.mark.parametrize(
    ("name", "tolerance"), [("initial", 1e-7), ("cleaned", 1e-5), ("trained", 1e-3)]
)
def test_the_same_seed_begins_with_the_same_weights(
    numbers: Exchange, name: str, tolerance: float
) -> None:
    np.testing.assert_allclose(
        numbers["written here"][name], numbers["written there"][name], atol=tolerance
    )


@pytest.mark.parametrize("name", ["fgsm", "pgd"])
def test_attacked_images_differ_by_the_rounding_of_sums(numbers: Exchange, name: str) -> None:
    here, there = numbers["written here"][name], numbers["written there"][name]
    # A gradient of zero but for rounding may have either sign.
    assert np.mean(np.abs(here - there) > 1e-6) < 0.01


def test_a_table_takes_the_attacked_sets_that_the_other_stack_has_kept(tmp_path: Path) -> None:
    given = ("--preset=smoke", "--rows=randomization,none", "--precision=float32")
    kept, rows = [], []
    for name, python in (("here", sys.executable), ("there", OTHER)):
        folder = tmp_path / name
        done = run("table1", *given, f"--output_dir={folder}", cache=tmp_path, python=python)
        assert done.returncode == 0, done.stderr
        kept.append({file: file.stat().st_mtime_ns for file in tmp_path.glob("adversarial/*")})
        rows.append(result(folder)["rows"])
    assert kept[0] == kept[1] != {}
    assert rows[0] == rows[1]
