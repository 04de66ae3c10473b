"""Flags whose default hangs on `--preset`, for commands with presets of their own."""

from __future__ import annotations

from typing import Any

from absl import flags

from experiments.flags.number_lists import numbers_in
from weights.errors import InputError

flags.disclaim_key_flags()  # they belong to the command that asks for them


class PresetFlags:
    """Numbers and switches with a value in each preset; each is a flag of its own.

    Args:
      texts: what each flag is, by name.
      **presets: for each preset a value for each name; `laptop` must be there, the others may name
        only what differs from it.
    """

    def __init__(self, texts: dict[str, str], **presets: dict[str, Any]) -> None:
        laptop = presets["laptop"]
        self._presets = {name: laptop | values for name, values in presets.items()}
        self._preset = flags.DEFINE_enum(
            "preset", "laptop", sorted(presets), "Values of all flags that are not given."
        )
        for name, text in texts.items():
            values = ", ".join(f"{p} {v[name]}" for p, v in self._presets.items() if p != "smoke")
            text = f"{text} ({values})"
            kind = type(laptop[name])
            if kind is bool:
                flags.DEFINE_bool(name, None, text)
            elif kind is int:
                flags.DEFINE_integer(name, None, text, lower_bound=0)
            elif kind is float:
                flags.DEFINE_float(name, None, text, lower_bound=0.0)
            elif kind is str:
                flags.DEFINE_string(name, None, text)
            else:
                flags.DEFINE_list(name, None, text)
        self._names = list(texts)

    def settle(self) -> dict[str, Any]:
        """The chosen preset's values with the given flags over them; `preset` is one of them."""
        values = dict(self._presets[self._preset.value])
        for name in self._names:
            given = flags.FLAGS[name].value
            if given is not None:
                values[name] = given
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
