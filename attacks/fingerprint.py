"""What decides a compiled function, as a value: two that differ in anything never share one."""

from __future__ import annotations

import copy
import enum
import functools
import hashlib
import types
from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

_BY_IDENTITY = (
    *(type, enum.Enum, types.ModuleType, types.BuiltinFunctionType),
    *(tf.Variable, tf.Module, tf.types.experimental.GenericFunction),
)
"""What does not change, or is read anew whenever the compiled function runs."""

_BUILTIN = (bool, int, float, complex, str, bytes)


class NotComparableError(TypeError):
    """Something of which nobody can tell whether it has changed."""


class Fingerprint:
    """Tells values apart, and copies them so that nobody changes them afterwards.

    Numbers, text, arrays and containers are compared by content, plain objects by their kind and
    attributes. Functions are compared by identity and by what they close over; types, networks and
    variables by identity alone.

    Args:
      data: what is left out, wherever it is held.
    """

    def __init__(self, data: Iterable[Any] = ()) -> None:
        self._data = {id(each): each for each in data}
        self._kept: dict[int, Any] = {}
        self._open: list[int] = []

    def of(self, value: Any) -> Hashable:
        """The value as something to be compared and hashed.

        Raises:
          NotComparableError: there is no such thing.
        """
        if id(value) in self._data:
            return _Data
        if value is None or type(value) in _BUILTIN:
            return type(value), repr(value)  # tells 1 from True and 0.0 from -0.0; equal for NaN
        if isinstance(value, _BY_IDENTITY):
            return self._same(value)
        if id(value) in self._open:  # it holds itself
            return "open", self._open.index(id(value))
        self._open.append(id(value))
        try:
            return type(value), self._content(value), self._attributes(value)
        finally:
            self._open.pop()

    def copied(self, value: Any) -> Any:
        """A copy of what `of` was asked for; where the data was, it says where to find it.

        Raises:
          NotComparableError: it refuses to be copied.
        """
        memo: dict[int, Any] = {**self._kept, **dict.fromkeys(self._data, _Data())}
        try:
            return copy.deepcopy(value, memo)
        except Exception as error:  # whatever somebody else's class may raise
            raise NotComparableError(f"{type(value).__name__} cannot be copied: {error}") from error

    def _same(self, value: Any) -> Hashable:
        self._kept[id(value)] = value
        return Identity(value)

    def _content(self, value: Any) -> Hashable:
        """What it holds as a built-in type; None of a plain object."""
        for base in _BUILTIN:
            if isinstance(value, base):
                return base.__repr__(value)
        if isinstance(value, (np.ndarray, np.generic, tf.Tensor)):
            return _digest(value)
        if isinstance(value, (np.dtype, tf.DType)):
            return value.name
        if isinstance(value, (list, tuple)):
            return self._all(value)
        if isinstance(value, (set, frozenset)):
            return frozenset(map(self.of, value))
        if isinstance(value, (dict, types.MappingProxyType)):
            return frozenset((self.of(key), self.of(each)) for key, each in value.items())
        for kind, names in _PARTS.items():
            if isinstance(value, kind):
                return self._all(getattr(value, name) for name in names)
        if isinstance(value, types.FunctionType):
            given = self._all((value.__defaults__, value.__kwdefaults__))
            return self._same(value), *given, *map(self._cell, value.__closure__ or ())
        if not hasattr(value, "__dict__") and not _slots(value):
            raise NotComparableError(f"a {type(value).__name__} cannot be compared")
        return None

    def _attributes(self, value: Any) -> Hashable:
        if isinstance(value, (np.ndarray, tf.Tensor)):
            return None
        attributes: Mapping[str, Any] = getattr(value, "__dict__", {})
        return tuple(
            (name, self.of(each)) for name, each in sorted({**attributes, **_slots(value)}.items())
        )

    def _all(self, values: Iterable[Any]) -> tuple[Hashable, ...]:
        return tuple(map(self.of, values))

    def _cell(self, cell: types.CellType) -> Hashable:
        try:
            return self.of(cell.cell_contents)
        except ValueError:  # it is empty
            return "empty"


_PARTS: dict[type, tuple[str, ...]] = {
    slice: ("start", "stop", "step"),
    range: ("start", "stop", "step"),
    functools.partial: ("func", "args", "keywords"),
    types.MethodType: ("__func__", "__self__"),
}


class Identity:
    """Equal for one and the same object; keeps it, so that its number is nobody else's."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Identity) and self._value is other._value

    def __hash__(self) -> int:
        return id(self._value)


class _Data:
    """Stands in a copy for what a criterion is given as arguments."""

    def __repr__(self) -> str:
        return "<what tensors() returns; loss, margin and success have to take it from *data>"

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"{name} of {self!r}")


def _slots(value: Any) -> dict[str, Any]:
    """Attributes that stand in slots, without those that are not set."""
    names = [each for kind in type(value).__mro__ for each in _as_names(vars(kind))]
    return {name: getattr(value, name) for name in names if hasattr(value, name)}


def _as_names(members: Mapping[str, Any]) -> Iterable[str]:
    slots = members.get("__slots__", ())
    names = [slots] if isinstance(slots, str) else list(slots)
    return [name for name in names if name not in ("__dict__", "__weakref__")]


def _digest(array: np.ndarray | np.generic | tf.Tensor) -> Hashable:
    try:
        content = np.ascontiguousarray(array)
    except NotImplementedError as error:  # of a graph that is being built
        raise NotComparableError("a tensor without a value cannot be compared") from error
    if content.dtype.hasobject:
        raise NotComparableError("an array of objects cannot be compared")
    return content.dtype.str, np.shape(array), hashlib.sha256(content.tobytes()).digest()
