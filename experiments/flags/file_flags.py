"""The flags of entry points that write one file."""

from __future__ import annotations

from pathlib import Path

from experiments.flags.groups import FlagGroup
from weights.errors import InputError

FLAGS = FlagGroup()

OUTPUT = FLAGS.path(
    "output", None, "File to write; the project's own place for it where there is one."
)
FORCE = FLAGS.boolean("force", False, "Replace the file that --output names if it is there.")


def named_output(suffix: str) -> Path | None:
    """The file that --output names, to be asked for before the work begins; None where it does not.

    Args:
      suffix: in which its name must end.

    Raises:
      InputError: the name ends otherwise, is that of a folder, or of a file that is there already.
    """
    if not OUTPUT.value:
        return None
    path = Path(OUTPUT.value)
    if path.suffix != suffix:
        raise InputError(f"--output={path}: should end in {suffix}.")
    if path.is_dir():
        raise InputError(f"--output={path}: is a folder.")
    if path.exists() and not FORCE.value:
        raise InputError(f"--output={path}: exists already; --force replaces it.")
    return path
