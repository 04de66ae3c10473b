"""The entry point that renders."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest

from experiments import render
from experiments.drawing.image_grid import grid
from experiments.render import Options
from mofa import face_model_files
from weights.errors import InputError


def test_random_faces(tmp_path):
    render.render(Options(output_dir=str(tmp_path), count=2, image_size=48, obj=True))
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


def test_a_used_folder_is_left_alone(tmp_path):
    options = Options(output_dir=str(tmp_path / "run"), count=1, image_size=16)
    render.render(options)
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    with pytest.raises(InputError, match="holds a run already; choose another"):
        render.render(dataclasses.replace(options, count=3))
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before
    (tmp_path / "photo.jpg").write_bytes(b"mine")
    with pytest.raises(InputError, match=r"holds other files already \(photo\.jpg"):
        render.render(dataclasses.replace(options, output_dir=str(tmp_path)))


def test_two_without_a_folder_get_two(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folders = {render.render(Options(count=1, image_size=16)) for _ in range(2)}
    assert len(folders) == 2
    assert all(len(list(folder.glob("face_*.png"))) == 1 for folder in folders)


def test_codes_from_a_file_give_the_same_picture(tmp_path):
    render.render(Options(output_dir=str(tmp_path / "a"), count=1, image_size=48))
    source = str(tmp_path / "a" / "codes.npy")
    render.render(Options(output_dir=str(tmp_path / "b"), codes=source, image_size=48))
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
        Options(count=0)
