"""The commands by name.

    python -m experiments                       # lists them
    python -m experiments table1 --help         # runs one, as python -m experiments.table1 does
    resgn table1 --help                         # the same from any folder

`resgn` takes the installed project also where a folder of one's own is called `experiments`.
"""

from __future__ import annotations

import ast
import difflib
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path

from experiments.running.closed_output import while_it_is_read

FOLDER = Path(__file__).parent


def commands(folder: Path = FOLDER) -> dict[str, str]:
    """What each command does in a line, by its name; nothing is imported."""
    files = sorted(folder.glob("[a-z]*.py"))
    said = {file.stem: ast.get_docstring(ast.parse(file.read_text("utf-8"))) for file in files}
    return {name: (text or "").partition("\n")[0] for name, text in said.items()}


def main(arguments: Sequence[str] | None = None) -> int:
    """List the commands, or run the one that the first argument names.

    Args:
      arguments: of the command line, without the program; those of this process by default.

    Returns:
      The exit code.
    """
    name, *rest = (sys.argv[1:] if arguments is None else arguments) or [""]
    known = commands()
    if name in ("", "help", "-h", "--help"):
        with while_it_is_read():
            print(listing(known))
        return 0
    module = name.replace("-", "_")
    if module not in known:
        near = difflib.get_close_matches(module, known, 1)
        meant = f" Do you mean {near[0]}?" if near else ""
        print(f"error: there is no command {name!r}.{meant} help lists them.", file=sys.stderr)
        return 1
    sys.argv[1:] = rest
    runpy.run_module(f"{__package__}.{module}", run_name="__main__", alter_sys=True)
    return 0


def listing(known: dict[str, str]) -> str:
    """The commands, a line for each."""
    width = max(map(len, known))
    lines = [f"  {name:{width}}  {text}" for name, text in known.items()]
    return "\n".join(["Commands; each answers --help:", *lines])


if __name__ == "__main__":
    sys.exit(main())
