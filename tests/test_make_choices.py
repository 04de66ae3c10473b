"""What is chosen beside a target reaches its command."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest

from tests.experiments.command import ROOT

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
CHOICES = ("PRESET", "DATASET", "DATA_DIR", "STRATEGY", "ARGS")
OTHERS = "weights|results_page|report|build_face_model"
TARGETS = re.findall(
    rf"^([a-z0-9-]+): install ##.*\n\t\$\(RUN\) -m experiments\.(?!{OTHERS})",
    (ROOT / "Makefile").read_text(),
    re.MULTILINE,
)


def flags(target: str, *chosen: str, **environment: str) -> list[str]:
    """The flags of the command that a target would run."""
    kept = {name: value for name, value in os.environ.items() if name not in CHOICES}
    printed = subprocess.run(
        ["make", "-n", target, *chosen],
        cwd=ROOT,
        env=kept | environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    line = next(line for line in printed.splitlines() if "-m experiments." in line)
    return [word.replace('"', "") for word in line.split() if word.startswith("--")]


@pytest.mark.parametrize("target", TARGETS)
def test_every_choice_reaches_the_command(target: str) -> None:
    chosen = ("PRESET=smoke", "DATASET=lfw", "DATA_DIR=faces", "ARGS=--seed=3")
    found = flags(target, *chosen)
    assert sorted(found) == ["--data_dir=faces", "--dataset=lfw", "--preset=smoke", "--seed=3"]
    assert "--strategy=mirrored" in flags(target, STRATEGY="mirrored")


def test_what_is_not_chosen_is_left_to_the_command() -> None:
    assert len(TARGETS) > 20
    assert flags("detection") == flags("render") == []
    assert flags("verification") == ["--dataset=orl"]
    assert flags("table1") == ["--preset=laptop", "--dataset=orl"]


def test_the_papers_preset_takes_another_data_set_where_one_is_named() -> None:
    """Left out, a folder of one's own would be read as LFW."""
    assert flags("table1", "PRESET=paper") == ["--preset=paper"]
    assert flags("table1", "PRESET=paper", "DATASET=folder") == [
        "--preset=paper",
        "--dataset=folder",
    ]
    assert "--dataset=celeba" in flags("table1", "PRESET=paper", DATASET="celeba")
