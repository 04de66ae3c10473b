"""What every entry point shares: a user's mistake ends in one line, not in a traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NoReturn

from absl import app

from weights.errors import InputError


def run(main: Callable[[list[str]], None]) -> NoReturn:
    """Parse the flags, run `main` and exit: 0, or 1 after a mistake that the user can mend."""

    def guarded(arguments: list[str]) -> int:
        try:
            main(arguments)
        except (InputError, OSError) as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
        return 0

    app.run(guarded)
    raise AssertionError("app.run exits by itself")
