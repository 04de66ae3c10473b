"""What a file is, before anything in it is trusted."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from weights.errors import InputError

HDF5 = b"\x89HDF\r\n\x1a\n"
ZIP = b"PK\x03\x04"
# The pickled number with which PyTorch before 1.6 began its files.
TORCH_LEGACY = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
MATLAB_5 = b"MATLAB 5.0 MAT-file"
MATLAB_73 = b"MATLAB 7.3 MAT-file"

_KINDS = (
    (HDF5, "an HDF5 file"),
    (ZIP, "a zip archive"),
    (TORCH_LEGACY, "a PyTorch file"),
    (MATLAB_5, "a MATLAB file"),
    (MATLAB_73, "a MATLAB 7.3 file"),
    (b"\x1f\x8b", "a gzip archive; unpack it first"),
    (b"BZh", "a bzip2 archive; unpack it first"),
    (b"\x80\x02", "a pickle"),
    (b"\x80\x03", "a pickle"),
    (b"\x80\x04", "a pickle"),
    (b"version https://git-lfs", "a Git LFS pointer instead of the weights it points to"),
)
_PAGES = (b"<!doctype", b"<html", b"<head", b"<?xml", b"<!--")


def first_bytes(path: str | os.PathLike[str], count: int = 512) -> bytes:
    """The first bytes of a regular file.

    Raises:
      InputError: there is no such file, or it is a folder or a device.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: no such file.")
    if not path.is_file():
        raise InputError(f"{path}: not a regular file.")
    with path.open("rb") as stream:
        return stream.read(count)


def describe(start: bytes) -> str:
    """Say what a file is that is not what it should be, from its first bytes."""
    if not start:
        return "an empty file"
    if start.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_PAGES):
        return "a web page instead of weights: the download went wrong"
    for signature, kind in _KINDS:
        if start.startswith(signature):
            return kind
    return "a file of an unknown kind"


def sha256(path: str | os.PathLike[str]) -> str:
    """The file's SHA-256 as 64 hexadecimal digits."""
    return _digest(path, "sha256")


def md5(path: str | os.PathLike[str]) -> str:
    """The file's MD5, for publishers that state no better hash."""
    return _digest(path, "md5")


def _digest(path: str | os.PathLike[str], algorithm: str) -> str:
    digest = hashlib.new(algorithm)
    with Path(path).open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
