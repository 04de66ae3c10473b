"""The pickle inside a PyTorch file, interpreted by hand and without running anything from it.

A pickle is a program for a small stack machine, which can import and call anything; Python's own
unpickler would. Here only those instructions exist that build dictionaries, lists, tuples, numbers
and strings; an import yields nothing but a name; and the only calls understood are the few that
describe a tensor (storage, offset, size, stride). Whatever else a file asks for is refused.
"""

from __future__ import annotations

import dataclasses
import io
import pickletools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from weights.errors import InputError

_BFLOAT16 = np.dtype("<u2")  # the upper half of a float32, widened when read
STORAGES: Mapping[str, np.dtype[Any]] = {
    "FloatStorage": np.dtype("<f4"),
    "DoubleStorage": np.dtype("<f8"),
    "HalfStorage": np.dtype("<f2"),
    "BFloat16Storage": _BFLOAT16,
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
    "ShortStorage": np.dtype("<i2"),
    "CharStorage": np.dtype("i1"),
    "ByteStorage": np.dtype("u1"),
    "BoolStorage": np.dtype("?"),
}
FLOATS = ("FloatStorage", "DoubleStorage", "HalfStorage", "BFloat16Storage")


@dataclasses.dataclass(frozen=True)
class _Global:
    """What an import instruction yields: a name, never the thing."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclasses.dataclass(frozen=True)
class Storage:
    """A row of `count` numbers somewhere in the file, known by its key."""

    kind: str
    key: str
    count: int


@dataclasses.dataclass(frozen=True)
class Tensor:
    """A view of a storage: where it begins and how far apart neighbours on each axis are."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


_MARK = object()
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_INTEGERS = ("BININT", "BININT1", "BININT2", "LONG1")
_LITERALS = frozenset((*_INTEGERS, "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"))
# PyTorch's own names for what describes a tensor; any other import is refused.
_ORDERED_DICT = _Global("collections", "OrderedDict")
_REBUILD_TENSOR = _Global("torch._utils", "_rebuild_tensor")
_REBUILD_TENSOR_V2 = _Global("torch._utils", "_rebuild_tensor_v2")
_REBUILD_PARAMETER = _Global("torch._utils", "_rebuild_parameter")
_KNOWN = frozenset(
    [_ORDERED_DICT, _REBUILD_TENSOR, _REBUILD_TENSOR_V2, _REBUILD_PARAMETER]
    + [_Global("torch", name) for name in STORAGES]
)


def interpret(stream: io.BytesIO, path: Path) -> Any:
    """Run one pickle of `stream` on a machine that can only build data.

    Args:
      stream: stands at a pickle, and afterwards behind it.
      path: the file, for messages.

    Returns:
      What the pickle describes, of dictionaries, lists, tuples, strings, numbers and `Tensor`s.

    Raises:
      InputError: it asks for more than data.
      ValueError, TypeError, IndexError, KeyError: it is damaged.
    """
    stack: list[Any] = []
    memo: dict[int, Any] = {}

    def since_mark() -> list[Any]:
        for index in range(len(stack) - 1, -1, -1):
            if stack[index] is _MARK:
                items = stack[index + 1 :]
                del stack[index:]
                return items
        raise ValueError("a list without a beginning")

    argument: Any
    for opcode, argument, _position in pickletools.genops(stream):
        name = opcode.name
        if name in _LITERALS:
            stack.append(argument)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in ("PROTO", "FRAME"):
            pass
        elif name == "MARK":
            stack.append(_MARK)
        elif name in ("EMPTY_DICT", "EMPTY_LIST", "EMPTY_TUPLE"):
            stack.append({"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}[name]())
        elif name == "TUPLE":
            stack.append(tuple(since_mark()))
        elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
            stack[-int(name[-1]) :] = [tuple(_top(stack, int(name[-1])))]
        elif name in ("APPEND", "APPENDS"):
            items = since_mark() if name == "APPENDS" else [stack.pop()]
            _typed(stack[-1], list).extend(items)
        elif name in ("SETITEM", "SETITEMS"):
            items = since_mark() if name == "SETITEMS" else [stack.pop(-2), stack.pop()]
            target = _typed(stack[-1], dict)
            for key, value in zip(items[::2], items[1::2], strict=True):
                # Keys of other kinds could be nested so deeply that hashing them crashes.
                target[key if isinstance(key, int) else _typed(key, str)] = value
        elif name in ("BINPUT", "LONG_BINPUT"):
            memo[argument] = stack[-1]
        elif name == "MEMOIZE":
            memo[len(memo)] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(memo[argument])
        elif name == "GLOBAL":
            module, _, attribute = argument.partition(" ")
            stack.append(_import(module, attribute, path))
        elif name == "STACK_GLOBAL":
            module, attribute = (_typed(part, str) for part in _top(stack, 2))
            stack[-2:] = [_import(module, attribute, path)]
        elif name == "BINPERSID":
            stack.append(_storage(stack.pop()))
        elif name == "REDUCE":
            arguments = stack.pop()
            stack.append(_call(_typed(stack.pop(), _Global), _typed(arguments, tuple)))
        elif name == "BUILD":
            # `OrderedDict` carries `_metadata` of PyTorch's modules; it is of no use here.
            stack.pop()
            _typed(stack[-1], dict)
        elif name == "STOP":
            return stack.pop()
        else:
            raise InputError(
                f"{path}: its pickle uses {name}, which no state dictionary needs; refused, and "
                "nothing of it was run."
            )
    raise ValueError("no end")


def _import(module: str, name: str, path: Path) -> _Global:
    wanted = _Global(module, name)
    if wanted not in _KNOWN:
        raise InputError(
            f"{path}: wants to import {str(wanted)[:80]!r}, which weights do not need; refused, "
            "and nothing of it was run. A whole model has to be saved as its state dictionary "
            "(`torch.save(model.state_dict(), ...)`)."
        )
    return wanted


def _storage(identity: Any) -> Storage:
    """A storage from its persistent id: ("storage", type, key, device, count[, view])."""
    kind, storage_type, key, _device, count, *view = _typed(identity, tuple)
    if kind != "storage" or any(part is not None for part in view):
        raise ValueError("an unknown kind of storage")
    name = _typed(storage_type, _Global).name
    if name not in STORAGES:
        raise ValueError("an unknown type of storage")
    return Storage(name, _typed(key, str), _natural(count))


def _call(function: _Global, arguments: Sequence[Any]) -> Any:
    """The few calls that describe data."""
    if function == _ORDERED_DICT and not arguments:
        return {}
    if function in (_REBUILD_TENSOR, _REBUILD_TENSOR_V2):
        storage, offset, shape, stride = arguments[:4]
        shape = tuple(_natural(size) for size in _typed(shape, tuple))
        stride = tuple(_natural(step) for step in _typed(stride, tuple))
        if len(shape) != len(stride):
            raise ValueError("a tensor whose shape and stride differ in length")
        return Tensor(_typed(storage, Storage), _natural(offset), shape, stride)
    if function == _REBUILD_PARAMETER:
        return _typed(arguments[0], Tensor)
    raise ValueError(f"a call of {function} that makes no sense")


def _top(stack: list[Any], count: int) -> list[Any]:
    if len(stack) < count:
        raise ValueError("takes more from the stack than there is")
    return stack[-count:]


def _typed(value: Any, kind: type[Any]) -> Any:
    if not isinstance(value, kind):
        raise TypeError(
            f"a {type(value).__name__.strip('_')} instead of {kind.__name__.strip('_')}"
        )
    return value


def _natural(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError("a size that is no natural number")
    return value
