"""The entry point that renders, and the pieces of the one that builds the model."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from experiments import build_face_model, render
from experiments.image_grid import grid
from experiments.render import Options
from mofa import morphable_model
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
    model = morphable_model.read()
    assert sum(line.startswith("v ") for line in lines) == len(model.mean_shape)
    assert sum(line.startswith("f ") for line in lines) == len(model.triangles)
    assert len(lines[0].split()) == 7


def test_codes_from_a_file_give_the_same_picture(tmp_path):
    render.render(Options(output_dir=str(tmp_path / "a"), count=1, image_size=48))
    source = str(tmp_path / "a" / "codes.npy")
    render.render(Options(output_dir=str(tmp_path / "b"), codes=source, image_size=48))
    one, other = (cv2.imread(str(tmp_path / name / "face_00.png")) for name in "ab")
    np.testing.assert_array_equal(one, other)


def test_code_files(tmp_path):
    code = np.arange(257, dtype=np.float32)
    np.save(tmp_path / "one.npy", code)
    (tmp_path / "one.json").write_text(json.dumps(code.tolist()))
    np.savetxt(tmp_path / "one.csv", code[None], delimiter=",")
    for name in ("one.npy", "one.json", "one.csv"):
        np.testing.assert_allclose(render.read_codes(tmp_path / name), code[None])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.npy", b"nothing", "could not be read as codes"),
        ("a.json", b'{"a": 1}', "could not be read as codes"),
        ("a.json", b"[1, 2, 3]", r"has shape \(1, 3\)"),
        ("a.txt", b"one two", "could not be read as codes"),
        ("a.txt", b"nan " * 257, "not finite"),
    ],
)
def test_bad_code_files(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        render.read_codes(tmp_path / name)


def test_missing_code_file(tmp_path):
    with pytest.raises(InputError, match="could not be read as codes"):
        render.read_codes(tmp_path / "absent.npy")


def test_grid_fills_up_with_white():
    images = np.stack([np.full((2, 3, 3), value) for value in (0.1, 0.2, 0.3)])
    sheet = grid(images, 2)
    assert sheet.shape == (4, 6, 3)
    assert sheet[0, 0, 0] == 0.1
    assert sheet[0, 3, 0] == 0.2
    assert sheet[2, 0, 0] == 0.3
    assert sheet[2, 3, 0] == 1.0


def test_turntable_and_light_change_one_thing():
    code = np.random.default_rng(0).normal(size=(2, 257)).astype(np.float32)
    turned = render.turntable(code, 5)
    lit = render.light_sweep(code, 5)
    assert turned.shape == lit.shape == (10, 257)
    np.testing.assert_array_equal(turned[:, :224], np.repeat(code[:, :224], 5, axis=0))
    assert turned[:5, 225].tolist() == pytest.approx([-1.2, -0.6, 0.0, 0.6, 1.2])
    assert not turned[:, 226:].any()
    assert not lit[:, 224:230].any()
    assert (np.ptp(lit[:5, 230:], axis=0) > 0).any()


def test_opposite_targets_are_paired():
    names = ["asym-jaw-1-l", "asym-jaw-1-r", "head-oval", "l-nose-up", "l-nose-down", "nose-incr"]
    names += ["nose-decr"]
    assert build_face_model._pairs(sorted(names)) == [
        ("asym-jaw-1-l", "asym-jaw-1-r"),
        ("head-oval",),
        ("l-nose-up", "l-nose-down"),
        ("nose-incr", "nose-decr"),
    ]


def test_alignment_removes_similarity(rng):
    # Turned about z by 0.4, doubled and moved: aligned it is the reference again.
    reference = rng.normal(size=(30, 3))
    turn = np.array([[np.cos(0.4), -np.sin(0.4), 0], [np.sin(0.4), np.cos(0.4), 0], [0, 0, 1]])
    moved = 2.0 * reference @ turn.T + np.array([5.0, 6.0, 7.0])
    aligned = build_face_model._align(np.stack([moved, reference]), reference)
    np.testing.assert_allclose(aligned, np.stack([reference, reference]), atol=1e-9)


@pytest.mark.parametrize("samples", [40, 400])
def test_principal_components(samples, rng):
    # Three orthogonal directions with standard deviations 5, 2 and 1 of 90 numbers.
    basis = np.linalg.qr(rng.normal(size=(90, 3)))[0]
    draws = rng.normal(size=(samples, 3))
    draws = np.linalg.qr(draws)[0] * np.sqrt(samples) * [5.0, 2.0, 1.0]
    modes = build_face_model._principal(draws @ basis.T, 3)
    np.testing.assert_allclose(modes.std, [5.0, 2.0, 1.0], rtol=1e-5)
    np.testing.assert_allclose(np.abs(modes.basis.T @ basis), np.eye(3), atol=1e-4)


def test_options_are_checked():
    with pytest.raises(InputError, match="--count must be at least 1"):
        Options(count=0)
