"""Images inside a page, which then needs no other file."""

from __future__ import annotations

import base64
import dataclasses
import io
from pathlib import Path

from PIL import Image

KINDS = {".png": "png", ".jpg": "jpeg"}
"""Of images, by the ending of their files."""
LARGE = 400 << 10
"""Bytes; a larger image goes into the page as JPEG, at most `WIDTH` pixels wide."""
WIDTH = 1600


@dataclasses.dataclass(frozen=True)
class InlineImage:
    """An image as a page holds it.

    Attributes:
      source: data URL.
      width: pixels.
      height: pixels.
    """

    source: str
    width: int
    height: int

    @staticmethod
    def check(path: Path) -> None:
        """Decode a picture and keep nothing of it.

        Raises:
          OSError, ValueError: it is damaged or cannot be read.
        """
        with Image.open(path) as image:
            image.load()

    @classmethod
    def read(cls, path: Path) -> InlineImage:
        """A PNG or JPEG file."""
        data, kind = path.read_bytes(), KINDS[path.suffix]
        with Image.open(io.BytesIO(data)) as image:
            if len(data) > LARGE:
                image.thumbnail((WIDTH, 100 * WIDTH))
                buffer = io.BytesIO()
                image.convert("RGB").save(buffer, "JPEG", quality=85)
                data, kind = buffer.getvalue(), "jpeg"
            text = base64.b64encode(data).decode()
            return cls(f"data:image/{kind};base64,{text}", *image.size)
