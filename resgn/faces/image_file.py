"""Image files to arrays and back."""

from __future__ import annotations

import contextlib
import io
import os
import struct
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from weights.atomic import atomic_path
from weights.errors import InputError, brief

MIN_SIDE = 16
"""Shortest side in pixels of an image that is read; below it no face can be aligned."""

MAX_PIXELS = 64_000_000
"""Most pixels of an image that is read (64 megapixels, 192 MB as RGB)."""

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".pgm", ".ppm", ".pnm", ".bmp", ".webp", ".tif", ".tiff", ".gif"}
)
"""File name endings (lower case) that count as images when a folder is listed."""

# A closed list: others of Pillow's readers start programs (EPS) or fetch further files.
_FORMATS = ("JPEG", "PNG", "PPM", "BMP", "WEBP", "TIFF", "GIF")

# What Pillow's readers raise on damaged bytes.
_DAMAGED = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    NotImplementedError,
    struct.error,
    zlib.error,
)

_ORIENTATION_TAG = 0x0112
_ORIENTATIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def read_image(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """Read a photograph as RGB.

    JPEG, PNG, PGM/PPM, BMP, WebP, TIFF and GIF are read, whatever the file is called. The EXIF
    orientation is applied, grey becomes three equal channels, transparency is composited over
    white, 16 bits are scaled to 8, and of an animation the first frame is taken. Sizes are checked
    from the header, before anything is decoded.

    Args:
      path: the image file.

    Returns:
      uint8 `[H, W, 3]`, RGB.

    Raises:
      InputError: the file is missing, a folder, empty, not an image of these kinds, truncated or
        damaged, smaller than `MIN_SIDE` on a side, or of more than `MAX_PIXELS` pixels.
    """
    path = Path(path)
    _check_file(path)
    Image.init()  # does its work once; before it some of the formats are not known by name
    try:
        file = _Bounded(path.open("rb", buffering=0))
    except PermissionError as error:
        raise InputError(f"{path}: no permission to read it.") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read ({brief(error)}).") from error
    with file:
        return _decoded(path, file)


class _Bounded(io.BufferedReader):
    """A file of which no more is asked for than there is: memory is taken for what is asked.

    The length of a damaged chunk of a PNG may be 2 GiB.
    """

    def read(self, size: int | None = -1, /) -> bytes:
        left = max(0, os.fstat(self.fileno()).st_size - self.tell())
        return super().read(left if size is None or size < 0 else min(size, left))


def _decoded(path: Path, file: BinaryIO) -> NDArray[np.uint8]:
    try:
        image = Image.open(file, formats=[name for name in _FORMATS if name in Image.OPEN])
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large(path, None) from error
    except _DAMAGED as error:
        raise InputError(
            f"{path} is not an image that can be read "
            "(JPEG, PNG, PGM/PPM, BMP, WebP, TIFF or GIF); convert it or remove it."
        ) from error
    with image:
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise _too_large(path, (height, width))
        if min(width, height) < MIN_SIDE:
            raise InputError(
                f"{path} has {height}x{width} pixels (height x width); "
                f"at least {MIN_SIDE} on each side are needed."
            )
        try:
            if image.format in ("JPEG", "MPO") and not _jpeg_is_complete(path.read_bytes()):
                raise OSError("no end-of-image marker")
            image.load()
            return _to_rgb(image)
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise _too_large(path, (height, width)) from error
        except _UnsupportedError as error:
            raise InputError(f"{path}: {error}; save it with 8 or 16 bits a channel.") from error
        except _DAMAGED as error:
            raise InputError(
                f"{path} is truncated or damaged ({brief(error)}); get the file again or remove it."
            ) from error


def write_image(path: str | os.PathLike[str], image: NDArray[Any]) -> None:
    """Write an image with 8 bits a channel; the file is whole or absent.

    Args:
      path: a name that ends in `.png`, `.jpg` or `.jpeg`; missing folders are made.
      image: `[H, W, 3]` RGB, uint8, or floating point in [0, 1] (rounded to the nearest of 256
        levels).

    Raises:
      InputError: the name ends otherwise, or the file cannot be written.
      ValueError: `image` has another shape or type, or values outside [0, 1] or not finite.
    """
    path = Path(path)
    image = np.asarray(image)
    if image.ndim != 3 or image.shape[-1] != 3 or 0 in image.shape:
        raise ValueError(f"image: expected shape [H, W, 3], got {list(image.shape)}")
    if path.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise InputError(f"{path}: images are written as .png, .jpg or .jpeg.")
    if np.issubdtype(image.dtype, np.floating):
        if not (np.min(image) >= 0 and np.max(image) <= 1):
            raise ValueError(
                f"image: expected values in [0, 1], got {np.min(image)} to {np.max(image)}"
            )
        image = np.round(image.astype(np.float64) * 255).astype(np.uint8)
    elif image.dtype != np.uint8:
        raise ValueError(f"image: expected uint8 or floating point, got {image.dtype}")
    options: dict[str, Any] = (
        {} if path.suffix.lower() == ".png" else {"quality": 95, "subsampling": 0}
    )
    try:
        with atomic_path(path) as temporary:
            Image.fromarray(image).save(temporary, **options)
    except OSError as error:
        raise InputError(
            f"{path} cannot be written ({error.strerror or error}); choose another place."
        ) from error


class _UnsupportedError(Exception):
    """A kind of pixel that has no agreed way to 8 bits."""


def _check_file(path: Path) -> None:
    try:
        if path.is_dir():
            raise InputError(f"{path} is a folder; the name of an image file is needed.")
        # A pipe or a device could be read for ever.
        if not path.is_file():
            raise InputError(f"{path}: there is no such image file.")
        if path.stat().st_size == 0:
            raise InputError(f"{path} is empty (0 bytes); get the file again or remove it.")
    except InputError:
        raise
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({brief(error)}).") from error


def _too_large(path: Path, size: tuple[int, int] | None) -> InputError:
    stated = f"{size[0]}x{size[1]} pixels" if size else "far too many pixels"
    return InputError(
        f"{path} has {stated}; at most {MAX_PIXELS / 1e6:.0f} megapixels are read. Make it smaller."
    )


def _jpeg_is_complete(data: bytes) -> bool:
    """Whether an end-of-image marker follows the first scan.

    The decoder fills up what is missing with grey when the rest of a file was never written (zeros
    after a broken download). A thumbnail in the EXIF data has markers of its own: segments are
    skipped by their length. Inside a scan the bytes FF D9 cannot occur (ITU T.81, B.1.1.5).
    """
    position = 2
    while position + 4 <= len(data):
        if data[position] != 0xFF:
            position += 1  # padding between segments
            continue
        marker = data[position + 1]
        if marker == 0xDA:
            return data.find(b"\xff\xd9", position) >= 0
        if marker in (0xFF, 0x00, 0x01) or 0xD0 <= marker <= 0xD8:
            position += 1 if marker == 0xFF else 2  # markers without a length
            continue
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return False


def _to_rgb(image: Image.Image) -> NDArray[np.uint8]:
    orientation = None
    # Damaged metadata is no reason to refuse a picture.
    with contextlib.suppress(*_DAMAGED):
        orientation = image.getexif().get(_ORIENTATION_TAG)
    if image.mode.startswith("I"):
        rgb = _from_16_bits(np.asarray(image))
        image = Image.fromarray(rgb)
    elif image.mode == "F":
        raise _UnsupportedError("pixels are floating-point numbers")
    elif image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        layer = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    image = image.convert("RGB")
    if orientation in _ORIENTATIONS:
        image = image.transpose(_ORIENTATIONS[orientation])
    return np.array(image, np.uint8)


def _from_16_bits(grey: NDArray[Any]) -> NDArray[np.uint8]:
    if grey.min() < 0 or grey.max() > 65535:
        raise _UnsupportedError("pixels have more than 16 bits")
    # 65535 = 255 * 257, so that white stays white.
    return np.round(grey / 257.0).astype(np.uint8)
