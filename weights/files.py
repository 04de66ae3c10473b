"""Hashes of files."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from weights.errors import InputError


def sha256(path: str | os.PathLike[str]) -> str:
    """The file's SHA-256 as 64 hexadecimal digits."""
    return _digest(path, "sha256")


def content_hash(path: str | os.PathLike[str]) -> str:
    """SHA-256 of what stands at a path: a file, all files of a folder, or of a checkpoint.

    Args:
      path: a file, a folder, or the name that the files of a checkpoint begin with
        (`model.ckpt` of `model.ckpt.index` and `model.ckpt.data-00000-of-00001`).

    Returns:
      64 hexadecimal digits; of several files over their names and contents.

    Raises:
      InputError: nothing is there.
    """
    path = Path(path)
    if path.is_file():
        return sha256(path)
    if path.is_dir():
        parts = {each.relative_to(path).as_posix(): each for each in path.rglob("*")}
    else:
        below = path.parent.iterdir() if path.parent.is_dir() else ()
        parts = {each.name: each for each in below if each.name.startswith(f"{path.name}.")}
    found = {name: each for name, each in sorted(parts.items()) if each.is_file()}
    if not found:
        raise InputError(f"{path}: no such file.")
    digest = hashlib.sha256()
    for name, each in found.items():
        digest.update(f"{name}\0{sha256(each)}\0".encode())
    return digest.hexdigest()


def md5(path: str | os.PathLike[str]) -> str:
    """The file's MD5, for publishers that state no better hash."""
    return _digest(path, "md5")


def _digest(path: str | os.PathLike[str], algorithm: str) -> str:
    digest = hashlib.new(algorithm)
    with Path(path).open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
