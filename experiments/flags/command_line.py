"""How a command runs: its flags defined and parsed, then `main`."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from experiments.flags import cli, groups


def run(
    main: Callable[[list[str]], None], *flags: groups.FlagGroup, positional: bool = False
) -> NoReturn:
    """Parse the flags of groups, run `main`; see `experiments.flags.cli.run`.

    Args:
      main: gets the program's name and what is left of the arguments behind it.
      *flags: the groups of flags that it reads.
      positional: whether anything may be left.
    """
    everyone = groups.define(flags)

    def settled(argv: list[str]) -> None:
        groups.settled(everyone)
        main(argv)

    cli.run(settled, groups.read, positional)
