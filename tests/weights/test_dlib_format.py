"""dlib's file: where it lies, what it holds, and what happens when it is damaged."""

from __future__ import annotations

import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from weights import dlib_format, files
from weights.errors import InputError


@pytest.fixture(scope="module")
def content() -> bytes:
    return dlib_format.packaged_path().read_bytes()


def _read(path: Path, content: bytes | bytearray) -> dlib_format.FaceResnet:
    path.write_bytes(content)
    return dlib_format.read_face_resnet(path)


def test_the_packaged_file_is_the_published_one() -> None:
    path = dlib_format.packaged_path()
    assert path.name == "dlib_face_recognition_resnet_model_v1.dat"
    assert files.sha256(path) == dlib_format.SHA256
    # Found without importing the package, whose import needs more than is installed.
    assert "face_recognition_models" not in sys.modules


def test_reads_every_number(content: bytes) -> None:
    numbers = dlib_format.read_face_resnet(dlib_format.packaged_path())
    assert len(numbers.convolutions) == 29
    assert numbers.convolutions[0].kernel.shape == (32, 3, 7, 7)
    # The second stage widens from 32 to 64 maps at its first convolution, the eighth of all.
    assert numbers.convolutions[7].kernel.shape == (64, 32, 3, 3)
    assert numbers.convolutions[28].kernel.shape == (256, 256, 3, 3)
    assert numbers.dense.shape == (256, 128)
    # 3 + 4 + 3 + 3 + 1 blocks of two convolutions, and the stem.
    assert len(dlib_format.CONVOLUTION_SHAPES) == 2 * 14 + 1
    for convolution in numbers.convolutions:
        filters = len(convolution.kernel)
        assert convolution.bias.shape == convolution.gamma.shape == (filters,)
        assert convolution.gamma.min() > 0.0
    # The first and the last number, found by hand in the bytes: 4d 45 f0 bc behind the first
    # section's head, and -0.00674624 (a0 0f dd bb) behind the last one's.
    assert numbers.convolutions[0].kernel.flat[0] == np.frombuffer(b"\x4d\x45\xf0\xbc", "<f4")[0]
    assert numbers.dense.flat[0] == np.frombuffer(b"\xa0\x0f\xdd\xbb", "<f4")[0]
    assert content.count(b"\x01\x05con_4") == content.count(b"\x01\x07affine_") == 29


@pytest.mark.parametrize("length", [0, 1, 300, 20_000, 10_000_000, 22_334_900, 22_334_930])
def test_truncated_files(tmp_path: Path, content: bytes, length: int) -> None:
    with pytest.raises(InputError, match="truncated or another one"):
        _read(tmp_path / "cut.dat", content[:length])


def test_the_end_is_missing_though_the_size_fits(tmp_path: Path, content: bytes) -> None:
    # 600 bytes of the last numbers cut off at the end of a file that is 8,000 bytes longer.
    end = content.index(b"\x01\x04fc_2") + 25 + 4 * 256 * 128
    damaged = content[:16] + bytes(3000) + content[16:336] + content[336 : end - 600]
    with pytest.raises(InputError, match="the numbers end too early"):
        _read(tmp_path / "cut.dat", damaged)


@pytest.mark.parametrize(
    ("position", "value", "message"),
    [
        (342, b"\x03", "found sizes"),  # the version of the first tensor
        (344, b"\xff\xff", "found sizes"),  # its length
        (337, b"xxxx", "no section 'con_4' follows"),
        (19_384, b"x", "no section 'affine_' follows"),
        (356, b"\x00\x00\xc0\x7f", "not finite"),  # NaN
        (22_334_903, b"x", "no section 'fc_2' follows"),
    ],
)
def test_damaged_files(
    tmp_path: Path, content: bytes, position: int, value: bytes, message: str
) -> None:
    damaged = bytearray(content)
    damaged[position : position + len(value)] = value
    with pytest.raises(InputError, match=message):
        _read(tmp_path / "damaged.dat", damaged)


def test_other_files_cost_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "huge.dat"
    with path.open("wb") as stream:
        stream.truncate(1 << 36)  # 64 GiB that take no room on the disk
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match="another one"):
            dlib_format.read_face_resnet(path)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
    path.write_bytes(bytes(22_466_066))
    with pytest.raises(InputError, match="no section 'con_4' follows"):
        dlib_format.read_face_resnet(path)
    with pytest.raises(InputError, match="no such file"):
        dlib_format.read_face_resnet(tmp_path / "absent.dat")


def test_a_missing_package_is_a_clear_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip install face-recognition-models"):
        dlib_format.packaged_path()
