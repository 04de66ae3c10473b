"""What a file is, before anything in it is trusted, and what to do where it is another one."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

from weights.errors import InputError, one_line

HDF5 = b"\x89HDF\r\n\x1a\n"
ZIP = b"PK\x03\x04"
# The pickled number with which PyTorch before 1.6 began its files.
TORCH_LEGACY = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
MATLAB_5 = b"MATLAB 5.0 MAT-file"
MATLAB_73 = b"MATLAB 7.3 MAT-file"

_SAVE_AS_H5 = "open it in Keras and save it with `model.save('name.h5')`"
_UNPACK = "unpack it first"
_SIGNATURES = (
    (HDF5, "an HDF5 file"),
    (TORCH_LEGACY, "a PyTorch file"),
    (MATLAB_5, "a MATLAB file"),
    (MATLAB_73, "a MATLAB 7.3 file"),
    (b"\x1f\x8b", f"a gzip archive; {_UNPACK}"),
    (b"BZh", f"a bzip2 archive; {_UNPACK}"),
    (b"\xfd7zXZ\0", f"an xz archive; {_UNPACK}"),
    (b"7z\xbc\xaf\x27\x1c", f"a 7z archive; {_UNPACK}"),
    (b"Rar!", f"a RAR archive; {_UNPACK}"),
    (b"\x28\xb5\x2f\xfd", f"a zstd archive; {_UNPACK}"),
    (b"\x80\x02", "a pickle"),
    (b"\x80\x03", "a pickle"),
    (b"\x80\x04", "a pickle"),
    (b"\x80\x05", "a pickle"),
    (b"\x93NUMPY", "a NumPy array"),
    # Protocol buffers that begin with a version: SavedModel's is 1.
    (b"\x08\x01\x12", f"a SavedModel of TensorFlow 2; {_SAVE_AS_H5}"),
    (b"\xff\xd8\xff", "a picture"),
    (b"\x89PNG", "a picture"),
    (b"GIF8", "a picture"),
    (b"%PDF", "a PDF document"),
    (
        b"version https://git-lfs",
        "a Git LFS pointer instead of the weights it points to; run `git lfs pull` where it came "
        "from",
    ),
)
_PAGES = (b"<!doctype", b"<html", b"<head", b"<?xml", b"<!--", b"<error")
_SUFFIXES = {
    ".caffemodel": "a Caffe model",
    ".mlmodel": "a Core ML model",
    ".msgpack": "a Flax model",
    ".params": "an MXNet model",
    ".t7": "a Torch 7 file",
    ".part": "an unfinished download",
    ".crdownload": "an unfinished download",
    ".download": "an unfinished download",
}
_UNKNOWN = "a file of an unknown kind"


def first_bytes(path: str | os.PathLike[str], count: int = 512) -> bytes:
    """The first bytes of a regular file.

    Raises:
      InputError: there is no such file, or it is a folder or a device.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: no such file.")
    if not path.is_file():
        raise InputError(f"{path}: {describe(path)}. A file is needed.")
    with path.open("rb") as stream:
        return stream.read(count)


def describe(path: str | os.PathLike[str]) -> str:
    """Say what stands where a weight file should be, by its content.

    Args:
      path: of anything that exists; it is looked at, never trusted.

    Returns:
      A phrase such as "an empty file", with what to do about it where that is known.
    """
    path = Path(path)
    if path.is_dir():
        return _folder(path)
    if not path.is_file():
        return "not a regular file"
    start = first_bytes(path)
    if not start:
        return "an empty file; get it again"
    if start.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_PAGES):
        return "a web page instead of weights: the download went wrong; get it again"
    if start.startswith(ZIP):
        return _archive(path)
    for signature, kind in _SIGNATURES:
        if start.startswith(signature):
            return kind
    if start[257:262] == b"ustar":
        return f"a tar archive; {_UNPACK}"
    if start[4:8] == b"TFL3":
        return "a TensorFlow Lite model, whose numbers are prepared for phones; get the original"
    if is_safetensors(start):
        return "a safetensors file"
    # ONNX begins with its version (3 or more), then the text of who produced it.
    if start[:1] == b"\x08" and 3 <= start[1] <= 32 and start[2:3] in (b"\x12", b":"):
        return "an ONNX model, whose layers have lost their names; get the original"
    return _SUFFIXES.get(path.suffix.lower()) or _text(start) or _UNKNOWN


def is_safetensors(start: bytes) -> bool:
    """Whether a file begins as one of safetensors: the length of a JSON object, then the object."""
    return start[8:9] == b"{" and int.from_bytes(start[:8], "little") < 1 << 27


def _archive(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return "a truncated or damaged zip archive; get it again"
    lasts = [name.rsplit("/", 1)[-1] for name in names]
    if "data.pkl" in lasts:
        return "a PyTorch file"
    if "model.weights.h5" in names:
        return f"a Keras 3 file; {_SAVE_AS_H5}"
    if names and all(name.endswith(".npy") for name in names):
        return "NumPy arrays (.npz)"
    what = ", ".join(one_line(last, 60) for last in lasts[:4] if last) or "nothing"
    return f"a zip archive (it holds {what}); {_UNPACK}"


def _folder(path: Path) -> str:
    if (path / "saved_model.pb").is_file():
        return f"the folder of a SavedModel of TensorFlow 2; {_SAVE_AS_H5}"
    if any(path.glob("*.index")):
        return "the folder of a TensorFlow checkpoint"
    return "a folder"


def _text(start: bytes) -> str | None:
    """The beginning of a text file: what a server said instead of sending the file, for one."""
    try:
        text = start.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(start) - 3:  # else a character that is cut off
            return None
        text = start[: error.start].decode("utf-8")
    line = " ".join(text.split())
    if not line or not all(character.isprintable() for character in line):
        return None
    return f"a text file, which begins {line[:40]!r}"
