"""A run whose own files were damaged between two of its parts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments import sweep
from experiments.running.results import Measurement, Row
from experiments.running.run import Place, Run
from tests.experiments.command import result
from weights.errors import InputError

FLAGS = ("--test_eps=0,0.03",)


@pytest.fixture
def half(in_process: Any, tmp_path: Path) -> Path:
    """A finished sweep from which the end is missing."""
    folder = in_process(sweep, *FLAGS, output=tmp_path / "run")
    (folder / "before.json").write_bytes((folder / "result.json").read_bytes())
    (folder / "result.json").unlink()
    return folder


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("rows", b'{"none": 1}'),
        ("rows", b"\xff"),
        ("seconds.json", b"{"),
        ("data.json", b"\xff{"),
    ],
)
def test_what_can_be_made_anew_is_made_anew(
    in_process: Any, half: Path, name: str, damage: bytes
) -> None:
    files = sorted((half / name).iterdir()) if name == "rows" else [half / name]
    assert files
    for file in files:
        file.write_bytes(damage)
    in_process(sweep, *FLAGS, "--resume", output=half)
    before = json.loads((half / "before.json").read_text())
    assert result(half)["rows"] == before["rows"]
    assert np.isfinite(result(half)["seconds"])


@pytest.mark.parametrize("damage", [b"{", b"[1]"])
def test_settings_that_cannot_be_read_stop_the_run(
    in_process: Any, half: Path, damage: bytes
) -> None:
    (half / "flags.json").write_bytes(damage)
    with pytest.raises(InputError, match=r"flags\.json is damaged .* choose another `output_dir`"):
        in_process(sweep, *FLAGS, "--resume", output=half)
    assert not (half / "result.json").exists()


def test_data_that_have_changed_stop_the_run(in_process: Any, half: Path) -> None:
    data = json.loads((half / "data.json").read_text())
    (half / "data.json").write_text(json.dumps({"sha256": "0" * len(data["sha256"])}))
    with pytest.raises(InputError, match=r"not those that .* began with"):
        in_process(sweep, *FLAGS, "--resume", output=half)
    assert not (half / "result.json").exists()


def test_data_are_known_by_every_pixel(tmp_path: Path) -> None:
    images = np.zeros((3, 4, 4, 3), np.uint8)
    run = Run("table1", {}, Place(tmp_path, resume=True))
    run.same_data(images, images[:2])
    run.same_data(images.copy(), images[:2])
    changed = images.copy()
    changed[2, 3, 3, 2] = 1
    for others in ((changed, images[:2]), (images[:2], images), (images,)):
        with pytest.raises(InputError, match="photographs"):
            run.same_data(*others)


def test_the_commit_is_that_at_which_the_run_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = iter(["first", "second"])
    monkeypatch.setattr("experiments.running.run.commit", lambda: next(names))
    run = Run("table1", {}, Place(tmp_path))
    run.finish([Row("joint", {"dodging": Measurement.rate(np.array([True]))})], "float32", "x")
    assert json.loads((tmp_path / "result.json").read_text())["commit"] == "first"
