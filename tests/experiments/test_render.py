"""The entry point that renders."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from experiments import render
from experiments.drawing.image_grid import grid
from experiments.render import RenderSettings
from experiments.running.run import Place
from experiments.running.stored_results import StoredResult
from mofa import face_model_files
from tests.experiments.command import result
from weights.errors import InputError


def rendered(folder: Path | None, **values: object) -> Path:
    return render.render(RenderSettings(**values), Place(folder))


def test_random_faces(tmp_path: Path) -> None:
    rendered(tmp_path, count=2, image_size=48, obj=True)
    codes = np.load(tmp_path / "codes.npy")
    assert codes.shape == (2, 257)
    assert cv2.imread(str(tmp_path / "faces.png")).shape == (48, 96, 3)
    assert cv2.imread(str(tmp_path / "turntable.png")).shape == (96, 9 * 48, 3)
    assert cv2.imread(str(tmp_path / "light.png")).shape == (96, 9 * 48, 3)
    first, second = (cv2.imread(str(tmp_path / f"face_0{k}.png")) for k in range(2))
    assert np.abs(first.astype(float) - second).mean() > 1.0
    lines = (tmp_path / "face_01.obj").read_text().splitlines()
    model = face_model_files.read()
    assert sum(line.startswith("v ") for line in lines) == len(model.mean_shape)
    assert sum(line.startswith("f ") for line in lines) == len(model.triangles)
    assert len(lines[0].split()) == 7


def test_it_is_a_run_like_the_others(tmp_path: Path) -> None:
    rendered(tmp_path, count=1, image_size=16, seed=4)
    said = json.loads((tmp_path / "flags.json").read_text())
    assert (said["count"], said["image_size"], said["seed"]) == (1, 16, 4)
    found = result(tmp_path)
    assert (found["experiment"], found["rows"]) == ("render", [])
    assert StoredResult.read(tmp_path / "result.json", "faces").experiment == "render"


def test_a_used_folder_is_left_alone(tmp_path: Path) -> None:
    rendered(tmp_path / "run", count=1, image_size=16)
    before = {p.name: p.read_bytes() for p in (tmp_path / "run").iterdir() if p.is_file()}
    with pytest.raises(InputError, match="holds a run already"):
        rendered(tmp_path / "run", count=3, image_size=16)
    assert {p.name: p.read_bytes() for p in (tmp_path / "run").iterdir() if p.is_file()} == before
    (tmp_path / "photo.jpg").write_bytes(b"mine")
    with pytest.raises(InputError, match=r"holds other files already \(photo\.jpg"):
        rendered(tmp_path, count=1, image_size=16)


def test_two_without_a_folder_get_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folders = {rendered(None, count=1, image_size=16) for _ in range(2)}
    assert len(folders) == 2
    assert all(len(list(folder.glob("face_*.png"))) == 1 for folder in folders)


def test_codes_from_a_file_give_the_same_picture(tmp_path: Path) -> None:
    rendered(tmp_path / "a", count=1, image_size=48)
    rendered(tmp_path / "b", codes=str(tmp_path / "a" / "codes.npy"), image_size=48)
    one, other = (cv2.imread(str(tmp_path / name / "face_00.png")) for name in "ab")
    np.testing.assert_array_equal(one, other)


def test_grid_fills_up_with_white():
    images = np.stack([np.full((2, 3, 3), value) for value in (0.1, 0.2, 0.3)])
    sheet = grid(images, 2)
    assert sheet.shape == (4, 6, 3)
    assert sheet[0, 0, 0] == 0.1
    assert sheet[0, 3, 0] == 0.2
    assert sheet[2, 0, 0] == 0.3
    assert sheet[2, 3, 0] == 1.0


def test_options_are_checked():
    with pytest.raises(InputError, match="`count` must be at least 1"):
        RenderSettings(count=0)
