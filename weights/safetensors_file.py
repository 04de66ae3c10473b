"""safetensors files, read without their library.

A file is the length of a JSON object (eight bytes, little-endian), the object, and the numbers. The
object says of each tensor its type, its shape and where its numbers begin and end, counted from the
end of the object.
"""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from weights import file_kinds
from weights.errors import InputError, brief, one_line

_FLOATS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}
# A thousand tensors take about 100 kB.
_LARGEST_HEADER = 4 << 20


class SafetensorsFile:
    """The tensors of a file, by name.

    Args:
      path: a `.safetensors`.

    Raises:
      InputError: the file is missing, damaged, or holds something else.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        start = file_kinds.first_bytes(self._path)
        if not file_kinds.is_safetensors(start):
            raise InputError(f"{path}: {file_kinds.describe(path)}. A safetensors file is needed.")
        length = int.from_bytes(start[:8], "little")
        if length > _LARGEST_HEADER:
            raise InputError(f"{path}: its description of tensors is absurdly large.")
        with self._path.open("rb") as stream:
            header = stream.read(8 + length)[8:]
        self._begin = 8 + length
        self._size = self._path.stat().st_size - self._begin
        try:
            described = json.loads(header.decode("utf-8"))
            self._tensors = {
                name: _entry(entry) for name, entry in described.items() if name != "__metadata__"
            }
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise InputError(
                f"{path}: a truncated or damaged safetensors file ({brief(error)})."
            ) from error
        if not self._tensors:
            raise InputError(f"{path}: holds no tensors.")

    def names(self) -> list[str]:
        """The names of all tensors."""
        return list(self._tensors)

    def shape(self, name: str) -> tuple[int, ...] | None:
        """The shape of a tensor; None if there is no such tensor."""
        return self._tensors[name][1] if name in self._tensors else None

    def read(self, name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """A tensor that must hold floating point numbers in this shape; as float32.

        Raises:
          InputError: it is missing, of another type or shape, or damaged.
        """
        said = one_line(name, 80)
        if name not in self._tensors:
            raise InputError(f"{self._path}: tensor {said} is missing; another network.")
        kind, stored, begin, end = self._tensors[name]
        if stored != shape or kind not in _FLOATS:
            raise InputError(
                f"{self._path}: {said} is {one_line(kind, 20)} of shape "
                f"{one_line(str(stored), 80)}, the network needs floating point numbers of {shape}."
            )
        item = np.dtype(_FLOATS[kind])
        if end - begin != math.prod(shape) * item.itemsize or not 0 <= begin <= end <= self._size:
            raise InputError(f"{self._path}: {said} is incomplete; the file is damaged.")
        with self._path.open("rb") as stream:
            stream.seek(self._begin + begin)
            values = np.frombuffer(stream.read(end - begin), item)
        if kind == "BF16":
            values = (values.astype(np.uint32) << 16).view(np.float32)
        with np.errstate(over="ignore"):  # what does not fit is infinite, and refused
            values = np.ascontiguousarray(values.reshape(shape), np.float32)
        if not np.isfinite(values).all():
            raise InputError(f"{self._path}: {said} holds numbers that are not finite.")
        return values


def _entry(entry: Any) -> tuple[str, tuple[int, ...], int, int]:
    """Type, shape, begin and end of a tensor."""
    begin, end = entry["data_offsets"]
    numbers = (*entry["shape"], begin, end)
    if not all(type(number) is int and number >= 0 for number in numbers):
        raise ValueError("sizes that are no natural numbers")
    return str(entry["dtype"]), tuple(entry["shape"]), begin, end
