"""Which files below a folder are images."""

from __future__ import annotations

import logging
import re
from pathlib import Path

from resgn.faces.image_file import SUFFIXES

_log = logging.getLogger(__name__)

KINDS = "JPEG, PNG, PGM/PPM, BMP, WebP, TIFF or GIF"
"""What is read, for messages."""

SHOWN = 3
"""Files left out that are named; of the others it is said how many they are."""

_STARTS = (
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"GIF87a",
    b"GIF89a",
    b"II*\x00",
    b"MM\x00*",
)
_DESKTOP = frozenset({"thumbs.db", "desktop.ini", "icon\r"})
"""What file managers put beside photographs."""


def is_image(path: Path) -> bool:
    """Whether a file counts as an image: by the ending of its name, or else by how it begins.

    A file with an image's ending counts whatever it holds, so that a damaged one is named when it
    is read; one with another ending or none (`.jfif`, `.JPG~`) is looked into.
    """
    if path.suffix.lower() in SUFFIXES:
        return True
    try:
        with path.open("rb") as stream:
            start = stream.read(16)
    except OSError:
        return False
    if start[:2] == b"BM":  # two letters say little; a bitmap's size and a zero follow
        return len(start) == 16 and start[6:10] == b"\0\0\0\0"
    if re.match(rb"P[1-6]", start):  # a width or a remark follows
        return re.match(rb"P[1-6]\s+[0-9#]", start) is not None
    return start.startswith(_STARTS) or (start[:4] == b"RIFF" and start[8:12] == b"WEBP")


class LeftOut:
    """Files of a folder that are no images, to be said in one line.

    Args:
      folder: where they are.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: list[str] = []

    def add(self, path: Path) -> None:
        """Note a file; what file managers leave behind needs no word."""
        if path.name.lower() not in _DESKTOP:
            self._files.append(str(path.relative_to(self._folder)))

    def say(self) -> None:
        """Log how many files were left out, and the first of them."""
        if not self._files:
            return
        shown = ", ".join(self._files[:SHOWN])
        more = len(self._files) - SHOWN
        _log.warning(
            "%s: left out %d files that are no images (%s%s); only %s are read",
            self._folder,
            len(self._files),
            shown,
            f" and {more} more" if more > 0 else "",
            KINDS.replace(" or ", " and "),
        )


def images_below(folder: Path) -> list[Path]:
    """All image files below a folder in order of their names, hidden ones left out.

    What counts as an image says `is_image`; other files are named in the log.
    """
    found = []
    others = LeftOut(folder)
    for path in sorted(folder.rglob("*")):
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        if path.is_file():
            if is_image(path):
                found.append(path)
            else:
                others.add(path)
    others.say()
    return found
