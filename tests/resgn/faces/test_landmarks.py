from __future__ import annotations

import functools
import gc
import json
import logging
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import mtcnn
import mtcnn.stages
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import resgn.faces.face_search as face_search
import resgn.faces.landmarks as landmarks_module
from experiments import orl_landmarks as script
from resgn.faces.cascade import Cascade, _area_resize, _networks, _pyramid
from resgn.faces.dataset import FaceDataset
from resgn.faces.face_search import SEARCHES, Search, _canvas, choose_face, find_faces
from resgn.faces.image_file import read_image
from resgn.faces.landmark_cache import LandmarkCache
from resgn.faces.landmarks import (
    VERSION,
    dataset_landmarks,
    detect_landmarks,
    detect_places,
    images_digest,
    orl_places,
)
from resgn.faces.loading import load_dataset
from resgn.faces.template import FACE_TEMPLATE
from weights.errors import InputError
from weights.folders import cache_folder

ORL = load_dataset("orl")


@functools.cache
def _stored() -> np.ndarray:
    """Landmarks."""
    return _stored_places()[:, :5]


@functools.cache
def _stored_places() -> np.ndarray:
    stored = orl_places(ORL)
    assert stored is not None
    return stored


def _eyes(points: np.ndarray) -> float:
    return float(np.linalg.norm(points[1] - points[0]))


# The networks and the cascade.


@pytest.mark.parametrize(("before", "after"), [(300, 60), (300, 42), (300, 17), (25, 12)])
def test_area_resize_is_opencvs(rng: np.random.Generator, before: int, after: int) -> None:
    image = rng.random([before, before]).astype(np.float32)
    resize = _area_resize(before, after)
    np.testing.assert_allclose(
        resize @ image @ resize.T,
        cv2.resize(image, (after, after), interpolation=cv2.INTER_AREA),
        atol=2e-5,
    )


def test_pyramid() -> None:
    # 300 * 12 / 60 = 60, then times 0.709: 42.5, 30.2, 21.4, 15.2, and 10.7 is below 12.
    assert _pyramid(300, 60) == [60, 42, 30, 21, 15]


@pytest.mark.parametrize(
    ("place", "stage", "side"), [(0, "StagePNet", 40), (1, "StageRNet", 24), (2, "StageONet", 48)]
)
def test_networks_are_the_packages(
    rng: np.random.Generator, place: int, stage: str, side: int
) -> None:
    patches = rng.uniform(-1, 1, [5, side, side, 3]).astype(np.float32)
    theirs = getattr(mtcnn.stages, stage)().model(patches)
    ours = _networks()[place](tf.constant(patches))
    for mine, other in zip(ours[:-1], theirs[:-1], strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-5)
    np.testing.assert_allclose(ours[-1], theirs[-1][..., 1], atol=1e-5)


def test_agrees_with_the_package() -> None:
    """The package's own pipeline on the same canvas; its suppression keeps other candidates."""
    canvas = _canvas(ORL.image(0), SEARCHES[0]).pixels
    _, points, scores = Cascade(300, 20)(canvas[None])
    theirs = mtcnn.MTCNN().detect_faces(canvas, output_type="numpy", fit_to_image=False)
    theirs = theirs[np.argmax(theirs[:, 5])]
    theirs = np.stack([theirs[6:11], theirs[11:16]], 1)
    np.testing.assert_allclose(points[0, scores[0].argmax()], theirs, atol=0.06 * _eyes(theirs))


def test_cascade_refuses_other_shapes() -> None:
    cascade = Cascade(100, 40)
    with pytest.raises(ValueError, match=r"images: expected uint8 \[N, 100, 100, 3\], got float"):
        cascade(np.zeros([1, 100, 100, 3], np.float32))
    with pytest.raises(ValueError, match=r"got uint8 \[1, 100, 90, 3\]"):
        cascade(np.zeros([1, 100, 90, 3], np.uint8))


def test_choose_face_by_hand() -> None:
    boxes = np.array(
        [
            # In 100x100: 40x40 with its centre at (65, 50), 1600 - 2 * 225 = 1150; 60x60 at
            # (30, 50), 3600 - 2 * 400 = 2800; 60x60 at (10, 30), 3600 - 2 * 2000 = -400.
            [[45, 30, 85, 70], [0, 20, 60, 80], [-20, 0, 40, 60]],
            # The same face twice: the smaller box has the higher score.
            [[20, 20, 80, 80], [22, 22, 78, 78], [0, 0, 10, 10]],
            [[0, 0, 0, 0], [0, 0, 5, 5], [0, 0, 0, 0]],
            [[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]],
        ],
        np.float32,
    )
    scores = np.array([[0.99, 0.9, 0.95], [0.9, 0.95, 1.0], [0, 0.9, 0], [0, 0, 0]], np.float32)
    assert choose_face(boxes, scores, 100)[:3].tolist() == [1, 1, 1]
    scores[0, 1] = 0
    assert choose_face(boxes, scores, 100)[0] == 0


# Detection in whole images.


def test_stored_landmarks_are_found_again() -> None:
    """What the script would write, on a few images that are far apart in the list."""
    indices = [3, 111, 222, 399]
    found = detect_places(ORL.image(index) for index in indices)
    np.testing.assert_allclose(found, _stored_places()[indices], atol=0.1)


def test_stored_landmarks_are_of_upright_faces() -> None:
    stored = _stored()
    assert stored.shape == (400, 5, 2)
    left, right, nose, mouth_left, mouth_right = np.moveaxis(stored, 1, 0)
    eyes, mouth = (left + right) / 2, (mouth_left + mouth_right) / 2
    assert (right[:, 0] - left[:, 0] > 15).all()
    assert (mouth_right[:, 0] - mouth_left[:, 0] > 10).all()
    assert (mouth[:, 1] - eyes[:, 1] > 20).all()
    assert ((nose[:, 1] > eyes[:, 1]) & (nose[:, 1] < mouth[:, 1])).all()
    assert (stored.min((0, 1)) > 0).all()
    assert (stored.max((0, 1)) < (92, 112)).all()
    # The box holds the points, and not much more.
    first, last = np.moveaxis(_stored_places()[:, 5:], 1, 0)
    assert (first < stored.min(1)).all()
    assert (stored.max(1) < last).all()
    assert ((last - first) < 3.5 * np.ptp(stored, axis=1)).all()
    # People look at the camera more or less: on average the face is in the middle of the image.
    np.testing.assert_allclose(stored.mean((0, 1)), [46, 65], atol=6)


def test_scale_place_and_mirror() -> None:
    """Several sizes in one call; the points move with the pixels."""
    index = 0
    image, points = ORL.image(index), _stored()[index]
    moved = cv2.copyMakeBorder(image, 10, 40, 60, 20, cv2.BORDER_REPLICATE)
    large = cv2.resize(image, None, fx=4, fy=4, interpolation=cv2.INTER_LINEAR)
    mirrored = np.ascontiguousarray(image[:, ::-1])
    found = detect_landmarks([image, moved, large, mirrored])
    tolerance = 0.05 * _eyes(points)
    np.testing.assert_allclose(found[0], points, atol=0.1)
    np.testing.assert_allclose(found[1], points + np.array([60, 10]), atol=tolerance)
    np.testing.assert_allclose((found[2] + 0.5) / 4 - 0.5, points, atol=tolerance)
    back = found[3][[1, 0, 2, 4, 3]]
    np.testing.assert_allclose(np.stack([91 - back[:, 0], back[:, 1]], 1), points, atol=tolerance)


def test_small_face_in_a_large_photograph() -> None:
    """92 of 1800 pixels: only the later searches see it."""
    scene = np.full([1200, 1800, 3], 90, np.uint8)
    scene[700:812, 1300:1392] = ORL.image(0)
    found = detect_landmarks([scene])[0]
    np.testing.assert_allclose(found, _stored()[0] + (1300, 700), atol=0.15 * _eyes(_stored()[0]))


def test_face_that_fills_the_frame() -> None:
    image, points = ORL.image(0), _stored()[0]
    (left, top), (right, bottom) = points.min(0).astype(int) - 14, points.max(0).astype(int) + 15
    found = detect_landmarks([np.ascontiguousarray(image[top:bottom, left:right])])[0]
    np.testing.assert_allclose(found, points - (left, top), atol=0.25 * _eyes(points))


def test_of_two_faces_the_larger() -> None:
    scene = np.full([260, 400, 3], 90, np.uint8)
    scene[10:122, 20:112] = ORL.image(123)
    scene[20:244, 190:374] = cv2.resize(ORL.image(0), (184, 224))
    found = detect_landmarks([scene])[0]
    expected = (_stored()[0] + 0.5) * 2 - 0.5 + (190, 20)
    np.testing.assert_allclose(found, expected, atol=0.15 * _eyes(expected))


def test_no_face(rng: np.random.Generator) -> None:
    y, x = np.mgrid[:300, :500]
    images = [
        np.full([100, 100, 3], 127, np.uint8),
        rng.integers(0, 256, [120, 80, 3], np.uint8),
        np.stack([x // 2, y // 2, (x + y) // 4], -1).astype(np.uint8),
        np.zeros([16, 3000, 3], np.uint8),
    ]
    found = detect_landmarks([*images, ORL.image(0)])
    assert np.isnan(found[:4]).all()
    assert np.isfinite(found[4]).all()


def test_no_images() -> None:
    assert detect_landmarks([]).shape == (0, 5, 2)


@pytest.mark.parametrize(
    "image", [np.zeros([20, 20], np.uint8), np.zeros([20, 20, 3]), np.zeros([0, 9, 3], np.uint8)]
)
def test_refuses_other_images(image: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"images: expected uint8 \[H, W, 3\] each"):
        detect_landmarks([image])


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_photographs_that_lie_on_their_side(turns: int) -> None:
    """An eye on its side looks like a face to MTCNN; the true points turn with the pixels."""
    indices = [0, 123, 250, 399]
    images = [ORL.image(index) for index in indices]
    found = find_faces([np.ascontiguousarray(np.rot90(image, turns)) for image in images])
    for face, expected in zip(found, _stored_places()[indices], strict=True):
        assert (face.turns, face.faces) == (4 - turns, 1)
        points, (height, width) = expected, (112, 92)
        for _ in range(turns):  # (x, y) goes to (y, width - 1 - x)
            points = np.stack([points[:, 1], width - 1 - points[:, 0]], 1)
            height, width = width, height
        np.testing.assert_allclose(face.places, points, atol=0.1 * _eyes(expected))


def test_upright_photographs_stay_upright() -> None:
    found = find_faces([ORL.image(index) for index in range(0, 400, 40)])
    assert [face.turns for face in found] == [0] * 10


def test_only_a_doubtful_face_is_turned(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    look = face_search._look

    def counting(images: dict[int, np.ndarray], search: Search, turns: int = 0) -> dict:
        looked.extend([turns] * len(images))
        return look(images, search, turns)

    monkeypatch.setattr(face_search, "_look", counting)
    find_faces([ORL.image(0)])
    assert looked == [0]


def test_points_that_are_no_face_count_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """The candidate with the higher score has its mouth above its eyes."""
    good = FACE_TEMPLATE + 70
    bad = good[[3, 4, 2, 0, 1]]

    class Toy:
        def __call__(self, images: np.ndarray) -> tuple[np.ndarray, ...]:
            boxes = np.tile(np.array([[80, 80, 220, 220], [90, 90, 210, 210]], np.float32), (1, 1))
            scores = np.array([[0.999, 0.99]], np.float32)
            count = len(images)
            return (
                np.repeat(boxes[None], count, 0),
                np.repeat(np.stack([bad, good])[None], count, 0),
                np.repeat(scores, count, 0),
            )

    monkeypatch.setattr(face_search, "_cascade", lambda search: Toy())
    (face,) = find_faces([np.zeros([250, 250, 3], np.uint8)])
    assert face.score == pytest.approx(0.99)
    assert (face.turns, face.faces) == (0, 1)
    np.testing.assert_allclose(face.places[:5], good - 25, atol=1e-3)
    np.testing.assert_allclose(face.places[5:], [[65, 65], [185, 185]])


# ORL's stored landmarks.


def test_orl_needs_no_detection(monkeypatch: pytest.MonkeyPatch, own_cache: Path) -> None:
    monkeypatch.setattr(landmarks_module, "_detect_batch", _never)
    found = dataset_landmarks(ORL, [7, 3, 7])
    np.testing.assert_array_equal(found, _stored()[[7, 3, 7]])
    assert found.dtype == np.float32
    assert not own_cache.exists()


def test_other_images_of_orl_are_detected(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(landmarks_module, "images_digest", lambda dataset: "another")
    monkeypatch.setattr(landmarks_module, "_detect_batch", _constant)
    assert (dataset_landmarks(ORL, [0], progress=False) == 5).all()
    assert "belong to other images of ORL" in caplog.text


def test_script_writes_what_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "orl.json"
    flag = type("Flag", (), {"value": str(path)})
    monkeypatch.setattr(script.file_flags, "OUTPUT", flag)
    monkeypatch.setattr(script, "detect_places", lambda images: _stored_places().copy())
    script.main([])
    assert "400 faces" in capsys.readouterr().out
    written = json.loads(path.read_text("utf-8"))
    assert written["sha256"] == images_digest(ORL)
    np.testing.assert_array_equal(
        np.array([written["places"][file] for file in ORL.files], np.float32), _stored_places()
    )
    path.unlink()
    monkeypatch.setattr(script, "detect_places", lambda images: _stored_places() * np.nan)
    with pytest.raises(InputError, match=r"No face found in s1/1\.pgm and 399 others"):
        script.main([])
    assert not path.exists()


# The cache.


def _never(images: Iterable[np.ndarray]) -> np.ndarray:
    raise AssertionError("detection ran")


def _constant(images: Iterable[np.ndarray]) -> np.ndarray:
    return np.full([len(list(images)), 7, 2], 5, np.float32)


@pytest.fixture
def toy(tmp_path: Path, write_image_file: Callable[[Path, np.ndarray], Path]) -> FaceDataset:
    """40 images; image i is of the grey level i."""
    for i in range(40):
        write_image_file(
            tmp_path / "toy" / f"p{i % 4}" / f"{i:02d}.png", np.full([20, 20, 3], i, np.uint8)
        )
    return load_dataset("folder", tmp_path / "toy")


class _Detector:
    """Instead of detection: the grey level of each image; none where it is 13."""

    def __init__(self, fail_after: int = 10**9) -> None:
        self.seen = 0
        self.fail_after = fail_after

    def __call__(self, images: list[np.ndarray]) -> np.ndarray:
        if self.seen >= self.fail_after:
            raise KeyboardInterrupt
        self.seen += len(images)
        levels = np.array([image[0, 0, 0] for image in images], np.float32)
        levels[levels == 13] = np.nan
        return np.broadcast_to(levels[:, None, None], [len(images), 7, 2])


@pytest.fixture
def detector(monkeypatch: pytest.MonkeyPatch) -> _Detector:
    detector = _Detector()
    monkeypatch.setattr(landmarks_module, "_detect_batch", detector)
    return detector


def _levels(dataset: FaceDataset) -> np.ndarray:
    levels = np.array([float(Path(file).stem) for file in dataset.files])
    return np.where(levels == 13, np.nan, levels)


def _check(found: np.ndarray, expected: np.ndarray) -> None:
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.broadcast_to(expected[:, None, None], found.shape))


def test_second_run_detects_nothing(
    toy: FaceDataset, detector: _Detector, capsys: pytest.CaptureFixture[str], own_cache: Path
) -> None:
    _check(dataset_landmarks(toy, range(20)), _levels(toy)[:20])
    assert detector.seen == 20
    assert "20/20" in capsys.readouterr().err
    _check(dataset_landmarks(toy, range(20)), _levels(toy)[:20])
    assert detector.seen == 20
    assert capsys.readouterr().err == ""
    assert [file.name for file in own_cache.iterdir()] == [f"landmarks-folder-v{VERSION}.npz"]
    # Only what is new, in the order asked for, each once.
    order = [39, 0, 13, 39, 21]
    _check(dataset_landmarks(toy, order, progress=False), _levels(toy)[order])
    assert detector.seen == 22
    assert capsys.readouterr().err == ""
    assert dataset_landmarks(toy, []).shape == (0, 5, 2)


def test_changed_image_is_detected_anew(toy: FaceDataset, detector: _Detector) -> None:
    """Though its name, size and time are the same."""
    dataset_landmarks(toy, range(40), progress=False)
    before = toy.path(5).stat()
    Image.fromarray(np.full([20, 20, 3], 77, np.uint8)).save(toy.path(5))
    assert toy.path(5).stat().st_size == before.st_size
    os.utime(toy.path(5), ns=(before.st_atime_ns, before.st_mtime_ns))
    found = dataset_landmarks(toy, range(40), progress=False)
    assert detector.seen == 41
    assert (found[5] == 77).all()


def test_two_folders_with_the_same_names_sizes_and_times(
    tmp_path: Path, detector: _Detector
) -> None:
    """As a reproducible archive unpacks: bitmaps have one size, times are the archive's."""
    for place, level in (("one", 7), ("other", 9)):
        path = tmp_path / place / "Ann" / "1.bmp"
        path.parent.mkdir(parents=True)
        Image.fromarray(np.full([20, 20, 3], level, np.uint8)).save(path)
        os.utime(path, (10**9, 10**9))
        found = dataset_landmarks(load_dataset("folder", tmp_path / place), [0], progress=False)
        assert (found == level).all()


def test_a_file_that_changes_while_it_is_looked_at_is_not_kept(
    toy: FaceDataset, monkeypatch: pytest.MonkeyPatch, detector: _Detector
) -> None:
    content = toy.path(0).read_bytes()

    def changing(path: Path) -> np.ndarray:
        image = read_image(path)
        if path == toy.path(0):
            path.write_bytes(toy.path(1).read_bytes())
        return image

    monkeypatch.setattr(landmarks_module, "read_image", changing)
    dataset_landmarks(toy, [0], progress=False)
    monkeypatch.setattr(landmarks_module, "read_image", read_image)
    toy.path(0).write_bytes(content)
    dataset_landmarks(toy, [0], progress=False)
    assert detector.seen == 2


def test_photographs_on_their_side_are_counted(
    toy: FaceDataset, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def detect(images: list[np.ndarray]) -> np.ndarray:
        corners = np.array([(20, 20), (140, 150)])
        points = np.stack([np.concatenate([FACE_TEMPLATE, corners])] * len(images))
        lying = [image[0, 0, 0] in (3, 5, 8) for image in images]
        points[lying] = points[lying][..., ::-1] * [1, -1]
        return points.astype(np.float32)

    monkeypatch.setattr(landmarks_module, "_detect_batch", detect)
    dataset_landmarks(toy, range(40), progress=False)
    assert "folder: 3 of 40 photographs lie on their side or upside down" in caplog.text
    caplog.clear()
    dataset_landmarks(toy, range(40), progress=False)  # from the cache
    assert "folder: 3 of 40 photographs" in caplog.text


def test_moved_data_set_keeps_its_landmarks(
    toy: FaceDataset, detector: _Detector, tmp_path: Path
) -> None:
    dataset_landmarks(toy, range(40), progress=False)
    toy.root.rename(tmp_path / "elsewhere")
    moved = load_dataset("folder", tmp_path / "elsewhere")
    _check(dataset_landmarks(moved, range(40), progress=False), _levels(moved))
    assert detector.seen == 40


def test_interrupted(
    toy: FaceDataset, monkeypatch: pytest.MonkeyPatch, detector: _Detector
) -> None:
    monkeypatch.setattr(landmarks_module, "_detect_batch", _Detector(fail_after=32))
    with pytest.raises(KeyboardInterrupt):
        dataset_landmarks(toy, range(40), progress=False)
    monkeypatch.setattr(landmarks_module, "_detect_batch", detector)
    _check(dataset_landmarks(toy, range(40), progress=False), _levels(toy))
    assert detector.seen == 8


def test_killed(toy: FaceDataset, monkeypatch: pytest.MonkeyPatch, detector: _Detector) -> None:
    """A kill skips the last save; what was saved every so often stays."""
    monkeypatch.setattr(landmarks_module, "_SAVE_EVERY", 16)
    monkeypatch.setattr(landmarks_module, "_detect_batch", _Detector(fail_after=32))
    save, saves = LandmarkCache.save, []

    def dying_save(self: LandmarkCache) -> None:
        saves.append(1)
        if len(saves) <= 2:
            save(self)

    monkeypatch.setattr(LandmarkCache, "save", dying_save)
    with pytest.raises(KeyboardInterrupt):
        dataset_landmarks(toy, range(40), progress=False)
    monkeypatch.setattr(LandmarkCache, "save", save)
    monkeypatch.setattr(landmarks_module, "_detect_batch", detector)
    _check(dataset_landmarks(toy, range(40), progress=False), _levels(toy))
    assert detector.seen == 8


def test_unreadable_image(toy: FaceDataset, detector: _Detector) -> None:
    toy.path(20).write_bytes(b"damaged")
    with pytest.raises(InputError, match=rf"1 of 40 photographs .*{toy.path(20).name} is not an"):
        dataset_landmarks(toy, range(40), progress=False)
    assert detector.seen == 39  # all others are kept for the next time
    toy.path(20).unlink()
    with pytest.raises(InputError, match="was there when the data set was listed"):
        dataset_landmarks(toy, range(40), progress=False)
    rest = np.setdiff1d(np.arange(40), 20)
    _check(dataset_landmarks(toy, rest, progress=False), _levels(toy)[rest])
    assert detector.seen == 39


def test_damaged_photographs_are_named_all_at_once_or_left_out(
    toy: FaceDataset, detector: _Detector, caplog: pytest.LogCaptureFixture
) -> None:
    for index in (1, 2, 3, 4, 5, 30, 31):
        toy.path(index).write_bytes(b"damaged" * (index % 2))
    with pytest.raises(InputError) as raised:
        dataset_landmarks(toy, range(40), progress=False)
    message = str(raised.value)
    assert message.startswith("7 of 40 photographs cannot be read: ")
    for index in (1, 2, 3, 4, 5):
        assert str(toy.path(index)) in message
    assert "... and 2 more. Mend or remove them, or leave them out (`skip_damaged`)." in message
    skipping = load_dataset("folder", toy.root, skip_damaged=True)
    found = dataset_landmarks(skipping, range(40), progress=False)
    expected = _levels(toy)
    expected[[1, 2, 3, 4, 5, 30, 31]] = np.nan
    _check(found, expected)
    assert "folder: 7 of 40 photographs cannot be read and are left out" in caplog.text


@pytest.mark.parametrize("damage", ["truncated", "text", "empty", "pickle", "shapes"])
def test_damaged_cache(
    toy: FaceDataset,
    detector: _Detector,
    own_cache: Path,
    damage: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    dataset_landmarks(toy, range(40), progress=False)
    (file,) = own_cache.iterdir()
    if damage == "shapes":
        np.savez(file, keys=np.array(["a"], "S32"), places=np.zeros([1, 4, 2], np.float32))
    elif damage == "pickle":
        np.savez(file, keys=np.array([{}], object), places=np.zeros([1, 7, 2], np.float32))
    else:
        data = {"truncated": file.read_bytes()[:-40], "text": b"hello", "empty": b""}[damage]
        file.write_bytes(data)
    with caplog.at_level(logging.WARNING):
        _check(dataset_landmarks(toy, range(40), progress=False), _levels(toy))
    assert detector.seen == 80
    messages = {record.getMessage() for record in caplog.records}
    assert all(message.startswith(f"{file} is damaged") for message in messages)
    assert messages
    dataset_landmarks(toy, range(40), progress=False)
    assert detector.seen == 80


def test_folder_that_cannot_be_written(
    toy: FaceDataset,
    detector: _Detector,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(landmarks_module, "_SAVE_EVERY", 16)
    (tmp_path / "file").touch()  # a folder below a file can be made by nobody, not even root
    with caplog.at_level(logging.WARNING):
        found = dataset_landmarks(toy, range(40), tmp_path / "file" / "cache", progress=False)
    _check(found, _levels(toy))
    assert len(caplog.records) == 1
    assert "cannot be written" in caplog.text
    assert "not kept for the next run" in caplog.text


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_folder(
    toy: FaceDataset, detector: _Detector, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache = tmp_path / "frozen"
    cache.mkdir(mode=0o555)
    _check(dataset_landmarks(toy, range(40), cache, progress=False), _levels(toy))
    assert "cannot be written" in caplog.text


def test_two_processes_lose_nothing(tmp_path: Path) -> None:
    first, second = (LandmarkCache("toy", 1, tmp_path) for _ in range(2))
    points = np.arange(14, dtype=np.float32).reshape(7, 2)
    first.put("a" * 32, points)
    second.put("b" * 32, points + 1)
    first.save()
    second.save()
    third = LandmarkCache("toy", 1, tmp_path)
    np.testing.assert_array_equal(third.get("a" * 32), points)
    np.testing.assert_array_equal(third.get("b" * 32), points + 1)
    assert LandmarkCache("toy", 2, tmp_path).get("a" * 32) is None
    assert LandmarkCache("other", 1, tmp_path).get("a" * 32) is None


def test_cache_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    monkeypatch.setenv("RESGN_CACHE_DIR", "/chosen")
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert cache_folder("/argument") == Path("/argument")
    assert cache_folder("~/here") == Path("/home/someone/here")
    assert cache_folder() == Path("/chosen")
    monkeypatch.setenv("RESGN_CACHE_DIR", "")
    assert cache_folder() == Path("/xdg/resgn")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_folder() == Path("/home/someone/.cache/resgn")


def test_reading_the_networks_leaves_the_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", said.append)
    _networks.cache_clear()
    _networks()
    gc.collect()
    assert not said
