"""Constants of a frozen TensorFlow graph (`.pb`), read as data: the graph is never built or run."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from weights import file_kinds, zip_members
from weights.errors import InputError

# FaceNet's takes 93 MB. A protocol buffer cannot exceed 2 GB; this much fits into memory twice.
_LARGEST = 512 << 20


class FrozenGraph:
    """The constants of a GraphDef, by node name.

    Args:
      path: a `.pb`.
      inside: the path is a zip archive, and this its member that is the graph.

    Raises:
      InputError: the file is missing, too large, or no GraphDef with constants.
    """

    def __init__(self, path: str | os.PathLike[str], inside: str | None = None) -> None:
        self._path = Path(path)
        graph = tf.compat.v1.GraphDef()
        try:
            graph.ParseFromString(_content(self._path, inside))
        except DecodeError as error:
            kind = "its content" if inside else file_kinds.describe(path)
            raise InputError(
                f"{path}: no frozen TensorFlow graph, or a damaged one ({kind})."
            ) from error
        self._constants: Mapping[str, Any] = {
            node.name: node.attr["value"].tensor
            for node in graph.node
            if node.op == "Const" and "value" in node.attr
        }
        if not self._constants:
            raise InputError(
                f"{path}: a TensorFlow graph without constants; it has to be frozen, with the "
                "weights inside (or give the checkpoint)."
            )

    def names(self) -> Iterable[str]:
        """The names of all constants."""
        return self._constants.keys()

    def shape(self, name: str) -> tuple[int, ...] | None:
        """What a constant says its shape is; None if there is no such constant."""
        tensor = self._constants.get(name)
        return None if tensor is None else tuple(d.size for d in tensor.tensor_shape.dim)

    def read(self, name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """A constant that must be float32 of this shape.

        Raises:
          InputError: it is missing, of another type or shape, or has too few numbers.
        """
        tensor = self._constants.get(name)
        if tensor is None:
            raise InputError(f"{self._path}: constant {name} is missing; another network.")
        if tensor.dtype != tf.float32.as_datatype_enum or self.shape(name) != shape:
            raise InputError(
                f"{self._path}: {name} is {_type_name(tensor.dtype)} of shape "
                f"{self.shape(name)}, the network needs float32 of {shape}."
            )
        # Numbers stand as bytes or one by one. A last number may stand for all that follow
        # (protocol buffers of constant tensors), which is safe now that the shape is known.
        if tensor.tensor_content:
            content = tensor.tensor_content[: 4 * math.prod(shape)]
            values = np.frombuffer(content, "<f4", len(content) // 4)
        else:
            values = np.asarray(tensor.float_val[: math.prod(shape)], np.float32)
            if 0 < values.size < math.prod(shape):
                values = np.concatenate(
                    [values, np.full(math.prod(shape) - values.size, values[-1], np.float32)]
                )
        if values.size != math.prod(shape) or not np.isfinite(values).all():
            raise InputError(f"{self._path}: {name} is incomplete; the file is damaged.")
        return values.reshape(shape).astype(np.float32)


def _content(path: Path, inside: str | None) -> bytes:
    """The bytes of the graph.

    Raises:
      InputError: it is missing or too large.
    """
    if inside is not None:
        return zip_members.read(path, inside, _LARGEST)
    if not file_kinds.first_bytes(path):
        raise InputError(f"{path}: {file_kinds.describe(path)}.")
    size = path.stat().st_size
    if size > _LARGEST:
        raise InputError(f"{path}: {size >> 20} MiB, more than any frozen graph known here.")
    return path.read_bytes()


def _type_name(number: int) -> str:
    try:
        return str(tf.dtypes.as_dtype(number).name)
    except TypeError:  # a damaged file may say anything
        return f"type {number}"
