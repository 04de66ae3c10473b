"""The way into every entry point."""

from __future__ import annotations

import sys
from collections.abc import Callable

from absl import app

from weights.errors import InputError


def run(main: Callable[[list[str]], None]) -> None:
    """Parse the flags and call `main`; an InputError becomes one line and exit status 1."""

    def guarded(argv: list[str]) -> None:
        try:
            main(argv)
        except InputError as error:
            print(f"error: {error}", file=sys.stderr)
            sys.exit(1)

    app.run(guarded)
