from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import tensorflow as tf

import resgn.faces.landmarks as landmarks_module
from resgn.faces.alignment import align_face, align_photograph, aligned_faces, find_face
from resgn.faces.landmarks import dataset_landmarks
from resgn.faces.loading import load_dataset
from resgn.faces.template import FACE_TEMPLATE, face_template, similarity
from weights.errors import InputError

DLIB = np.array([(47, 44.5), (100, 45), (73, 77), (49, 102), (96, 103)], np.float32)
"""Where the five points belong in dlib's 150x150 input."""


def _turn(scale: float, degrees: float, x: float, y: float) -> np.ndarray:
    """`[2, 3]`, from the crop to the photograph."""
    c, s = scale * np.cos(np.radians(degrees)), scale * np.sin(np.radians(degrees))
    return np.array([[c, -s, x], [s, c, y]])


def _apply(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    return points @ matrix[:, :2].T + matrix[:, 2]


def _ramps(height: int, width: int) -> np.ndarray:
    """Red rises by one level every `width / 256` columns, green likewise by rows."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 256 // width, y * 256 // height, np.zeros_like(x)], -1).astype(np.uint8)


def test_template_by_hand() -> None:
    # (47 + 0.5) * 160 / 150 - 0.5 = 50.1667 and so on.
    assert FACE_TEMPLATE.dtype == np.float32
    np.testing.assert_allclose(
        FACE_TEMPLATE,
        [(50.1667, 47.5), (106.7, 48.0333), (77.9, 82.1667), (52.3, 108.8333), (102.4333, 109.9)],
        atol=1e-3,
    )
    np.testing.assert_allclose(face_template(150), DLIB, atol=1e-5)


@pytest.mark.parametrize("size", [160, 200])
def test_resize_to_150_brings_the_template_to_dlibs(size: int) -> None:
    """An image whose pixels hold their own coordinates shows where each point came from."""
    y, x = np.mgrid[:size, :size].astype(np.float32)
    resized = tf.image.resize(np.stack([x, y], -1)[None], [150, 150], method="bilinear")[0].numpy()
    points = DLIB.reshape(-1, 1, 2)
    came_from = cv2.remap(resized, points[..., 0], points[..., 1], cv2.INTER_LINEAR)[:, 0]
    # remap interpolates in steps of 1/32 pixel.
    np.testing.assert_allclose(came_from, face_template(size), atol=0.04)


@pytest.mark.parametrize("degrees", [0.0, 30.0, -75.0, 180.0])
@pytest.mark.parametrize("scale", [0.4, 1.0, 6.0])
def test_similarity_is_exact_where_the_points_fit(scale: float, degrees: float) -> None:
    matrix = _turn(scale, degrees, 300, 40)
    found = similarity(_apply(matrix, FACE_TEMPLATE))
    corners = np.array([(0, 0), (159, 0), (0, 159), (159, 159)], float)
    np.testing.assert_allclose(_apply(found, _apply(matrix, corners)), corners, atol=1e-2)


def test_similarity_is_the_least_squares_one(rng: np.random.Generator) -> None:
    """Against linear least squares in the four unknowns a, b, c, d: (ax - by + c, bx + ay + d)."""
    for _ in range(20):
        points = FACE_TEMPLATE * 1.7 + 30 + rng.normal(0, 8, [5, 2])
        x, y = points.T
        one, zero = np.ones(5), np.zeros(5)
        system = np.concatenate([np.stack([x, -y, one, zero], 1), np.stack([y, x, zero, one], 1)])
        a, b, c, d = np.linalg.lstsq(system, FACE_TEMPLATE.T.ravel(), rcond=None)[0]
        matrix = similarity(points)
        assert matrix.dtype == np.float64
        np.testing.assert_allclose(matrix, [[a, -b, c], [b, a, d]], atol=1e-6)


@pytest.mark.parametrize(
    ("scale", "degrees"), [(0.3, 5), (1.0, 0), (1.7, -20), (2.5, 10), (5.3, 25), (11.0, 0)]
)
def test_crop_shows_the_right_place(scale: float, degrees: float) -> None:
    """The colour of a ramp tells which pixel of the photograph each pixel of the crop shows."""
    height, width = 1900, 2100
    matrix = _turn(scale, degrees, 0, 0)
    matrix[:, 2] = (1000, 900) - matrix[:, :2] @ (79.5, 79.5)
    crop = align_face(_ramps(height, width), _apply(matrix, FACE_TEMPLATE).astype(np.float32))
    y, x = np.mgrid[:160, :160]
    expected = _apply(matrix, np.stack([x, y], -1).reshape(-1, 2)).reshape(160, 160, 2)
    inside = ((expected > 20) & (expected < np.array([width, height]) - 21)).all(-1)
    assert inside.mean() > 0.9
    # A level starts at its first column: on average the colour is half a level below the ramp.
    levels = (expected + 0.5) * (256 / width, 256 / height) - 0.5
    difference = (crop[..., :2] - levels)[inside]
    assert np.abs(difference).max() < 1.2
    assert np.abs(difference.mean(0)).max() < 0.1 + 0.1 * scale * 256 / height


def test_no_aliasing() -> None:
    """A board of single pixels is even grey from afar."""
    y, x = np.mgrid[:1600, :1600]
    board = np.repeat((((x + y) % 2) * 255).astype(np.uint8)[..., None], 3, -1)
    crop = align_face(board, FACE_TEMPLATE * 8.3 + 100)
    np.testing.assert_allclose(crop, 127.5, atol=8)


def test_border_is_continued() -> None:
    image = np.zeros([50, 50, 3], np.uint8)
    image[:, 0] = (10, 20, 30)
    crop = align_face(image, FACE_TEMPLATE - (80, 60))
    np.testing.assert_array_equal(crop[:, :80], np.broadcast_to((10, 20, 30), [160, 80, 3]))


def test_other_sizes_and_determinism(rng: np.random.Generator) -> None:
    image = rng.integers(0, 256, [300, 300, 3], np.uint8)
    points = (FACE_TEMPLATE + rng.normal(0, 3, [5, 2]) + 60).astype(np.float32)
    assert align_face(image, points, 96).shape == (96, 96, 3)
    np.testing.assert_array_equal(align_face(image, points), align_face(image, points))
    before = image.copy(), points.copy()
    align_face(image, points)
    np.testing.assert_array_equal(image, before[0])
    np.testing.assert_array_equal(points, before[1])


def test_refuses() -> None:
    image = np.zeros([50, 50, 3], np.uint8)
    for points in (np.full([5, 2], np.nan), np.zeros([4, 2]), FACE_TEMPLATE[:, :1]):
        with pytest.raises(ValueError, match=r"landmarks: expected finite \[5, 2\]"):
            align_face(image, points)
    with pytest.raises(ValueError, match="no face has its points"):
        align_face(image, np.full([5, 2], 7.0))
    for bad in (image[..., 0], image.astype(np.float32), np.zeros([9, 9, 4], np.uint8)):
        with pytest.raises(ValueError, match=r"image: expected uint8 \[H, W, 3\], got"):
            align_face(bad, FACE_TEMPLATE)


def test_aligned_faces_of_orl(capsys: pytest.CaptureFixture[str]) -> None:
    dataset = load_dataset("orl")
    order = [399, 5, 117, 5]
    faces = aligned_faces(dataset, order)
    assert (faces.images.shape, faces.images.dtype) == ((4, 160, 160, 3), np.uint8)
    assert len(faces) == 4
    assert faces.indices.tolist() == order
    np.testing.assert_array_equal(faces.people, dataset.people[order])
    for face, index, points in zip(
        faces.images, order, dataset_landmarks(dataset, order), strict=True
    ):
        np.testing.assert_array_equal(face, align_face(dataset.image(index), points))
    assert capsys.readouterr().err == ""  # done before a bar is worth showing


def test_alignment_brings_faces_together() -> None:
    """Faces of ORL look more like their mean when aligned than as they come."""
    dataset = load_dataset("orl")
    indices = np.arange(0, 400, 10)
    aligned = aligned_faces(dataset, indices).images[:, 40:120, 40:120, 0].astype(float)
    # The same part of the face in the images as they come, by the mean landmarks.
    mean = similarity(dataset_landmarks(dataset, indices).mean(0))
    raw = np.stack(
        [cv2.warpAffine(dataset.image(i), mean, (160, 160))[40:120, 40:120, 0] for i in indices]
    ).astype(float)

    def sharpness(faces: np.ndarray) -> float:
        faces = faces - faces.mean((1, 2), keepdims=True)
        return float((faces.mean(0) ** 2).mean() / (faces**2).mean())

    assert sharpness(aligned) > 1.5 * sharpness(raw)


def test_images_without_a_face_are_left_out(
    tmp_path: Path,
    write_image_file: Callable[[Path, np.ndarray], Path],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for i in range(5):
        level = np.full([200, 200, 3], i, np.uint8)
        write_image_file(tmp_path / "people" / f"p{i % 2}" / f"{i}.png", level)

    def detect(images: list[np.ndarray]) -> np.ndarray:
        points = np.stack([np.concatenate([FACE_TEMPLATE, [(20, 20), (140, 150)]])] * len(images))
        points[[image[0, 0, 0] in (0, 3) for image in images]] = np.nan
        return points

    monkeypatch.setattr(landmarks_module, "_detect_batch", detect)
    dataset = load_dataset("folder", tmp_path / "people")  # 0, 2, 4 of p0, then 1, 3 of p1
    with caplog.at_level(logging.INFO):
        faces = aligned_faces(dataset, [4, 3, 2, 0], size=64, progress=False)
    assert faces.indices.tolist() == [3, 2]
    assert faces.people.tolist() == [1, 0]
    assert faces.images[:, 0, 0, 0].tolist() == [1, 4]
    assert "folder: no face found in 2 of 4 images, left out" in caplog.text
    caplog.clear()
    nobody = aligned_faces(dataset, [0], size=64, progress=False)
    assert nobody.images.shape == (0, 64, 64, 3)


def test_damaged_image_stops_the_alignment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "Ann").mkdir()
    (tmp_path / "Ann" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 and no more")
    dataset = load_dataset("folder", tmp_path)
    with pytest.raises(InputError, match=r"broken\.jpg"):
        aligned_faces(dataset, [0], progress=False)


def test_photograph(tmp_path: Path, write_image_file: Callable[[Path, np.ndarray], Path]) -> None:
    dataset = load_dataset("orl")
    large = cv2.resize(dataset.image(0), None, fx=7, fy=7, interpolation=cv2.INTER_CUBIC)
    crop = align_photograph(write_image_file(tmp_path / "me.png", large))
    expected = aligned_faces(dataset, [0]).images[0]
    assert np.abs(crop.astype(float) - expected)[20:140, 20:140].mean() < 8
    with pytest.raises(InputError, match=r"wall\.png: no face was found\. A face should be"):
        align_photograph(
            write_image_file(tmp_path / "wall.png", np.full([90, 90, 3], 200, np.uint8))
        )
    with pytest.raises(InputError, match="no such image"):
        align_photograph(tmp_path / "nobody.jpg")


def test_what_a_photograph_shows_besides_is_said(
    tmp_path: Path,
    write_image_file: Callable[[Path, np.ndarray], Path],
    caplog: pytest.LogCaptureFixture,
) -> None:
    faces = [load_dataset("orl").image(index) for index in (0, 100)]
    find_face(write_image_file(tmp_path / "one.png", faces[0]))
    assert not caplog.text
    find_face(write_image_file(tmp_path / "two.png", np.concatenate(faces, axis=1)))
    assert "two.png: 2 faces were found; the one that is large and near the middle" in caplog.text
    caplog.clear()
    upright = align_photograph(tmp_path / "one.png")
    for turns, how in ((1, "on its side"), (2, "upside down"), (3, "on its side")):
        crop = align_photograph(
            write_image_file(tmp_path / f"turned{turns}.png", np.rot90(faces[0], turns))
        )
        assert np.abs(crop.astype(float) - upright)[20:140, 20:140].mean() < 4
        assert f"turned{turns}.png lies {how}, and no EXIF tag says so" in caplog.text


def test_template_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        FACE_TEMPLATE[0] = 0
