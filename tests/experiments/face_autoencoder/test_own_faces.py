"""Photographs as people have them: turned by EXIF, grey, with several faces, tiny, huge, empty."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from experiments.face_autoencoder import own_faces
from experiments.face_autoencoder.mofa_victim import AttackedPairs, Victim
from experiments.face_autoencoder.own_faces import about_own_pair, own_pair, read_face
from resgn.faces.image_file import write_image
from resgn.faces.orl import load_orl
from tests.experiments.face_autoencoder.test_mofa_victim import ByAngle, encode, picture
from weights.errors import InputError

TEMPLATE = np.float32([[86, 92], [138, 92], [112, 122], [91, 149], [133, 149]])


def face(scale: float = 3.0) -> np.ndarray:
    """A real face with some room around it, uint8 [H, W, 3]."""
    image = cv2.copyMakeBorder(load_orl().image(0), 20, 20, 20, 20, cv2.BORDER_REPLICATE)
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)


@pytest.fixture(scope="module")
def upright(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    path = tmp_path_factory.mktemp("faces") / "a.png"
    write_image(path, face())
    return read_face(path, TEMPLATE)[0]


def similar(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def test_the_landmarks_come_to_the_template(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", face())
    image, landmarks, apart = read_face(tmp_path / "a.png", TEMPLATE)
    assert image.shape == (224, 224, 3)
    assert image.dtype == np.float32
    assert 0.0 <= image.min() < image.max() <= 1.0
    assert np.abs(landmarks - TEMPLATE).max() < 15
    assert 60 < apart < 200


def test_exif_orientation_is_applied(tmp_path: Path, upright: np.ndarray) -> None:
    turned = cv2.rotate(face(), cv2.ROTATE_90_COUNTERCLOCKWISE)
    encoded = cv2.imencode(".jpg", turned[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
    # TIFF header, one entry: tag 0x0112 (orientation), 6: to be turned clockwise.
    tiff = (
        b"MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00"
        + bytes(4)
    )
    exif = b"Exif\x00\x00" + tiff
    marker = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    (tmp_path / "turned.jpg").write_bytes(encoded[:2] + marker + encoded[2:])
    assert similar(read_face(tmp_path / "turned.jpg", TEMPLATE)[0], upright) > 0.98


def test_grey_counts_as_colour(tmp_path: Path, upright: np.ndarray) -> None:
    cv2.imwrite(str(tmp_path / "grey.png"), cv2.cvtColor(face(), cv2.COLOR_RGB2GRAY))
    found = read_face(tmp_path / "grey.png", TEMPLATE)[0]
    np.testing.assert_array_equal(found[..., 0], found[..., 2])
    assert similar(found, upright) > 0.99


def test_of_several_faces_the_large_one_is_taken(tmp_path: Path, upright: np.ndarray) -> None:
    large, small = face(), face(1.2)
    height = len(large) - len(small)
    beside = cv2.copyMakeBorder(small, height, 0, 0, 0, cv2.BORDER_REPLICATE)
    write_image(tmp_path / "two.png", np.concatenate([beside, large], axis=1))
    assert similar(read_face(tmp_path / "two.png", TEMPLATE)[0], upright) > 0.97


def test_huge_photographs_are_taken(tmp_path: Path, upright: np.ndarray) -> None:
    write_image(tmp_path / "huge.png", face(20.0))
    image, _, apart = read_face(tmp_path / "huge.png", TEMPLATE)
    assert similar(image, upright) > 0.95
    assert apart > 400


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 1, 3), "1x1 pixels .* at least 16 on each side are needed"),
        ((32, 32, 3), "no face was found"),
        ((200, 300, 3), r"no face was found\. A face should be upright"),
    ],
)
def test_without_a_face_there_is_one_sentence(
    tmp_path: Path, shape: tuple[int, ...], message: str
) -> None:
    write_image(tmp_path / "none.png", np.full(shape, 127, np.uint8))
    with pytest.raises(InputError, match=message):
        read_face(tmp_path / "none.png", TEMPLATE)


def test_what_is_no_image_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff no image")
    with pytest.raises(InputError, match=r"a\.jpg"):
        read_face(tmp_path / "a.jpg", TEMPLATE)
    with pytest.raises(InputError, match=r"none\.png"):
        read_face(tmp_path / "none.png", TEMPLATE)


def test_one_photograph_twice_is_no_pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_faces, "crop_template", lambda renderer: TEMPLATE)
    write_image(tmp_path / "a.png", face())
    write_image(tmp_path / "copy.png", face())
    victim = Victim(encode, {"code": ByAngle()})
    paths = (str(tmp_path / "a.png"), str(tmp_path / "copy.png"))
    with pytest.raises(InputError, match=r"a\.png and .*copy\.png are the same photograph"):
        own_pair(victim, None, *paths)


def test_own_pairs_are_spoken_of_as_they_are() -> None:
    victim = Victim(encode, {"code": ByAngle()})
    # Angles of 0 and 120 degrees are two people, of 0 and 30 one: the threshold is 60.
    for blue, said in (
        (2 / 3, "two people (similarity -0.500, "),
        (1 / 6, "one person (similarity 0.8"),
    ):
        pair = AttackedPairs.of(victim, picture(0.1, 0.0)[None], picture(0.9, blue)[None])
        about = about_own_pair(pair, "/somewhere/a.jpg", "b.jpg")
        assert about.startswith("One pair of photographs, a.jpg to be taken for b.jpg.")
        assert f"the classifier on codes takes them for {said}" in about
        assert ("its row then says little" in about) == (blue < 0.3)
        assert pair.facts()["told_apart"] is None
