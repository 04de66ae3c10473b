"""Flags whose default hangs on `--preset`, for commands with presets of their own."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from absl import flags

from experiments.flags.groups import FlagGroup


class PresetFlags:
    """Numbers and switches with a value in each preset; each is a flag of its own.

    Args:
      group: that the flags go to.
      texts: what each flag is, by name.
      zero: whole numbers that may be 0; all others are at least 1.
      **presets: for each preset a value for each name; `laptop` must be there, the others may name
        only what differs from it.
    """

    def __init__(
        self,
        group: FlagGroup,
        texts: dict[str, str],
        zero: Collection[str] = (),
        **presets: dict[str, Any],
    ) -> None:
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
                self._flags[name] = group.integer(name, None, text, 0 if name in zero else 1)
            elif kind is float:
                self._flags[name] = group.number(name, None, text, "[0, inf)")
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
