"""Hashes of files."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path


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
