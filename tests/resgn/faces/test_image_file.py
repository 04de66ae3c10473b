from __future__ import annotations

import contextlib
import struct
import time
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from resgn.faces.image_file import MAX_PIXELS, MIN_SIDE, read_image, write_image
from weights.errors import InputError


def photograph(height: int = 40, width: int = 60) -> np.ndarray:
    """Smooth, so that JPEG keeps it within a few levels; no two sides are alike."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 255 // width, y * 255 // height, (x + y) * 127 // width], -1).astype(
        np.uint8
    )


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".ppm", ".tiff"])
def test_reads_lossless_formats_exactly(tmp_path: Path, suffix: str) -> None:
    image = photograph()
    path = tmp_path / f"face{suffix}"
    Image.fromarray(image).save(path)
    read = read_image(path)
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, image)


@pytest.mark.parametrize(
    "name", ["plain.jpg", "progressive.jpg", "face.webp", "an image with spaces, ñ and 顔.jpg"]
)
def test_reads_lossy_formats_closely(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    Image.fromarray(photograph()).save(path, quality=95, progressive="progressive" in name)
    assert np.abs(read_image(path).astype(int) - photograph()).mean() < 3


def test_the_name_does_not_decide_the_format(tmp_path: Path) -> None:
    path = tmp_path / "face.jpg"
    Image.fromarray(photograph()).save(path, "PNG")
    np.testing.assert_array_equal(read_image(path), photograph())


@pytest.mark.parametrize("suffix", [".png", ".pgm", ".bmp"])
def test_grey_becomes_three_equal_channels(tmp_path: Path, suffix: str) -> None:
    grey = photograph()[..., 0]
    path = tmp_path / f"grey{suffix}"
    Image.fromarray(grey).save(path)
    np.testing.assert_array_equal(read_image(path), np.stack([grey] * 3, -1))


def test_transparency_is_composited_over_white(tmp_path: Path) -> None:
    layer = np.zeros([20, 20, 4], np.uint8)
    layer[..., 0] = 200
    layer[:10, :, 3] = 255  # opaque red above, half transparent in the middle, nothing below
    layer[10:15, :, 3] = 128
    path = tmp_path / "layer.png"
    Image.fromarray(layer).save(path)
    image = read_image(path)
    np.testing.assert_array_equal(image[0, 0], [200, 0, 0])
    # 200 * 128/255 + 255 * 127/255 = 227.4, 0 + 127 = 127
    np.testing.assert_allclose(image[12, 0], [227, 127, 127], atol=1)
    np.testing.assert_array_equal(image[19, 0], [255, 255, 255])


def test_transparent_palette_and_grey_with_alpha(tmp_path: Path) -> None:
    palette = Image.new("P", (20, 20), 1)
    palette.putpalette([10, 20, 30, 40, 50, 60])
    palette.putpixel((0, 0), 0)
    palette.save(tmp_path / "palette.png", transparency=0)
    image = read_image(tmp_path / "palette.png")
    np.testing.assert_array_equal(image[0, 0], [255, 255, 255])
    np.testing.assert_array_equal(image[1, 1], [40, 50, 60])

    Image.new("LA", (20, 20), (70, 255)).save(tmp_path / "la.png")
    np.testing.assert_array_equal(read_image(tmp_path / "la.png")[3, 3], [70, 70, 70])


@pytest.mark.parametrize("suffix", [".png", ".pgm", ".tiff"])
def test_sixteen_bits_are_scaled_to_eight(tmp_path: Path, suffix: str) -> None:
    grey = np.linspace(0, 65535, 400).round().astype(np.uint16).reshape(20, 20)
    path = tmp_path / f"deep{suffix}"
    Image.fromarray(grey).save(path)
    expected = np.round(grey / 65535 * 255).astype(np.uint8)
    np.testing.assert_array_equal(read_image(path), np.stack([expected] * 3, -1))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path: Path, orientation: int) -> None:
    # EXIF 2.3, tag 0x0112: what the stored rows and columns are of the upright picture; the
    # inverse of each turns the upright picture into the stored one.
    stored = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.swapaxes(0, 1),
        6: lambda a: np.rot90(a, 1),  # to be turned clockwise for display
        7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
        8: lambda a: np.rot90(a, -1),
    }[orientation](photograph())
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(stored)).save(tmp_path / "turned.png", exif=exif)
    np.testing.assert_array_equal(read_image(tmp_path / "turned.png"), photograph())


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_damaged_exif_is_no_reason_to_refuse(tmp_path: Path) -> None:
    path = tmp_path / "exif.jpg"
    Image.fromarray(photograph()).save(path, quality=95, exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert np.abs(read_image(path).astype(int) - photograph()).mean() < 3


def test_first_frame_of_an_animation(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(read_image(tmp_path / "moving.gif")[5, 5], [255, 0, 0])


def test_missing_folder_empty(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.jpg: there is no such image"):
        read_image(tmp_path / "nowhere.jpg")
    with pytest.raises(InputError, match="is a folder"):
        read_image(tmp_path)
    empty = tmp_path / "empty.jpg"
    empty.touch()
    with pytest.raises(InputError, match=r"empty\.jpg is empty"):
        read_image(empty)
    with pytest.raises(InputError, match=r"no such image|cannot be read"):
        read_image("nul\0byte.jpg")


@pytest.mark.parametrize(
    "content", [b"this is not an image", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"<svg/>", bytes(1000)]
)
def test_not_an_image(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.jpg"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"notes\.jpg is not an image"):
        read_image(path)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".pgm", ".bmp", ".webp", ".tiff", ".gif"])
@pytest.mark.parametrize("fraction", [0.3, 0.6, 0.9])
def test_truncated(tmp_path: Path, rng: np.random.Generator, suffix: str, fraction: float) -> None:
    noise = rng.integers(0, 256, [64, 64] if suffix == ".pgm" else [64, 64, 3], np.uint8)
    path = tmp_path / f"face{suffix}"
    Image.fromarray(noise).save(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * fraction)])
    with pytest.raises(InputError, match=f"face{suffix} is (truncated|not an image)"):
        read_image(path)


@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_whose_rest_was_never_written(tmp_path: Path, progressive: bool) -> None:
    """A download into a file of its full length leaves zeros, which decoders show as grey.

    The thumbnail in the EXIF data is whole and has an end marker of its own.
    """
    path = tmp_path / "face.jpg"
    thumbnail = tmp_path / "thumbnail.jpg"
    Image.fromarray(photograph(20, 20)).save(thumbnail)
    Image.fromarray(photograph(200, 300)).save(
        path, progressive=progressive, exif=b"Exif\0\0" + thumbnail.read_bytes()
    )
    read_image(path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] + bytes(len(data) - len(data) // 2))
    with pytest.raises(InputError, match="is truncated"):
        read_image(path)


@pytest.mark.parametrize("size", [(1, 1), (MIN_SIDE - 1, 100), (100, MIN_SIDE - 1)])
def test_too_small(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "dot.png"
    Image.new("RGB", size[::-1]).save(path)
    with pytest.raises(InputError, match=rf"dot\.png has {size[0]}x{size[1]} pixels"):
        read_image(path)


def test_smallest_that_is_read(tmp_path: Path) -> None:
    Image.new("RGB", (MIN_SIDE, MIN_SIDE)).save(tmp_path / "small.png")
    assert read_image(tmp_path / "small.png").shape == (MIN_SIDE, MIN_SIDE, 3)


def _png_of_zeros(height: int, width: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    # One row's worth of data: enough to open, never to be decoded.
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(1 + 3 * width)))
        + chunk(b"IEND", b"")
    )


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [int(MAX_PIXELS**0.5) + 1, 10_000, 20_000, 65_000])
def test_enormous_costs_neither_time_nor_memory(tmp_path: Path, side: int) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(_png_of_zeros(side, side))
    read_nothing = time.perf_counter()
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=r"bomb\.png has .* at most 64 megapixels"):
            read_image(path)
        assert tracemalloc.get_traced_memory()[1] < 5e6
    finally:
        tracemalloc.stop()
    assert time.perf_counter() - read_nothing < 20


def test_a_damaged_length_takes_no_memory(tmp_path: Path) -> None:
    """The picture's data claims 2 GiB."""
    path = tmp_path / "face.png"
    Image.fromarray(photograph()).save(path)
    whole = path.read_bytes()
    length = whole.index(b"IDAT") - 4
    path.write_bytes(whole[:length] + struct.pack(">I", 0x7FFFFFFF) + whole[length + 4 :])
    tracemalloc.start()
    try:
        with contextlib.suppress(InputError):  # pillow reads it or does not
            read_image(path)
        assert tracemalloc.get_traced_memory()[1] < 5e6
    finally:
        tracemalloc.stop()


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    kind=st.sampled_from(["JPEG", "PNG", "PPM", "BMP", "WEBP", "TIFF", "GIF"]),
    edits=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=8),
    length=st.floats(0.05, 1),
)
@pytest.mark.filterwarnings("ignore")
def test_damaged_bytes_are_read_or_refused(
    tmp_path: Path, kind: str, edits: list[tuple[int, int]], length: float
) -> None:
    path = tmp_path / "fuzzed"
    Image.fromarray(photograph(24, 24)).save(path, kind)
    data = bytearray(path.read_bytes())
    for place, value in edits:
        data[place % len(data)] = value
    path.write_bytes(data[: int(len(data) * length)])
    try:
        image = read_image(path)
    except InputError as error:
        assert "fuzzed" in str(error)  # noqa: PT017 - either outcome is right
    else:
        assert image.dtype == np.uint8
        assert image.shape[-1] == 3


@pytest.mark.parametrize("suffix", [".png", ".PNG"])
def test_write_and_read_again(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "new folder" / f"face{suffix}"
    write_image(path, photograph())
    np.testing.assert_array_equal(read_image(path), photograph())
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_write_rounds_to_the_nearest_level(tmp_path: Path) -> None:
    image = np.zeros([16, 16, 3], np.float32)
    image[0, 0] = [1.0, 0.5, 0.1]  # 255, 127.5 to even 128, 25.5000004 to 26
    write_image(tmp_path / "face.png", image)
    np.testing.assert_array_equal(read_image(tmp_path / "face.png")[0, 0], [255, 128, 26])


def test_write_jpeg(tmp_path: Path) -> None:
    write_image(tmp_path / "face.jpeg", photograph() / 255.0)
    assert np.abs(read_image(tmp_path / "face.jpeg").astype(int) - photograph()).mean() < 2


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros([16, 16]), r"expected shape \[H, W, 3\], got \[16, 16\]"),
        (np.zeros([16, 16, 4], np.uint8), r"got \[16, 16, 4\]"),
        (np.zeros([16, 16, 3], np.int64), "expected uint8 or floating point, got int64"),
        (np.full([16, 16, 3], 1.01), r"expected values in \[0, 1\], got 1.01"),
        (np.full([16, 16, 3], np.nan), r"expected values in \[0, 1\], got nan"),
    ],
)
def test_write_refuses(tmp_path: Path, image: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        write_image(tmp_path / "face.png", image)
    assert not list(tmp_path.iterdir())


def test_write_to_another_format_or_place(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"face\.gif: images are written as"):
        write_image(tmp_path / "face.gif", photograph())
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"):
        write_image(tmp_path / "file" / "face.png", photograph())
