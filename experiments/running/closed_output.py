"""How a program ends whose output nobody reads any longer, as behind `| head`."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

PIPE_CLOSED = 141
"""The exit code that shells give to a program that a closed pipe has ended."""


@contextlib.contextmanager
def while_it_is_read() -> Iterator[None]:
    """Ends the program silently where its standard output has been closed.

    That shows when something is printed, or when what was printed is written at last.

    Raises:
      SystemExit: it has been closed, with `PIPE_CLOSED`.
    """
    try:
        try:
            yield
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except BrokenPipeError:
        # Python writes what is left when it ends, which must go somewhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(PIPE_CLOSED)
