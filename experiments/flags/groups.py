"""Flags that belong together, apart from absl's global ones until a command that has them runs.

So every command can be imported beside every other one, whatever their flags are called.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from absl import flags

from experiments.flags.parsers import (
    Interval,
    NumberParser,
    NumbersParser,
    NumbersSerializer,
    PathParser,
    PathsParser,
)
from weights.errors import InputError


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
        self, name: str, default: float | None, text: str, within: str = "(-inf, inf)"
    ) -> flags.FlagHolder[Any]:
        """A real number of an interval, see `Interval`."""
        return flags.DEFINE(
            NumberParser(Interval(within)), name, default, text, flag_values=self.values
        )

    def numbers(
        self,
        name: str,
        default: Sequence[float] | None,
        text: str,
        within: str,
        empty: bool = False,
    ) -> flags.FlagHolder[Any]:
        """Several numbers of an interval with commas between them, each once."""
        return flags.DEFINE(
            NumbersParser(Interval(within), empty),
            name,
            None if default is None else list(default),
            text,
            flag_values=self.values,
            serializer=NumbersSerializer(),
        )

    def path(self, name: str, default: str | None, text: str) -> flags.FlagHolder[Any]:
        """A path; `~` in it is the user's home."""
        return flags.DEFINE(PathParser(), name, default, text, flag_values=self.values)

    def paths(self, name: str, default: Sequence[str] | None, text: str) -> flags.FlagHolder[Any]:
        """Several paths with commas between them."""
        return flags.DEFINE(
            PathsParser(),
            name,
            None if default is None else list(default),
            text,
            flag_values=self.values,
            serializer=flags.CsvListSerializer(","),
        )

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


def read(arguments: Sequence[str]) -> list[str]:
    """Parse arguments, the program's name first.

    Returns:
      The program's name and what is left.

    Raises:
      InputError: a flag is unknown, or its value is none that it may have.
    """
    try:
        return list(flags.FLAGS(arguments))
    except flags.Error as error:
        said = " ".join(str(error).split()).removeprefix("flag ").rstrip(".")
        raise InputError(f"{said}. --help shows all flags.") from error


@contextlib.contextmanager
def parsed(groups: Sequence[FlagGroup], arguments: Sequence[str]) -> Iterator[list[str]]:
    """Read arguments as a command with these groups would; afterwards all is as before.

    Yields:
      The program's name and what is left of the arguments.

    Raises:
      InputError: see `read`.
    """
    everyone = define(groups)
    try:
        rest = read(["python", *arguments])
        settled(everyone)
        yield rest
    finally:
        for group in everyone:
            flags.FLAGS.remove_flag_values(group.values)
            group.values.unparse_flags()
