from __future__ import annotations

import io
import logging
from pathlib import Path

import pytest
from PIL import Image

from resgn.faces.image_files import images_below, is_image
from resgn.faces.loading import load_dataset


def encoded(kind: str) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (20, 20), (200, 30, 4)).save(stream, kind)
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "PPM", "BMP", "WEBP", "TIFF", "GIF"])
@pytest.mark.parametrize("name", ["photo", "photo.jfif", "PHOTO.JPE", "photo.jpg~"])
def test_a_photograph_by_what_it_holds(tmp_path: Path, kind: str, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(encoded(kind))
    assert is_image(path)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("notes.txt", b"P2 is the second floor"),
        ("notes", b"BMW 320i, a car of 1977"),
        ("film.avi", b"RIFF\0\0\0\0AVI LIST"),
        ("photo.heic", b"\0\0\0\x18ftypheic"),
        ("P6pack", b"P6pack of something"),
        ("empty", b""),
    ],
)
def test_other_files(tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    assert not is_image(path)


def test_an_images_ending_counts_whatever_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "broken.JPG").write_bytes(b"nothing")
    assert is_image(tmp_path / "broken.JPG")


def test_what_is_left_out_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("Ann/1.jfif", "Ann/2.JPG", "Bob/3", "Bob/4.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(encoded("JPEG"))
    for name in ("Ann/a.heic", "Ann/b.cr2", "Bob/c.txt", "Bob/d.mov"):
        (tmp_path / name).write_bytes(b"\0\0\0\x18ftyp")
    for name in ("Ann/Thumbs.db", "Bob/.DS_Store"):
        (tmp_path / name).write_bytes(b"x")
    expected = ["Ann/1.jfif", "Ann/2.JPG", "Bob/3", "Bob/4.png"]
    with caplog.at_level(logging.WARNING):
        assert load_dataset("folder", tmp_path).files == tuple(expected)
    said = "left out 4 files that are no images (Ann/a.heic, Ann/b.cr2, Bob/c.txt and 1 more)"
    assert said in caplog.text
    caplog.clear()
    assert images_below(tmp_path) == [tmp_path / name for name in expected]
    assert said in caplog.text
