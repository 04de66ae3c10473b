"""Members of zip archives, read with suspicion: a few bytes may unfold to any number."""

from __future__ import annotations

import contextlib
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from weights.errors import InputError, brief

# Trained weights shrink by a tenth; nothing of use here shrinks to a twentieth.
_LARGEST_RATIO = 20


def names(path: Path) -> list[str]:
    """The names of all members.

    Raises:
      InputError: no zip archive, or a damaged one.
    """
    with _damage(path), zipfile.ZipFile(path) as archive:
        return archive.namelist()


def read(path: Path, name: str, largest: int) -> bytes:
    """The bytes of a member.

    Args:
      path: of the archive.
      name: of the member.
      largest: how many bytes it may unfold to.

    Raises:
      InputError: it is missing, damaged, encrypted or too large.
    """
    with _damage(path), zipfile.ZipFile(path) as archive:
        info = archive.getinfo(name)
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise InputError(f"{path}: {name} in it is compressed in a way unknown here.")
        if info.file_size > min(largest, _LARGEST_RATIO * info.compress_size):
            raise InputError(f"{path}: {name} in it unfolds to more than weights ever do.")
        # No more is unfolded than the archive says, and what is too short or changed is noticed.
        return archive.read(info)


@contextlib.contextmanager
def _damage(path: Path) -> Iterator[None]:
    try:
        yield
    except InputError:
        raise
    # RuntimeError: an encrypted member; NotImplementedError: an unknown compression.
    except (
        zipfile.BadZipFile,
        zlib.error,
        OSError,
        EOFError,
        KeyError,
        ValueError,
        RuntimeError,
    ) as error:
        raise InputError(f"{path}: a damaged or truncated zip archive ({brief(error)}).") from error
