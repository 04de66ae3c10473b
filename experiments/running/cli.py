"""How every entry point runs: flags parsed, and a user's mistake answered without a traceback."""

from __future__ import annotations

import errno
import logging as standard
import os
import re
import sys
from collections.abc import Callable
from typing import NoReturn

from absl import app, flags, logging

from weights.errors import InputError


def run(main: Callable[[list[str]], None], positional: bool = False) -> NoReturn:
    """Parse flags, run `main`, exit with 0, or with 1 and one line on what the user can mend.

    Args:
      main: gets the program's name and what is left of the arguments behind it.
      positional: whether anything may be left.
    """

    def guarded(argv: list[str]) -> None:
        logging.set_verbosity(logging.INFO)
        standard.getLogger("tensorflow").setLevel(standard.ERROR)
        if len(argv) > 1 and not positional:
            raise app.UsageError(
                f"unexpected argument {argv[1]!r}; options look like --name=value."
            )
        try:
            main(argv)
        except InputError as error:
            fail(str(error))
        except OSError as error:
            fail(_describe(error))
        except Exception as error:
            message = _of_tensorflows_files(error)
            if message is None:
                raise
            fail(message)
        except KeyboardInterrupt:
            print("interrupted; --resume goes on from here.", file=sys.stderr)
            sys.exit(130)

    app.run(guarded)
    raise SystemExit(0)


def fail(message: str) -> NoReturn:
    """Print one line on standard error and exit with 1."""
    # A progress bar may have left the cursor in the middle of a line.
    print(f"\nerror: {with_dashes(message)}", file=sys.stderr)
    sys.exit(1)


def with_dashes(message: str) -> str:
    """A library's message for who sits at a command line: `batch_size=3` becomes --batch_size=3.

    Only what this command has as a flag is changed, and only between backticks.
    """
    known = flags.FLAGS
    return re.sub(
        r"`([a-z]\w*)((?:=[^`]*)?)`",
        lambda match: f"--{match[1]}{match[2]}" if match[1] in known else match[0],
        message,
    )


def _of_tensorflows_files(error: Exception) -> str | None:
    """What TensorFlow says of a file that it could not write, as of Python's; None of others."""
    # By name: an entry point that needs no TensorFlow should not wait for it.
    if type(error).__module__ != "tensorflow.python.framework.errors_impl":
        return None
    for code in (errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT, errno.EFBIG):
        if os.strerror(code) in str(error):
            # "{{function_node ...}} <path>; No space left on device [Op:...]"
            said = re.sub(r"^\{\{.*?\}\} ", "", str(error))
            path = re.match(rf"([^;]+); {re.escape(os.strerror(code))}", said)
            return _describe(OSError(code, os.strerror(code), path[1] if path else None))
    return None


def _describe(error: OSError) -> str:
    place = f"{error.filename}: " if error.filename else ""
    return f"{place}{error.strerror or error}. Choose another folder or free some space."
