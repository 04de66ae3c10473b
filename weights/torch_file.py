"""PyTorch's `.pt` files, read without PyTorch and without running anything from the file.

A `.pt` is a pickle (see `weights.torch_pickle`) beside raw numbers.

Two layouts exist. Since PyTorch 1.6 a file is a zip archive, uncompressed: `*/data.pkl` and one
member `*/data/<key>` for each storage. Before, it was a sequence of pickles (a magic number, the
version, the byte order, the object, the keys of the storages) and then each storage as its length
and its numbers. The first weights of `facenet-pytorch` are of the older kind.
"""

from __future__ import annotations

import contextlib
import io
import os
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from weights import file_kinds
from weights.errors import InputError, brief, one_line
from weights.torch_pickle import FLOATS, STORAGES, Storage, Tensor, interpret

# A state dictionary of 1000 tensors takes about 200 kB; one of this size is read in two seconds.
_LARGEST_PICKLE = 1 << 20
_MOST_MEMBERS = 20_000
_LEGACY_VERSION = 1001
# Under which a training's checkpoint holds its network, most telling first.
_STATE_KEYS = ("state_dict", "model_state_dict", "model", "net", "network")


class TorchFile:
    """The tensors of a state dictionary, by name.

    Args:
      path: a `.pt` or `.pth` that holds a state dictionary, alone or in a dictionary beside other
        things (the number of epochs, the optimizer's state).

    Raises:
      InputError: the file is missing, damaged, hostile, or holds something else.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        start = file_kinds.first_bytes(self._path)
        with _damage(self._path):
            if start.startswith(file_kinds.ZIP):
                state, self._read_bytes = self._open_zip()
            elif start.startswith(file_kinds.TORCH_LEGACY):
                state, self._read_bytes = self._open_legacy()
            else:
                raise InputError(
                    f"{path}: {file_kinds.describe(path)}. A PyTorch file of a state "
                    "dictionary is needed (`torch.save(model.state_dict(), ...)`)."
                )
        self._tensors = _state_dictionary(state, self._path)

    def names(self) -> list[str]:
        """The names of all tensors."""
        return list(self._tensors)

    def shape(self, name: str) -> tuple[int, ...] | None:
        """The shape of a tensor; None if there is no such tensor."""
        tensor = self._tensors.get(name)
        return None if tensor is None else tensor.shape

    def read(self, name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """A tensor that must hold floating point numbers in this shape; as float32.

        Raises:
          InputError: it is missing, of another type or shape, or damaged.
        """
        tensor, said = self._tensors.get(name), one_line(name, 80)
        if tensor is None:
            raise InputError(f"{self._path}: tensor {said} is missing; another network.")
        if tensor.shape != shape or tensor.storage.kind not in FLOATS:
            raise InputError(
                f"{self._path}: {said} is a {tensor.storage.kind} of shape {tensor.shape}, the "
                f"network needs floating point numbers of {shape}."
            )
        item = STORAGES[tensor.storage.kind].itemsize
        with _damage(self._path):
            # In any order of the axes, but without gaps or repetition: then the numbers are one
            # stretch of the storage, as long as the shape says.
            axes = sorted(range(len(shape)), key=lambda axis: (-tensor.stride[axis], axis))
            expected = 1
            for axis in reversed(axes):
                if shape[axis] != 1 and tensor.stride[axis] != expected:
                    raise InputError(f"{self._path}: {said} is not laid out densely; clone() it.")
                expected *= shape[axis]
            if not 0 <= tensor.offset <= tensor.storage.count - expected:
                raise InputError(f"{self._path}: {said} reaches beyond its storage; damaged.")
            raw = self._read_bytes(tensor.storage, tensor.offset * item, expected * item)
        values = np.frombuffer(raw, STORAGES[tensor.storage.kind])
        if tensor.storage.kind == "BFloat16Storage":
            values = (values.astype(np.uint32) << 16).view(np.float32)
        values = values.reshape([shape[axis] for axis in axes]).transpose(np.argsort(axes))
        with np.errstate(over="ignore"):  # what does not fit is infinite, and refused
            values = np.ascontiguousarray(values, np.float32)
        if not np.isfinite(values).all():
            raise InputError(f"{self._path}: {said} holds numbers that are not finite.")
        return values

    def _open_zip(self) -> tuple[Any, Callable[[Storage, int, int], bytes]]:
        archive = zipfile.ZipFile(self._path)  # open for as long as tensors may be read
        members = {info.filename: info for info in archive.infolist()}
        if len(members) > _MOST_MEMBERS:
            raise InputError(f"{self._path}: {len(members)} members; no such network has so.")
        pickles = [name for name in members if name.count("/") == 1 and _is(name, "data.pkl")]
        if len(pickles) != 1:
            raise InputError(
                f"{self._path}: {file_kinds.describe(self._path)}. A PyTorch file is needed."
            )
        prefix = pickles[0].removesuffix("data.pkl")
        if f"{prefix}constants.pkl" in members:
            raise InputError(
                f"{self._path}: a TorchScript program; its state dictionary is needed "
                "(`torch.save(model.state_dict(), ...)`)."
            )
        if f"{prefix}byteorder" in members:
            order = self._member(archive, members, f"{prefix}byteorder", 0, 16, exact=False)
            if order.strip() != b"little":
                raise InputError(f"{self._path}: written on a big-endian machine.")
        program = self._member(archive, members, pickles[0], 0, _LARGEST_PICKLE + 1, exact=False)
        if len(program) > _LARGEST_PICKLE:
            raise InputError(f"{self._path}: its description of tensors is absurdly large.")
        state = interpret(io.BytesIO(program), self._path)

        def read(storage: Storage, offset: int, count: int) -> bytes:
            return self._member(archive, members, f"{prefix}data/{storage.key}", offset, count)

        return state, read

    def _member(
        self,
        archive: zipfile.ZipFile,
        members: Mapping[str, zipfile.ZipInfo],
        name: str,
        offset: int,
        count: int,
        exact: bool = True,
    ) -> bytes:
        """So many bytes of a member, which must be stored without compression."""
        info, said = members.get(name), one_line(name, 80)
        if info is None:
            raise InputError(f"{self._path}: member {said} is missing; the file is damaged.")
        if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
            raise InputError(
                f"{self._path}: member {said} is compressed, which PyTorch never does."
            )
        with archive.open(info) as member:
            member.seek(offset)
            data = member.read(count)
        if exact and len(data) != count:
            raise InputError(f"{self._path}: member {said} is too short; the file is damaged.")
        return data

    def _open_legacy(self) -> tuple[Any, Callable[[Storage, int, int], bytes]]:
        with self._path.open("rb") as stream:
            head = io.BytesIO(stream.read(_LARGEST_PICKLE))
        _magic, version, system, state, keys = [interpret(head, self._path) for _ in range(5)]
        if version != _LEGACY_VERSION or not isinstance(system, dict):
            raise InputError(f"{self._path}: a version of PyTorch's format that is unknown here.")
        if system.get("little_endian") is not True:
            raise InputError(f"{self._path}: written on a big-endian machine.")
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            raise InputError(f"{self._path}: lists no storages; the file is damaged.")
        counts = {storage.key: storage for storage in _storages(state)}
        positions: dict[str, int] = {}
        position = head.tell()
        with self._path.open("rb") as stream:
            for key in keys:
                storage = counts.get(key)
                stream.seek(position)
                header = stream.read(8)
                if storage is None or header != struct.pack("<q", storage.count):
                    raise InputError(
                        f"{self._path}: storage {one_line(key, 40)} is not where it should be; the "
                        "file is truncated or damaged."
                    )
                positions[key] = position + 8
                position += 8 + storage.count * STORAGES[storage.kind].itemsize
        if position > self._path.stat().st_size:
            raise InputError(f"{self._path}: ends too early; it is truncated.")

        def read(storage: Storage, offset: int, count: int) -> bytes:
            if storage.key not in positions:
                raise InputError(
                    f"{self._path}: storage {one_line(storage.key, 40)} is missing; damaged."
                )
            with self._path.open("rb") as stream:
                stream.seek(positions[storage.key] + offset)
                return stream.read(count)

        return state, read


def _is(path: str, name: str) -> bool:
    return path.rsplit("/", 1)[-1] == name


def _storages(state: Any) -> Iterator[Storage]:
    """The storages of all tensors, however deep."""
    seen: set[int] = set()  # a damaged file may hold itself
    rest = [state]
    while rest:
        value = rest.pop()
        if isinstance(value, Tensor):
            yield value.storage
        elif isinstance(value, dict | list | tuple) and id(value) not in seen:
            seen.add(id(value))
            rest += value.values() if isinstance(value, dict) else value


def _state_dictionary(state: Any, path: Path) -> dict[str, Tensor]:
    """Names and tensors: what a file holds itself, or in one of the dictionaries in it."""
    if not isinstance(state, dict):
        raise InputError(f"{path}: holds no state dictionary (names and tensors).")
    found = _tensors(state)
    inner = {key: _tensors(value) for key, value in state.items() if isinstance(value, dict)}
    inner = {key: tensors for key, tensors in inner.items() if tensors}
    if not found and len(inner) > 1:
        usual = [key for key in _STATE_KEYS if key in inner]
        if not usual:
            several = one_line(", ".join(map(str, inner)))
            raise InputError(
                f"{path}: holds several state dictionaries ({several}); save one of them alone."
            )
        return inner[usual[0]]
    if not found and not inner:
        raise InputError(f"{path}: holds no state dictionary (names and tensors).")
    return found or next(iter(inner.values()))


def _tensors(values: Mapping[Any, Any]) -> dict[str, Tensor]:
    return {
        name: value
        for name, value in values.items()
        if isinstance(name, str) and isinstance(value, Tensor)
    }


@contextlib.contextmanager
def _damage(path: Path) -> Iterator[None]:
    """What damaged bytes make Python's own readers raise becomes an InputError."""
    try:
        yield
    except InputError:
        raise
    # OSError: a seek to where no file can be; RuntimeError: a member that says it is encrypted.
    except (zipfile.BadZipFile, RuntimeError, EOFError, OSError) as error:
        raise InputError(
            f"{path}: a damaged or truncated PyTorch file ({brief(error)})."
        ) from error
    except (ValueError, TypeError, IndexError, KeyError, OverflowError, struct.error) as error:
        raise InputError(f"{path}: a damaged PyTorch file ({brief(error)}).") from error
