"""Writes PyTorch's `.pt` files without PyTorch, for tests: instruction by instruction."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

ORDERED_DICT = b"ccollections\nOrderedDict\n)R"


def text(value: str) -> bytes:
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def number(value: int) -> bytes:
    if value < 1 << 31:
        return b"J" + struct.pack("<i", value)
    return b"\x8a\x08" + struct.pack("<q", value)


def numbers(values: tuple[int, ...]) -> bytes:
    return b"(" + b"".join(number(v) for v in values) + b"t"


def tensor(
    key: str,
    count: int,
    shape: tuple[int, ...],
    stride: tuple[int, ...] | None = None,
    offset: int = 0,
    kind: str = "FloatStorage",
) -> bytes:
    """The instructions that describe a tensor."""
    if stride is None:
        stride = tuple(int(np.prod(shape[axis + 1 :])) for axis in range(len(shape)))
    storage = b"(" + text("storage") + f"ctorch\n{kind}\n".encode() + text(key) + text("cpu")
    storage += number(count) + b"tQ"
    arguments = b"(" + storage + number(offset) + numbers(shape) + numbers(stride) + b"\x89"
    return b"ctorch._utils\n_rebuild_tensor_v2\n" + arguments + ORDERED_DICT + b"tR"


def state_dict(entries: Mapping[str, bytes]) -> bytes:
    """The pickle of names and tensors."""
    items = b"".join(text(name) + value for name, value in entries.items())
    return b"\x80\x02" + ORDERED_DICT + b"(" + items + b"u."


def write_zip(
    path: Path,
    pickle: bytes,
    storages: Mapping[str, bytes] | None = None,
    compression: int = zipfile.ZIP_STORED,
) -> Path:
    """The layout since PyTorch 1.6."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("archive/data.pkl", pickle)
        archive.writestr("archive/byteorder", "little")
        for key, data in (storages or {}).items():
            archive.writestr(f"archive/data/{key}", data)
        archive.writestr("archive/version", "3\n")
    return path


def write_legacy(path: Path, pickle: bytes, storages: Mapping[str, tuple[int, bytes]]) -> Path:
    """The layout before PyTorch 1.6; storages are (count, bytes)."""
    stream = io.BytesIO()
    stream.write(b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.")  # the magic number
    stream.write(b"\x80\x02" + number(1001) + b".")
    stream.write(b"\x80\x02}(" + text("little_endian") + b"\x88u.")
    stream.write(pickle)
    stream.write(b"\x80\x02](" + b"".join(text(key) for key in storages) + b"e.")
    for count, data in storages.values():
        stream.write(struct.pack("<q", count) + data)
    path.write_bytes(stream.getvalue())
    return path


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> Path:
    """A state dictionary of float32 arrays in the layout since PyTorch 1.6."""
    entries = {
        name: tensor(str(index), values.size, values.shape)
        for index, (name, values) in enumerate(arrays.items())
    }
    storages = {
        str(index): np.ascontiguousarray(values, "<f4").tobytes()
        for index, values in enumerate(arrays.values())
    }
    return write_zip(path, state_dict(entries), storages)
