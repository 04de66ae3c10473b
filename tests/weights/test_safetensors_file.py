"""safetensors files: true ones, and ones that lie."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest

from tests.weights import safetensors_writer as writer
from weights.errors import InputError
from weights.safetensors_file import SafetensorsFile


def test_every_kind_of_numbers(tmp_path: Path) -> None:
    matrix = np.arange(6, dtype="<f4").reshape(2, 3) / 8
    three = np.array([0.5, -1.25, 3.0])
    # bfloat16 is the upper half of a float32.
    upper = (three.astype("<f4").view("<u4") >> 16).astype("<u2")
    path = writer.write_arrays(
        tmp_path / "w.safetensors",
        {
            "half": three.astype("<f2"),
            "matrix": matrix,
            "double": three.astype("<f8"),
            "bfloat16": upper,
            "scalar": np.array(2.5, "<f4"),
            "whole": np.array([1, 2], "<i8"),
            "nothing": np.zeros((0, 3), "<f4"),
        },
        {"half": "F16", "double": "F64", "bfloat16": "BF16", "whole": "I64"},
    )
    file = SafetensorsFile(path)
    assert file.names() == ["half", "matrix", "double", "bfloat16", "scalar", "whole", "nothing"]
    assert file.shape("matrix") == (2, 3)
    assert file.shape("absent") is None
    read = file.read("matrix", (2, 3))
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, matrix)
    for name in ("half", "double", "bfloat16"):
        read = file.read(name, (3,))
        assert read.dtype == np.float32
        np.testing.assert_array_equal(read, three)  # all of them are exact in every type
    assert file.read("scalar", ()) == 2.5
    assert file.read("nothing", (0, 3)).shape == (0, 3)
    with pytest.raises(InputError, match=r"matrix is F32 of shape \(2, 3\).* of \(3, 2\)"):
        file.read("matrix", (3, 2))
    with pytest.raises(InputError, match="whole is I64"):
        file.read("whole", (2,))
    with pytest.raises(InputError, match="tensor absent is missing"):
        file.read("absent", (1,))


def test_truncated_anywhere_is_a_clear_error(tmp_path: Path) -> None:
    path = writer.write_arrays(tmp_path / "w.safetensors", {"a": np.ones((4, 5), "<f4")})
    content = path.read_bytes()
    for length in range(0, len(content), 7):
        path.write_bytes(content[:length])
        with pytest.raises(InputError):
            SafetensorsFile(path).read("a", (4, 5))


def test_flipped_bytes_never_escape_as_other_errors(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    path = writer.write_arrays(tmp_path / "w.safetensors", {"a": np.ones((4, 5), "<f4")})
    content = path.read_bytes()
    for _ in range(300):
        damaged = bytearray(content)
        for position in rng.integers(0, len(content), 3):
            damaged[position] = rng.integers(0, 256)
        path.write_bytes(damaged)
        try:
            file = SafetensorsFile(path)
            for name in file.names():
                shape = file.shape(name)
                assert shape is not None
                file.read(name, shape)
        except InputError:
            pass


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"data_offsets": [0, 16]}, "is incomplete"),  # 3 numbers take 12 bytes
        ({"data_offsets": [1, 13]}, "is incomplete"),  # the last byte is not there
        ({"data_offsets": [12, 0]}, "is incomplete"),
        ({"data_offsets": [-12, 0]}, "damaged"),
        ({"data_offsets": [0]}, "damaged"),
        ({"data_offsets": [0.0, 12.0]}, "damaged"),
        ({"shape": [-3]}, "damaged"),
        ({"shape": [True, 3]}, "damaged"),
        ({"shape": [1 << 40]}, "the network needs"),
        ({"dtype": ["F32"]}, "the network needs"),
    ],
)
def test_entries_that_lie_are_refused(
    tmp_path: Path, entry: dict[str, object], message: str
) -> None:
    whole = {"dtype": "F32", "shape": [3], "data_offsets": [0, 12]} | entry
    header = json.dumps({"a": whole}).encode()
    path = writer.write(tmp_path / "w.safetensors", header, bytes(12))
    with pytest.raises(InputError, match=message):
        SafetensorsFile(path).read("a", (3,))


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b"{}", "holds no tensors"),
        (b'{"__metadata__": {}}', "holds no tensors"),
        (b'{"a": 3}', "damaged"),
        (b'{"a": {}}', "damaged"),
        (b"{" + b'"a": {' * 100_000, "damaged"),
        (b'{"a": \xff}', "damaged"),
    ],
)
def test_headers_that_say_nothing(tmp_path: Path, header: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        SafetensorsFile(writer.write(tmp_path / "w.safetensors", header))


def test_absurd_header_costs_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes((100 << 20).to_bytes(8, "little") + b"{}")
    with pytest.raises(InputError, match="absurdly large"):
        SafetensorsFile(path)


def test_other_files_and_numbers_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(b"<html>Sign in</html>")
    with pytest.raises(InputError, match=r"a web page.*A safetensors file is needed"):
        SafetensorsFile(path)
    writer.write_arrays(path, {"a": np.array([1.0, np.nan], "<f4")})
    with pytest.raises(InputError, match="a holds numbers that are not finite"):
        SafetensorsFile(path).read("a", (2,))
    writer.write_arrays(path, {"a": np.array([1e300], "<f8")}, {"a": "F64"})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(InputError, match="a holds numbers that are not finite"):
            SafetensorsFile(path).read("a", (1,))


def test_what_a_file_says_is_quoted_in_one_short_line(tmp_path: Path) -> None:
    header = {"a\nb" * 99: {"dtype": "I\n64" * 99, "shape": [1] * 99, "data_offsets": [0, 8]}}
    text = json.dumps(header).encode()
    path = tmp_path / "w.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(8))
    file = SafetensorsFile(path)
    with pytest.raises(InputError, match="needs floating point numbers") as refusal:
        file.read(*file.names(), (1,))
    said = str(refusal.value).removeprefix(str(path))
    assert "\n" not in said
    assert len(said) < 300
