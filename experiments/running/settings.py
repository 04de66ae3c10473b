"""Frozen settings: what a run was told, as one flat mapping, and with single values replaced.

A settings object is a frozen dataclass whose fields are values or further frozen dataclasses. Each
value has one name. A field that is a dataclass may rename what is in it: its metadata `prefix` and
`suffix` go around the names, and names in `skip` are settled elsewhere and left out.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

T = TypeVar("T")


def part(default: Any, prefix: str = "", suffix: str = "", skip: tuple[str, ...] = ()) -> Any:
    """A field that is a frozen dataclass itself, for the body of a settings class."""
    return dataclasses.field(
        default=default, metadata={"prefix": prefix, "suffix": suffix, "skip": skip}
    )


def flat(settings: Any) -> dict[str, Any]:
    """Every value of settings by its name.

    Raises:
      ValueError: two values have one name.
    """
    values: dict[str, Any] = {}
    for name, value in _leaves(settings):
        if name in values:
            raise ValueError(f"{type(settings).__name__} has two values named {name}.")
        values[name] = value
    return values


def replaced(settings: T, values: Mapping[str, Any]) -> T:
    """The same settings with some values, by name, put over them.

    Raises:
      ValueError: there is no value of a name.
    """
    unknown = set(values) - set(flat(settings))
    if unknown:
        raise ValueError(f"{type(settings).__name__} has no {', '.join(sorted(unknown))}.")
    return _replaced(settings, values)


def _leaves(settings: Any) -> Iterator[tuple[str, Any]]:
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if dataclasses.is_dataclass(value):
            for inner, leaf in _leaves(value):
                if inner not in field.metadata.get("skip", ()):
                    yield _outer(field, inner), leaf
        else:
            yield field.name, value


def _replaced(settings: T, values: Mapping[str, Any]) -> T:
    changed: dict[str, Any] = {}
    for field in dataclasses.fields(settings):  # type: ignore[arg-type]
        value = getattr(settings, field.name)
        if dataclasses.is_dataclass(value):
            skip = field.metadata.get("skip", ())
            inner = {
                name: values[_outer(field, name)]
                for name, _ in _leaves(value)
                if name not in skip and _outer(field, name) in values
            }
            if inner:
                changed[field.name] = _replaced(value, inner)
        elif field.name in values:
            changed[field.name] = values[field.name]
    return dataclasses.replace(settings, **changed) if changed else settings  # type: ignore[type-var]


def _outer(field: dataclasses.Field[Any], inner: str) -> str:
    return f"{field.metadata.get('prefix', '')}{inner}{field.metadata.get('suffix', '')}"
