"""How every entry point runs: flags parsed, and a user's mistake answered without a traceback."""

from __future__ import annotations

import errno
import logging as standard
import os
import re
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn, TextIO

from absl import app, flags, logging

from experiments.running.closed_output import while_it_is_read
from weights.errors import InputError, brief

_ADVICE = {
    errno.ENOSPC: "Free some space, or choose another folder.",
    errno.EDQUOT: "Free some space, or choose another folder.",
    errno.EFBIG: "Choose another folder.",
    errno.EROFS: "Choose another folder.",
    errno.EACCES: "Give yourself the right to it, or choose another one.",
    errno.EPERM: "Give yourself the right to it, or choose another one.",
    errno.ENAMETOOLONG: "Choose a shorter name.",
    errno.ENOENT: "Check how it is written.",
    errno.ENOTDIR: "A part of this path is a file; choose another one.",
    errno.EISDIR: "It is a folder; name a file.",
}
_INTERRUPTED = 130


def run(
    main: Callable[[list[str]], None],
    parse: Callable[[Sequence[str]], list[str]],
    positional: bool = False,
) -> NoReturn:
    """Parse flags, run `main`, exit with 0, or with 1 and one line on what the user can mend.

    Args:
      main: gets the program's name and what is left of the arguments behind it.
      parse: reads flags; gives the program's name and what is left.
      positional: whether anything may be left.
    """

    def parsed(arguments: Sequence[str]) -> list[str]:
        for stream in (sys.stdout, sys.stderr):
            _show_anything(stream)
        try:
            return parse(arguments)
        except InputError as error:
            fail(str(error))

    def guarded(argv: list[str]) -> None:
        logging.set_verbosity(logging.INFO)
        standard.getLogger("tensorflow").setLevel(standard.ERROR)
        # TensorFlow 2.21 tells how long it took to write each checkpoint.
        logging.get_absl_logger().addFilter(lambda record: record.module != "functional_saver")
        if len(argv) > 1 and not positional:
            fail(f"unexpected argument {argv[1]!r}; options look like --name=value.")
        try:
            with while_it_is_read():
                main(argv)
        except InputError as error:
            fail(str(error))
        except OSError as error:
            fail(_describe(error))
        except MemoryError as error:
            fail(_out_of_memory(error))
        except Exception as error:
            message = _of_tensorflow(error)
            if message is None:
                raise
            fail(message)
        except KeyboardInterrupt:
            on = "; --resume goes on from here" if "resume" in flags.FLAGS else ""
            print(f"\ninterrupted{on}.", file=sys.stderr)
            sys.exit(_INTERRUPTED)

    with while_it_is_read():  # --help is printed while flags are parsed
        app.run(guarded, flags_parser=parsed)
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


def _show_anything(stream: TextIO | None) -> None:
    """What a terminal has no letters for is written as \\u..., rather than ending the program."""
    if stream is not None and hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="backslashreplace")


def _of_tensorflow(error: Exception) -> str | None:
    """What TensorFlow says of a file or of memory, as of Python's errors; None of others."""
    # By name: an entry point that needs no TensorFlow should not wait for it.
    if type(error).__module__ != "tensorflow.python.framework.errors_impl":
        return None
    if type(error).__name__ == "ResourceExhaustedError" and "OOM" in str(error):
        return _out_of_memory(error)
    for code in (errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT, errno.EFBIG):
        if os.strerror(code) in str(error):
            # "{{function_node ...}} <path>; No space left on device [Op:...]"
            said = re.sub(r"^\{\{.*?\}\} ", "", str(error))
            path = re.match(rf"([^;]+); {re.escape(os.strerror(code))}", said)
            return _describe(OSError(code, os.strerror(code), path[1] if path else None))
    return None


def _out_of_memory(error: Exception) -> str:
    return f"not enough memory ({brief(error)}): choose fewer or smaller images."


def _describe(error: OSError) -> str:
    place = f"{error.filename}: " if error.filename else ""
    advice = f" {_ADVICE[error.errno]}" if error.errno in _ADVICE else ""
    return f"{place}{error.strerror or error}.{advice}"
