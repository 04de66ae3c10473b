"""SIGKILL at random moments of every experiment, and --resume until it ends: the same result.

make test-faults
RESGN_KILLS=6 make test-faults ARGS="-k killed -rP"      # at most so many for each, and counted
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.experiments.command import result, run, start

pytestmark = pytest.mark.faults

MOST_KILLS = int(os.environ.get("RESGN_KILLS", "4"))

PLAIN = {
    "verification": ("--dataset=orl",),
    "table1": ("--preset=smoke", "--rows=joint,jpeg,none"),
    "attack_intensity": ("--preset=smoke", "--eps=0.03"),
    "sweep": ("--preset=smoke", "--test_eps=0,0.03"),
    "judges": ("--preset=smoke",),
    "gallery": ("--preset=smoke",),
    "adaptive": ("--preset=smoke", "--rows=jpeg,none"),
    "certify": ("--preset=smoke",),
    "linf_curve": ("--preset=smoke", "--rows=none,smoothed", "--levels=1,8"),
    "train_mofa": ("--preset=smoke",),
    "train_identity": ("--preset=smoke",),
    "train_detector": ("--preset=smoke",),
}
"""Experiments that need nothing, and the flags of a short run."""

TRAINED = {
    "mofa_attack": ("--preset=smoke", "--steps=4", "--pairs=1", "--rows=mofa,fgsm"),
    "mofa_intensity": ("--preset=smoke", "--steps=4", "--pairs=1"),
    "mofa_sweep": ("--preset=smoke", "--steps=4", "--pairs=1", "--points=2"),
    "detection": ("--preset=smoke", "--steps=4"),
    "defense": ("--preset=smoke", "--steps=4", "--pairs=1"),
    "refined_defense": ("--preset=smoke", "--steps=4"),
}


def killed_until_done(
    folder: Path, module: str, *arguments: str, cache: Path, seconds: float
) -> int:
    """Run, kill at a random moment, resume, at most `MOST_KILLS` times; the number of kills."""
    moments = random.Random(module)
    given = (*arguments, f"--output_dir={folder}")
    for kills in range(MOST_KILLS):
        started = (folder / "flags.json").exists()
        process = start(module, *given, *(("--resume",) if started else ()), cache=cache)
        try:
            # The first is early: the second run of a module finds its files in memory.
            latest = 0.9 if kills else 0.5
            _, error = process.communicate(timeout=moments.uniform(0.2, latest) * seconds)
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.communicate()
            continue
        assert process.returncode == 0, error
        return kills
    started = (folder / "flags.json").exists()
    done = run(module, *given, *(("--resume",) if started else ()), cache=cache)
    assert done.returncode == 0, done.stderr
    return MOST_KILLS


@pytest.mark.parametrize("module", [*PLAIN, *TRAINED])
def test_killed_anywhere_and_resumed(
    module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if module == "refined_defense":  # its last digits hang on the threads
        for pool in ("INTRAOP", "INTEROP"):
            monkeypatch.setenv(f"TF_NUM_{pool}_THREADS", "1")
    arguments = (PLAIN | TRAINED)[module]
    # Caches of their own: what one run keeps must not help the other.
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    began = time.monotonic()
    done = run(module, *arguments, f"--output_dir={whole}/run", cache=_made(whole))
    seconds = time.monotonic() - began
    assert done.returncode == 0, done.stderr
    expected = result(whole / "run")
    kills = killed_until_done(
        broken / "run", module, *arguments, cache=_made(broken), seconds=seconds
    )
    assert kills > 0, "nothing was killed; the moments are too late"
    print(f"{module}: killed {kills} times")
    assert result(broken / "run")["rows"] == expected["rows"]
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == ["broken", "whole"]  # nothing was written elsewhere


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
