"""MATLAB files of version 5, read by hand.

SciPy reads them too, but trusts them: a matrix that says it is larger than the file makes it
crash. Here every size is compared with the bytes that are there before anything is allocated, and
what a variable unfolds to is counted before it is kept.

The format (MathWorks, "MAT-File Format", level 5): a header of 128 bytes, then elements. An element
is a tag (type and length, eight bytes; four for short ones, which carry their data in the other
four), its data, and padding to eight bytes. A matrix is an element of elements: flags with its
class, dimensions, name, and numbers in column order; a cell array holds matrices, a structure the
names of its fields and a matrix for each. A compressed element unfolds to one element.
"""

from __future__ import annotations

import dataclasses
import math
import mmap
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from weights import file_kinds
from weights.errors import InputError, brief

_HEADER = 128
_MATRIX, _COMPRESSED = 14, 15
_NUMBERS = {
    1: "i1",
    2: "u1",
    3: "i2",
    4: "u2",
    5: "i4",
    6: "u4",
    7: "f4",
    9: "f8",
    12: "i8",
    13: "u8",
}
_TEXT = {1: "latin-1", 2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}
_CELL, _STRUCT, _CHAR = 1, 2, 4
_CLASSES = {
    6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"
}  # fmt: skip
_COMPLEX = 0x0800
_DEEPEST = 16
_MOST_ELEMENTS = 100_000
_BLOCK = 1 << 20
# Trained weights shrink by a tenth; nothing of use here shrinks to a twentieth.
_LARGEST_RATIO = 20


def load_mat(path: str | os.PathLike[str], largest: int) -> dict[str, Any]:
    """The variables of a MATLAB 5 file.

    Args:
      path: a `.mat`.
      largest: how many bytes the file may unfold to.

    Returns:
      Name -> numbers as an array of MATLAB's dimensions, text as `str`, a cell array as an array
      of objects, a structure as a dictionary (several: an array of dictionaries), and None for
      classes that no network needs (functions, objects, sparse matrices).

    Raises:
      InputError: missing, damaged, of MATLAB 7.3, or larger than `largest`.
    """
    path = Path(path)
    start = file_kinds.first_bytes(path)
    if start.startswith((file_kinds.MATLAB_73, file_kinds.HDF5)):
        raise InputError(
            f"{path}: a MATLAB 7.3 file. The published files are of version 5; save this one anew "
            "in MATLAB with `save(name, '-struct', 'net', '-v7')`."
        )
    if not start.startswith(file_kinds.MATLAB_5):
        raise InputError(f"{path}: {file_kinds.describe(path)}. A MATLAB .mat is needed.")
    if len(start) < _HEADER or start[126:128] not in (b"IM", b"MI"):
        raise InputError(f"{path}: a damaged or truncated MATLAB file (its header).")
    with path.open("rb") as stream:
        # Arrays keep the map alive for as long as they are used.
        data = memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))
    reader = _Reader(path, "<" if start[126:128] == b"IM" else ">", largest)
    try:
        return dict(reader.variables(data))
    except InputError:
        raise
    except (struct.error, zlib.error, ValueError) as error:
        raise InputError(f"{path}: a damaged MATLAB file ({brief(error)}).") from error


@dataclasses.dataclass
class _Reader:
    path: Path
    order: str
    largest: int
    unfolded: int = 0
    elements: int = 0

    def variables(self, data: memoryview) -> Iterator[tuple[str, Any]]:
        """Name and value of every variable in the file."""
        position = _HEADER
        while position < len(data):
            kind, body, position = self._element(data, position, padded=False)
            if kind == _COMPRESSED:
                kind, body, _ = self._element(self._unfold(body, len(data)), 0)
            else:
                self._count(len(body))
            if kind == _MATRIX:
                yield self._matrix(body, 0)

    def _element(
        self, data: memoryview, position: int, padded: bool = True
    ) -> tuple[int, memoryview, int]:
        """Type and data of the element at a position, and where the next one begins."""
        if position + 8 > len(data):
            raise self._damage("an element is missing")
        first, second = struct.unpack_from(f"{self.order}II", data, position)
        if first >> 16:  # short: length and type share four bytes
            kind, length, begin, step = first & 0xFFFF, first >> 16, position + 4, 8
            if length > 4:
                raise self._damage("a short element is too long")
        else:
            # Only elements of the file itself are not padded when they are compressed.
            kind, length, begin = first, second, position + 8
            step = 8 + (length + (-length % 8 if padded or kind != _COMPRESSED else 0))
        if begin + length > len(data):
            raise self._damage("an element reaches beyond the end")
        return kind, data[begin : begin + length], position + step

    def _matrix(self, data: memoryview, depth: int) -> tuple[str, Any]:
        """Name and value of a matrix."""
        if depth > _DEEPEST:
            raise self._damage("it is nested too deeply")
        self._expect(1)
        self.elements += 1
        if not data:
            return "", np.zeros((0, 0))
        _, flags, position = self._element(data, 0)
        if len(flags) != 8:
            raise self._damage("a matrix without its class")
        (flag,) = struct.unpack_from(f"{self.order}I", flags)
        _, sizes, position = self._element(data, position)
        dimensions = tuple(int(n) for n in np.frombuffer(sizes, f"{self.order}i4"))
        _, name, position = self._element(data, position)
        rest = len(data) - position
        kind = flag & 0xFF
        # Anything takes at least a bit of room, so sizes beyond the bytes are lies.
        if min(dimensions, default=-1) < 0 or math.prod(dimensions) > rest:
            raise self._damage("a matrix is larger than the file")
        value: Any = None
        if kind in _CLASSES and not flag & _COMPLEX:
            value = self._numbers(data, position, dimensions, _CLASSES[kind])
        elif kind == _CHAR:
            value = self._text(data, position)
        elif kind == _CELL:
            value = self._cell(data, position, dimensions, depth)
        elif kind == _STRUCT:
            value = self._structure(data, position, dimensions, depth)
        return bytes(name).decode("latin-1"), value

    def _numbers(
        self, data: memoryview, position: int, dimensions: tuple[int, ...], kind: str
    ) -> np.ndarray[Any, Any]:
        stored, body, _ = self._element(data, position)
        if stored not in _NUMBERS:
            raise self._damage("numbers of an unknown type")
        item = np.dtype(self.order + _NUMBERS[stored])
        if len(body) != math.prod(dimensions) * item.itemsize:
            raise self._damage("a matrix has other dimensions than numbers")
        values = np.frombuffer(body, item).reshape(dimensions, order="F")
        # MATLAB stores whole numbers in fewer bytes than their class has.
        return values.astype(kind, copy=False)

    def _text(self, data: memoryview, position: int) -> str:
        stored, body, _ = self._element(data, position)
        encoding = _TEXT.get(stored)
        if encoding is None:
            raise self._damage("text of an unknown type")
        if encoding in ("utf-16", "utf-32"):
            encoding += "-le" if self.order == "<" else "-be"
        return bytes(body).decode(encoding)

    def _cell(
        self, data: memoryview, position: int, dimensions: tuple[int, ...], depth: int
    ) -> np.ndarray[Any, Any]:
        self._expect(math.prod(dimensions))
        items = np.empty(math.prod(dimensions), object)
        for index in range(items.size):
            items[index], position = self._part(data, position, depth)
        return items.reshape(dimensions, order="F")

    def _structure(
        self, data: memoryview, position: int, dimensions: tuple[int, ...], depth: int
    ) -> Any:
        _, width, position = self._element(data, position)
        if len(width) != 4:
            raise self._damage("a structure without the length of its fields' names")
        (length,) = struct.unpack_from(f"{self.order}i", width)
        _, body, position = self._element(data, position)
        if length < 1 or len(body) % length:
            raise self._damage("a structure with names of another length")
        size, fields = math.prod(dimensions), len(body) // length
        if size > 1 and not fields:  # nothing in the file would stand for its elements
            raise self._damage("several structures without fields")
        self._expect(max(size, 1) * fields)
        names = [
            bytes(body[begin : begin + length]).split(b"\0")[0].decode("latin-1")
            for begin in range(0, len(body), length)
        ]
        items = np.empty(size, object)
        for index in range(size):
            items[index] = {}
            for name in names:
                items[index][name], position = self._part(data, position, depth)
        return items[0] if size == 1 else items.reshape(dimensions, order="F")

    def _part(self, data: memoryview, position: int, depth: int) -> tuple[Any, int]:
        kind, body, position = self._element(data, position)
        if kind != _MATRIX:
            raise self._damage("a cell or field holds no matrix")
        return self._matrix(body, depth + 1)[1], position

    def _unfold(self, packed: memoryview, file_size: int) -> memoryview:
        """Decompress; in a first pass only to count, so that a bomb is never kept."""
        ratio = _LARGEST_RATIO * file_size + _BLOCK
        before = self.unfolded
        for piece in self._pieces(packed):
            self._count(len(piece))
            if self.unfolded - before > ratio:
                raise InputError(
                    f"{self.path}: unfolds to more than {_LARGEST_RATIO} times its size, as "
                    "weights never do; it is no network."
                )
        return memoryview(b"".join(self._pieces(packed)))

    def _pieces(self, packed: memoryview) -> Iterator[bytes]:
        inflater = zlib.decompressobj()
        for begin in range(0, len(packed), _BLOCK):
            yield inflater.decompress(packed[begin : begin + _BLOCK], _BLOCK)
            while inflater.unconsumed_tail:
                yield inflater.decompress(inflater.unconsumed_tail, _BLOCK)
        if not inflater.eof:
            raise self._damage("a compressed variable ends early")

    def _expect(self, parts: int) -> None:
        """Refuse so many parts more before room is made for them."""
        if self.elements + parts > _MOST_ELEMENTS:
            raise self._damage("it has too many parts")

    def _count(self, size: int) -> None:
        self.unfolded += size
        if self.unfolded > self.largest:
            raise InputError(
                f"{self.path}: unfolds to more than {self.largest >> 20} MiB, which the network "
                "does not need; it is another file."
            )

    def _damage(self, problem: str) -> InputError:
        return InputError(f"{self.path}: a truncated or damaged MATLAB file ({problem}).")
