"""Flags that belong together, apart from absl's global ones until a command that has them runs.

So every command can be imported beside every other one, whatever their flags are called.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from absl import flags


class FlagGroup:
    """Flags that belong together.

    Args:
      *needed: groups without which these flags say nothing.
    """

    def __init__(self, *needed: FlagGroup) -> None:
        self.needed = needed
        self.values = flags.FlagValues()

    def string(self, name: str, default: str | None, text: str) -> flags.FlagHolder[Any]:
        """A text."""
        return flags.DEFINE_string(name, default, text, flag_values=self.values)

    def boolean(self, name: str, default: bool | None, text: str) -> flags.FlagHolder[Any]:
        """A switch."""
        return flags.DEFINE_bool(name, default, text, flag_values=self.values)

    def integer(
        self,
        name: str,
        default: int | None,
        text: str,
        lower: int | None = None,
        upper: int | None = None,
    ) -> flags.FlagHolder[Any]:
        """A whole number."""
        return flags.DEFINE_integer(name, default, text, lower, upper, flag_values=self.values)

    def number(
        self,
        name: str,
        default: float | None,
        text: str,
        lower: float | None = None,
        upper: float | None = None,
    ) -> flags.FlagHolder[Any]:
        """A real number."""
        return flags.DEFINE_float(name, default, text, lower, upper, flag_values=self.values)

    def choice(
        self, name: str, default: str | None, names: Sequence[str], text: str
    ) -> flags.FlagHolder[Any]:
        """One of several names."""
        return flags.DEFINE_enum(name, default, list(names), text, flag_values=self.values)

    def names(self, name: str, default: Sequence[str] | None, text: str) -> flags.FlagHolder[Any]:
        """Several texts with commas between them."""
        given = None if default is None else list(default)
        return flags.DEFINE_list(name, given, text, flag_values=self.values)

    def choices(
        self, name: str, default: Sequence[str], names: Sequence[str], text: str
    ) -> flags.FlagHolder[Any]:
        """Some of several names, the flag given once for each."""
        return flags.DEFINE_multi_enum(
            name, list(default), list(names), text, flag_values=self.values
        )


def with_needed(groups: Sequence[FlagGroup]) -> list[FlagGroup]:
    """Groups with those that they need, each once."""
    found: list[FlagGroup] = []
    for group in groups:
        for each in (*with_needed(group.needed), group):
            if each not in found:
                found.append(each)
    return found


def define(groups: Sequence[FlagGroup]) -> list[FlagGroup]:
    """Put the flags of groups, and of those that they need, among absl's; shown by --help.

    Returns:
      All groups, for `settled` and `undefine`.
    """
    everyone = with_needed(groups)
    for group in everyone:
        flags.FLAGS.append_flag_values(group.values)
        for name in group.values:
            flags.FLAGS.register_key_flag_for_module(sys.argv[0], group.values[name])
    return everyone


def settled(groups: Sequence[FlagGroup]) -> None:
    """Say that absl has parsed the arguments, so that values may be read."""
    for group in groups:
        group.values.mark_as_parsed()


@contextlib.contextmanager
def parsed(groups: Sequence[FlagGroup], arguments: Sequence[str]) -> Iterator[list[str]]:
    """Read arguments as a command with these groups would; afterwards all is as before.

    Yields:
      The program's name and what is left of the arguments.
    """
    everyone = define(groups)
    try:
        rest = flags.FLAGS(["python", *arguments])
        settled(everyone)
        yield list(rest)
    finally:
        for group in everyone:
            flags.FLAGS.remove_flag_values(group.values)
            group.values.unparse_flags()
