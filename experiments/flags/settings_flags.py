"""Flags made from the fields of frozen settings, so that every default stands once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Generic, TypeVar

from experiments.flags.groups import FlagGroup
from experiments.running.settings import flat, replaced

T = TypeVar("T")


class SettingsFlags(Generic[T]):
    """A flag for each value of settings that has a text; one that is not given is the preset's.

    Args:
      group: that the flags go to.
      texts: what each value is, by name; values without a text get no flag.
      presets: settings by the name of the preset, for types and help; all of one class.
      choices: the values that a flag may have, where they are names.
      within: the interval that numbers must lie in, see `experiments.flags.parsers.Interval`.
      paths: the values that name files or folders.
    """

    def __init__(
        self,
        group: FlagGroup,
        texts: Mapping[str, str],
        presets: Mapping[str, T],
        choices: Mapping[str, Sequence[str]] | None = None,
        within: Mapping[str, str] | None = None,
        paths: Collection[str] = (),
    ) -> None:
        values = {name: flat(settings) for name, settings in presets.items()}
        self._flags: dict[str, Any] = {}
        for name, text in texts.items():
            shown = _shown({preset: of[name] for preset, of in values.items()})
            self._flags[name] = _define(
                group,
                name,
                [of[name] for of in values.values()],
                f"{text}{shown}",
                (choices or {}).get(name),
                (within or {}).get(name, "(-inf, inf)"),
                name in paths,
            )

    @property
    def names(self) -> tuple[str, ...]:
        """Of the values that have a flag."""
        return tuple(self._flags)

    def given(self) -> dict[str, Any]:
        """The values that were given, by name."""
        found = {name: flag.value for name, flag in self._flags.items()}
        return {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in found.items()
            if value is not None
        }

    def settle(self, preset: T) -> T:
        """A preset with the values that were given put over it."""
        return replaced(preset, self.given())


def _shown(values: Mapping[str, Any]) -> str:
    """The values of presets, in brackets; once where all agree.

    `laptop on lfw` is shown only where it differs from `laptop`.
    """
    texts = {
        preset: ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
        for preset, value in values.items()
        if value not in (None, ())
    }
    if len(texts) == len(values) and len(set(texts.values())) == 1:
        return f" (default {next(iter(texts.values()))})"
    shown = [
        f"{preset} {text}"
        for preset, text in texts.items()
        if " on " not in preset or text != texts.get(preset.split(" on ")[0])
    ]
    return f" ({', '.join(shown)})" if shown else ""


def _define(
    group: FlagGroup,
    name: str,
    values: list[Any],
    text: str,
    choices: Sequence[str] | None,
    within: str,
    is_path: bool,
) -> Any:
    kinds = {type(value) for value in values if value is not None}
    if choices is not None:
        return group.choice(name, None, choices, text)
    if kinds == {bool}:
        return group.boolean(name, None, text)
    if kinds == {int}:
        return group.integer(name, None, text)
    if kinds <= {int, float} and kinds:
        return group.number(name, None, text, within)
    if kinds == {tuple}:
        inner = {type(each) for value in values for each in value or ()}
        if inner == {float}:
            return group.numbers(name, None, text, within, empty=True)
        return (group.paths if is_path else group.names)(name, None, text)
    return group.path(name, None, text) if is_path else group.string(name, None, text)
