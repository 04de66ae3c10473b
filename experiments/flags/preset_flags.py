"""Flags whose default hangs on `--preset`, for commands with presets of their own."""

from __future__ import annotations

from typing import Any

from absl import flags

from experiments.flags.groups import FlagGroup
from experiments.flags.number_lists import numbers_in
from weights.errors import InputError


class PresetFlags:
    """Numbers and switches with a value in each preset; each is a flag of its own.

    Args:
      group: that the flags go to.
      texts: what each flag is, by name.
      **presets: for each preset a value for each name; `laptop` must be there, the others may name
        only what differs from it.
    """

    def __init__(self, group: FlagGroup, texts: dict[str, str], **presets: dict[str, Any]) -> None:
        laptop = presets["laptop"]
        self._presets = {name: laptop | values for name, values in presets.items()}
        self._preset = group.choice(
            "preset", "laptop", sorted(presets), "Values of all flags that are not given."
        )
        self._flags: dict[str, flags.FlagHolder[Any]] = {}
        for name, text in texts.items():
            values = ", ".join(f"{p} {v[name]}" for p, v in self._presets.items() if p != "smoke")
            text = f"{text} ({values})"
            kind = type(laptop[name])
            if kind is bool:
                self._flags[name] = group.boolean(name, None, text)
            elif kind is int:
                self._flags[name] = group.integer(name, None, text, lower=0)
            elif kind is float:
                self._flags[name] = group.number(name, None, text, lower=0.0)
            elif kind is str:
                self._flags[name] = group.string(name, None, text)
            else:
                self._flags[name] = group.names(name, None, text)

    def settle(self) -> dict[str, Any]:
        """The chosen preset's values with the given flags over them; `preset` is one of them."""
        values = dict(self._presets[self._preset.value])
        given = {name: flag.value for name, flag in self._flags.items()}
        values |= {name: value for name, value in given.items() if value is not None}
        return values | {"preset": self._preset.value}


def numbers(name: str, given: list[Any], low: float = 0.0) -> list[float]:
    """The numbers of a list flag, each above `low` and once.

    Raises:
      InputError: something else is there.
    """
    values = numbers_in(given, lambda value: low < value < float("inf"))
    if values is None:
        text = ",".join(str(value) for value in given)
        raise InputError(f"--{name} needs numbers above {low:g} with commas between; got {text!r}.")
    if len(set(values)) != len(values):
        raise InputError(f"--{name} names one number twice.")
    return list(values)
