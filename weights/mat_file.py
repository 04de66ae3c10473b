"""MATLAB files of version 5, opened only when they cannot unfold into more than they should.

MATLAB compresses variables, so a few kilobytes can stand for gigabytes. The file is therefore
walked through once, decompressing piece by piece and keeping nothing, before SciPy reads it.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import scipy.io

from weights import files
from weights.errors import InputError

_HEADER = 128
_COMPRESSED = 15
_BLOCK = 1 << 20


def load_mat(path: str | os.PathLike[str], largest: int) -> dict[str, Any]:
    """The variables of a MATLAB 5 file, as `scipy.io.loadmat` gives them.

    Args:
      path: a `.mat`.
      largest: how many bytes the file may unfold to.

    Raises:
      InputError: missing, damaged, of MATLAB 7.3, or larger than `largest`.
    """
    path = Path(path)
    start = files.first_bytes(path)
    if start.startswith((files.MATLAB_73, files.HDF5)):
        raise InputError(
            f"{path}: a MATLAB 7.3 file. The published files are of version 5; save this one anew "
            "in MATLAB with `save(name, '-struct', 'net', '-v7')`."
        )
    if not start.startswith(files.MATLAB_5):
        raise InputError(f"{path}: {files.describe(start)}; a MATLAB .mat is needed.")
    _check_size(path, largest)
    try:
        return dict(scipy.io.loadmat(path))
    # SciPy reports damage in any of these ways.
    except (ValueError, TypeError, OSError, KeyError, IndexError, MemoryError, zlib.error) as error:
        raise InputError(
            f"{path}: a damaged or truncated MATLAB file ({str(error).splitlines()[0][:80]})."
        ) from error


def _check_size(path: Path, largest: int) -> None:
    """Refuse a file whose variables do not lie within it, or unfold to more than `largest`."""
    size = path.stat().st_size
    total = 0
    with path.open("rb") as stream:
        header = stream.read(_HEADER)
        if len(header) < _HEADER or header[126:128] not in (b"IM", b"MI"):
            raise InputError(f"{path}: a damaged or truncated MATLAB file (its header).")
        order = "<" if header[126:128] == b"IM" else ">"
        position = _HEADER
        while position < size:
            stream.seek(position)
            tag = stream.read(8)
            if len(tag) < 8:
                raise InputError(f"{path}: a truncated MATLAB file.")
            kind, count = struct.unpack(f"{order}II", tag)
            position += 8 + count
            if position > size:
                raise InputError(f"{path}: a truncated MATLAB file.")
            if kind != _COMPRESSED:
                total += count
            else:
                for unfolded in _decompressed_sizes(stream, count, path):
                    total += unfolded
                    if total > largest:
                        break
            if total > largest:
                raise InputError(
                    f"{path}: unfolds to more than {largest >> 20} MiB, which the network does not "
                    "need; it is another file."
                )


def _decompressed_sizes(stream: BinaryIO, count: int, path: Path) -> Iterator[int]:
    """The sizes of pieces of at most 1 MiB into which so many compressed bytes unfold."""
    inflater = zlib.decompressobj()
    try:
        while count > 0 and not inflater.eof:
            block = stream.read(min(count, _BLOCK))
            count -= len(block)
            yield len(inflater.decompress(block, _BLOCK))
            while inflater.unconsumed_tail:
                yield len(inflater.decompress(inflater.unconsumed_tail, _BLOCK))
    except zlib.error as error:
        raise InputError(f"{path}: a damaged MATLAB file ({error}).") from error
    if not inflater.eof:
        raise InputError(f"{path}: a truncated MATLAB file.")
