"""Writes safetensors files without their library, for tests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np


def write(path: Path, header: bytes, numbers: bytes = b"") -> Path:
    path.write_bytes(len(header).to_bytes(8, "little") + header + numbers)
    return path


def write_arrays(
    path: Path, arrays: Mapping[str, np.ndarray], kinds: Mapping[str, str] | None = None
) -> Path:
    """Arrays as they are, under the types of `kinds` (F32 where it says nothing)."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    pieces: list[bytes] = []
    position = 0
    for name, values in arrays.items():
        data = np.ascontiguousarray(values).tobytes()
        header[name] = {
            "dtype": (kinds or {}).get(name, "F32"),
            "shape": list(values.shape),
            "data_offsets": [position, position + len(data)],
        }
        pieces.append(data)
        position += len(data)
    return write(path, json.dumps(header).encode(), b"".join(pieces))
