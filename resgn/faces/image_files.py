"""Image files below a folder."""

from __future__ import annotations

from pathlib import Path

from resgn.faces.image_file import SUFFIXES

KINDS = ", ".join(sorted(SUFFIXES))
"""Endings of image files, for messages."""


def images_below(folder: Path) -> list[Path]:
    """All image files below a folder in order of their names, hidden ones left out."""
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in SUFFIXES
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
