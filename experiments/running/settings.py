"""Frozen settings: what a run was told, as one flat mapping, and with single values replaced.

A settings object is a frozen dataclass whose fields are values or further frozen dataclasses. Each
value has one name. A field that is a dataclass may rename what is in it: its metadata `prefix` and
`suffix` go around the names, and names in `skip` are settled elsewhere and left out.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, TypeVar

from weights.errors import InputError

T = TypeVar("T")
P = TypeVar("P", bound="Presets")

PRESETS = ("laptop", "paper", "smoke")


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


class Presets:
    """Settings whose defaults are a paper's, with values for a laptop and to try that all runs.

    A subclass has a field `preset`.

    Attributes:
      LAPTOP: values by name that differ from the paper's.
      SMOKE: values that differ from the laptop's.
    """

    LAPTOP: ClassVar[Mapping[str, Any]] = {}
    SMOKE: ClassVar[Mapping[str, Any]] = {}

    @classmethod
    def laptop(cls: type[P]) -> P:
        """What two cores do in minutes."""
        return cls.of_preset("laptop")

    @classmethod
    def smoke(cls: type[P]) -> P:
        """Seconds, to see that everything runs."""
        return cls.of_preset("smoke")

    @classmethod
    def of_preset(cls: type[P], preset: str, dataset: tuple[str, ...] | None = None) -> P:
        """The settings of a preset by its name.

        Args:
          preset: one of `PRESETS`.
          dataset: the data sets that it is for, where its values hang on them; not put in.
        """
        del dataset
        values = {
            "paper": {},
            "laptop": cls.LAPTOP,
            "smoke": {**cls.LAPTOP, **cls.SMOKE},
        }[preset]
        return cls().but(**{"preset": preset, **values})

    def but(self: P, **values: Any) -> P:
        """The same with other values, by name."""
        return replaced(self, values)


def check_at_least(settings: Any, least: float, *names: str) -> None:
    """Check values of settings.

    Raises:
      InputError: one is lower, or no number.
    """
    for name in names:
        if not getattr(settings, name) >= least:
            raise InputError(f"`{name}` must be at least {least:g}, got {getattr(settings, name)}.")


def check_within(settings: Any, least: float, most: float, *names: str) -> None:
    """Check values of settings.

    Raises:
      InputError: one is outside, or no number.
    """
    for name in names:
        if not least <= getattr(settings, name) <= most:
            raise InputError(
                f"`{name}` must lie from {least:g} to {most:g}, got {getattr(settings, name)}."
            )


def check_above_zero(settings: Any, *names: str, most: float = math.inf) -> None:
    """Check numbers of settings, or lists of them, each once.

    Args:
      settings: whose they are.
      *names: of values.
      most: that each may be.

    Raises:
      InputError: one is not above 0 or above the most, or no number, or there twice.
    """
    for name in names:
        value = getattr(settings, name)
        numbers = value if isinstance(value, tuple) else (value,)
        if not all(0.0 < number <= most and math.isfinite(number) for number in numbers):
            where = "be above 0" if most == math.inf else f"lie in (0, {most:g}]"
            raise InputError(f"`{name}` must {where}, got {', '.join(map(str, numbers))}.")
        if len(set(numbers)) != len(numbers):
            raise InputError(f"`{name}` names a number twice: {', '.join(map(str, numbers))}.")


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
