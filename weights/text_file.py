"""Text files of others, in whatever encoding they were saved."""

from __future__ import annotations

import codecs
import os
from pathlib import Path

from weights.errors import InputError, brief

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins with the mark of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def read_lines(path: str | os.PathLike[str]) -> list[tuple[int, str]]:
    """The lines of a text file that hold something, with their numbers from 1.

    UTF-8, and with a byte order mark UTF-16 and UTF-32 (as spreadsheets and PowerShell save); any
    kind of line end.

    Args:
      path: the file.

    Raises:
      InputError: it cannot be read, or is no text.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
        encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
        text = data.decode(encoding)
        if "\0" in text:
            raise ValueError("it holds zero bytes")
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read as text ({brief(error)}); save it as UTF-8."
        ) from error
    return [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
