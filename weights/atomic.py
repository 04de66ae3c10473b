"""Files that are either whole or absent."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

# Of a name that is as long as file systems allow, there is room for no more.
_LONGEST_STEM = 40


@contextlib.contextmanager
def named_errors(path: str | os.PathLike[str]) -> Iterator[None]:
    """Let what fails within name the file: Python does not say which one a full disk cut off."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside `path` and rename it to `path` when the block ends well.

    A process that is killed inside the block leaves `path` as it was. Missing parent folders are
    made. The temporary name keeps the suffix of `path`, since many writers choose by it.

    Raises:
      OSError: the folder cannot be written, or the disk is full.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle, name = tempfile.mkstemp(
            prefix=f".{path.stem[:_LONGEST_STEM]}.", suffix=path.suffix, dir=path.parent
        )
    except OSError as error:
        error.filename = str(path)  # the temporary file's name says nothing to anybody
        raise
    os.close(handle)
    temporary = Path(name)
    try:
        with named_errors(path):
            yield temporary
            with temporary.open("rb") as written:
                os.fsync(written.fileno())
        # mkstemp makes private files; what is shared by rename gets the usual permissions.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
