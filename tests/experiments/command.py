"""Runs entry points as a user does: in a process of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def start(
    module: str,
    *arguments: str,
    cache: Path | None = None,
    environment: Mapping[str, str] | None = None,
    python: str = sys.executable,
) -> subprocess.Popen[str]:
    """Start `python -m experiments.<module>`; landmarks and adversarial sets go to `cache`."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "CUDA_VISIBLE_DEVICES": "-1",
        **(environment or {}),
    }
    if cache is not None:
        environment["RESGN_CACHE_DIR"] = str(cache)
    return subprocess.Popen(
        [python, "-m", f"experiments.{module}", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cache or ROOT,
    )


def run(
    module: str, *arguments: str, cache: Path | None = None, python: str = sys.executable
) -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    process = start(module, *arguments, cache=cache, python=python)
    output, error = process.communicate(timeout=600)
    return subprocess.CompletedProcess(process.args, process.returncode, output, error)


def assert_both_end_well(processes: Sequence[subprocess.Popen[str]]) -> None:
    """Wait for processes that run beside each other; what each says is read all the time."""
    with ThreadPoolExecutor(len(processes)) as pool:
        said = list(pool.map(lambda process: process.communicate(timeout=900)[1], processes))
    for process, error in zip(processes, said, strict=True):
        assert process.returncode == 0, error


def result(folder: Path) -> dict[str, Any]:
    """A run's `result.json`."""
    return json.loads((folder / "result.json").read_text("utf-8"))
