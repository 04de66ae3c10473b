"""What stands where a weight file should be, by its content."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from weights import file_kinds
from weights.errors import InputError


def _zip(path: Path, members: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize(
    ("name", "content", "described"),
    [
        ("f", b"", "an empty file; get it again"),
        ("f", b"<!DOCTYPE html><html>", "a web page instead of weights"),
        ("f", b"\n\n  <HTML><body>Quota exceeded", "a web page instead of weights"),
        ("f", b"\xef\xbb\xbf<!doctype html>", "a web page instead of weights"),
        ("f", b'<?xml version="1.0"?><Error>', "a web page instead of weights"),
        ("f", b"<Error><Code>AccessDenied", "a web page instead of weights"),
        ("f", b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "run `git lfs pull`"),
        ("f", b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
        ("f", b"MATLAB 5.0 MAT-file, written", "a MATLAB file"),
        ("f", b"MATLAB 7.3 MAT-file, written", "a MATLAB 7.3 file"),
        ("f", b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.", "a PyTorch file"),
        ("f", b"\x80\x02}", "a pickle"),
        ("f", b"\x80\x04\x95", "a pickle"),
        ("f", b"\x80\x05\x95", "a pickle"),
        ("f", b"\x1f\x8b\x08", "a gzip archive; unpack it first"),
        ("f", b"BZh91AY", "a bzip2 archive; unpack it first"),
        ("f", b"\xfd7zXZ\x00", "an xz archive; unpack it first"),
        ("f", bytes(257) + b"ustar" + bytes(250), "a tar archive; unpack it first"),
        ("f", b"\x08\x01\x12\xf9\xc0\x03\n", "a SavedModel of TensorFlow 2; open it in Keras"),
        ("f", b"\x1c\x00\x00\x00TFL3\x14\x00", "a TensorFlow Lite model"),
        ("f", b"\x08\x08\x12\x07pytorch\x1a", "an ONNX model"),
        ("f", b"\x08\x03:\x80\x01", "an ONNX model"),
        # A later version of SavedModel is none that exists, and 33 is no version of ONNX.
        ("f", b"\x08\x02\x12\x80\xff", "a file of an unknown kind"),
        ("f", b"\x08\x21\x12\x80\xff", "a file of an unknown kind"),
        ("f", b'\x40\0\0\0\0\0\0\0{"w": ', "a safetensors file"),
        ("f", b"\x93NUMPY\x01\x00", "a NumPy array"),
        ("f", b"\x89PNG\r\n", "a picture"),
        ("f", b"\xff\xd8\xff\xe0", "a picture"),
        ("f.caffemodel", b"\n\x12VGG_FACE\xff", "a Caffe model"),
        ("f.t7", b"\x04\0\0\0\x01\0\0\0", "a Torch 7 file"),
        ("f.h5.part", bytes(20), "an unfinished download"),
        ("f", b"Entry not found", "a text file, which begins 'Entry not found'"),
        ("f", b'{"message":\n "Not Found"}', 'a text file, which begins \'{"message": "Not F'),
        ("f", "é".encode() * 256, "a text file, which begins 'ééé"),
        ("f", b"x" + "é".encode() * 300, "a text file, which begins 'xééé"),  # cut in a character
        ("f", bytes(1000), "a file of an unknown kind"),
        ("f", b"text" + bytes([0xFF]) + b"and more of it", "a file of an unknown kind"),
        ("f", b"PK\x03\x04" + bytes(50), "a truncated or damaged zip archive"),
    ],
)
def test_files_by_their_beginning(
    tmp_path: Path, name: str, content: bytes, described: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert described in file_kinds.describe(path)


def test_archives_by_what_they_hold(tmp_path: Path) -> None:
    def of(*names: str) -> str:
        return file_kinds.describe(_zip(tmp_path / "f.zip", dict.fromkeys(names, b"x")))

    assert of("archive/data.pkl", "archive/data/0") == "a PyTorch file"
    assert of("metadata.json", "config.json", "model.weights.h5").startswith(
        "a Keras 3 file; open it in Keras and save it with `model.save('name.h5')`"
    )
    np.savez(tmp_path / "f.npz", a=np.zeros(2), b=np.zeros(3))
    assert file_kinds.describe(tmp_path / "f.npz") == "NumPy arrays (.npz)"
    assert of("a/", "a/x.txt", "y.jpg") == (
        "a zip archive (it holds x.txt, y.jpg); unpack it first"
    )
    assert "it holds nothing" in of("empty/")
    # Names of damaged archives are said in one line, and not at any length.
    assert "(it holds one two, " + 60 * "y" + "...)" in of("one\ntwo", 3000 * "y")


def test_folders(tmp_path: Path) -> None:
    assert file_kinds.describe(tmp_path) == "a folder"
    (tmp_path / "model.ckpt-1.index").write_bytes(b"x")
    assert file_kinds.describe(tmp_path) == "the folder of a TensorFlow checkpoint"
    (tmp_path / "saved_model.pb").write_bytes(b"x")
    assert "the folder of a SavedModel of TensorFlow 2; open it in" in file_kinds.describe(tmp_path)
    with pytest.raises(InputError, match=r"the folder of a SavedModel.*A file is needed"):
        file_kinds.first_bytes(tmp_path)


def test_first_bytes(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(bytes(range(256)) * 3)
    assert file_kinds.first_bytes(path) == bytes(range(256)) * 2
    assert file_kinds.first_bytes(path, 3) == b"\0\1\2"
    with pytest.raises(InputError, match="absent: no such file"):
        file_kinds.first_bytes(tmp_path / "absent")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="not a regular file"):
        file_kinds.first_bytes(tmp_path / "pipe")


def test_safetensors_begin_with_the_length_of_an_object() -> None:
    assert file_kinds.is_safetensors((1 << 20).to_bytes(8, "little") + b"{")
    assert not file_kinds.is_safetensors((1 << 27).to_bytes(8, "little") + b"{")
    assert not file_kinds.is_safetensors((1 << 20).to_bytes(8, "little") + b"[")
    assert not file_kinds.is_safetensors(bytes(8))
