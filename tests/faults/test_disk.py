"""A disk that is full or read-only, as a small file system of its own."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.experiments.command import ROOT, result, run

pytestmark = pytest.mark.faults

RUNS = {
    "table1": ("--preset=smoke", "--rows=joint,none"),
    "gallery": ("--preset=smoke",),
    "train_mofa": ("--preset=smoke",),
    "render": ("--count=2", "--image_size=64"),
}


def mounted(place: Path, options: str, command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command that alone sees a tmpfs of these options at `place`."""
    script = f"mount -t tmpfs -o {options} none {shlex.quote(str(place))} && {shlex.join(command)}"
    unshare = ["unshare", "--user", "--map-root-user", "--mount", "bash", "-c", script]
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "CUDA_VISIBLE_DEVICES": "-1",
        "RESGN_CACHE_DIR": str(place.parent / "cache"),
    }
    return subprocess.run(
        unshare, env=environment, capture_output=True, text=True, cwd=place.parent, timeout=600
    )


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where the file system is put."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if mounted(folder, "size=1m", ["true"]).returncode:
        pytest.skip("file systems cannot be mounted here without rights")
    return folder


def entry_point(module: str, *flags: str) -> list[str]:
    return [sys.executable, "-m", f"experiments.{module}", *flags]


def refused(done: subprocess.CompletedProcess[str], place: Path) -> str:
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("error: ") == 1
    message = done.stderr.rpartition("error: ")[2].splitlines()[0]
    assert str(place) in message
    return message


@pytest.mark.parametrize("size", ["4k", "64k", "256k"])
@pytest.mark.parametrize("module", RUNS)
def test_full(module: str, size: str, place: Path) -> None:
    done = mounted(
        place,
        f"size={size}",
        entry_point(module, *RUNS[module], f"--output_dir={place}/run"),
    )
    if done.returncode == 0:
        pytest.skip(f"{size} are enough for it")
    assert "No space left" in refused(done, place)


@pytest.mark.parametrize("module", RUNS)
def test_read_only(module: str, place: Path) -> None:
    done = mounted(
        place, "ro,size=1m", entry_point(module, *RUNS[module], f"--output_dir={place}/run")
    )
    assert "Read-only file system" in refused(done, place)


@pytest.mark.parametrize("options", ["ro,size=1m", "size=16k"])
def test_a_cache_that_cannot_be_written_costs_time_only(options: str, place: Path) -> None:
    flags = RUNS["table1"]
    command = entry_point("table1", *flags, f"--output_dir={place.parent}/run")
    done = mounted(place, options, ["env", f"RESGN_CACHE_DIR={place}/cache", *command])
    assert done.returncode == 0, done.stderr
    (place.parent / "other").mkdir()
    whole = run(
        "table1", *flags, f"--output_dir={place.parent}/whole", cache=place.parent / "other"
    )
    assert whole.returncode == 0, whole.stderr
    assert result(place.parent / "run")["rows"] == result(place.parent / "whole")["rows"]
