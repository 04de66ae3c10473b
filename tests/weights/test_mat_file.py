"""MATLAB files that unfold too far, or are none."""

from __future__ import annotations

import contextlib
import struct
import tracemalloc
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io

from weights.errors import InputError
from weights.mat_file import load_mat

HEADER = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM"


@pytest.mark.parametrize("compressed", [False, True])
def test_reads_what_scipy_writes(tmp_path: Path, compressed: bool) -> None:
    path = tmp_path / "x.mat"
    cell = np.empty((1, 3), object)
    cell[0, 0], cell[0, 1], cell[0, 2] = np.arange(3.0), "two", {"deep": np.float32([[7.0]])}
    several = np.zeros(2, [("a", "f8")])
    several["a"] = [1.0, 2.0]
    values = {
        "matrix": np.arange(24.0).reshape(2, 3, 4).astype(np.float32),
        "small": np.array([[1, 2, 3]], np.uint8),
        "whole": np.arange(300, dtype=np.int64).reshape(3, 100),
        "text": "a face",
        "empty": np.zeros((0, 0)),
        "cell": cell,
        "one": {"name": "conv1_1", "a_longer_name_of_a_field": np.eye(2)},
        "several": several,
        "complex": np.array([1j]),
    }
    scipy.io.savemat(path, values, do_compression=compressed)
    read = load_mat(path, 1 << 20)
    assert set(read) == set(values)
    for name in ("matrix", "small", "whole", "empty"):
        np.testing.assert_array_equal(read[name], values[name])
    assert read["matrix"].dtype == np.float32
    assert read["text"] == "a face"
    np.testing.assert_array_equal(read["cell"][0, 0].ravel(), [0.0, 1.0, 2.0])
    assert read["cell"][0, 1] == "two"
    assert read["cell"][0, 2]["deep"] == 7.0
    assert read["one"]["name"] == "conv1_1"
    np.testing.assert_array_equal(read["one"]["a_longer_name_of_a_field"], np.eye(2))
    assert [item["a"].item() for item in read["several"].ravel()] == [1.0, 2.0]
    assert read["complex"] is None
    with pytest.raises(InputError, match="unfolds to more than 0 MiB"):
        load_mat(path, 50)


def test_big_endian_files(tmp_path: Path) -> None:
    # A 1x2 single matrix, written by hand in the order of old workstations.
    flags = struct.pack(">IIII", 6, 8, 7, 0)
    sizes = struct.pack(">IIii", 5, 8, 1, 2)
    name = struct.pack(">HHc3x", 1, 1, b"x")  # a short element: length, type, data
    numbers = struct.pack(">IIff", 7, 8, 1.5, -2.0)
    body = flags + sizes + name + numbers
    path = tmp_path / "big.mat"
    header = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x01\x00MI"
    path.write_bytes(header + struct.pack(">II", 14, len(body)) + body)
    np.testing.assert_array_equal(load_mat(path, 1 << 10)["x"], [[1.5, -2.0]])


def test_a_compressed_bomb_costs_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "bomb.mat"
    # 256 MiB of zeros in a quarter of a megabyte.
    packer = zlib.compressobj(9)
    packed = b"".join([*(packer.compress(bytes(1 << 20)) for _ in range(256)), packer.flush()])
    path.write_bytes(HEADER + struct.pack("<II", 15, len(packed)) + packed)
    assert path.stat().st_size < 1 << 19
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match="unfolds to more than 1 MiB"):
            load_mat(path, 1 << 20)
        with pytest.raises(InputError, match="unfolds to more than 20 times its size"):
            load_mat(path, 1 << 30)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


def _element(kind: int, data: bytes, order: str = "<") -> bytes:
    return struct.pack(f"{order}II", kind, len(data)) + data + bytes(-len(data) % 8)


def _matrix(kind: int, sizes: tuple[int, ...], *parts: bytes, order: str = "<") -> bytes:
    return _element(
        14,
        _element(6, struct.pack(f"{order}II", kind, 0), order)
        + _element(5, struct.pack(f"{order}{len(sizes)}i", *sizes), order)
        + _element(1, b"x", order)
        + b"".join(parts),
        order,
    )


def _load(path: Path, *matrices: bytes, largest: int = 1 << 20, order: str = "<") -> dict:
    header = HEADER if order == "<" else HEADER[:124] + b"\x01\x00MI"
    path.write_bytes(header + b"".join(matrices))
    return load_mat(path, largest)


def _nested(depth: int) -> bytes:
    cell = _matrix(6, (1, 1), _element(9, bytes(8)))
    for _ in range(depth):
        cell = _matrix(1, (1, 1), cell)
    return cell


def _structures(count: int, length: int, names: bytes) -> bytes:
    fields = _element(5, struct.pack("<i", length)) + _element(1, names)
    return _matrix(2, (1, count), fields, bytes(count))


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (_matrix(6, (100_000, 100_000), _element(9, bytes(8))), "larger than the file"),
        (_matrix(6, (1 << 30, 1 << 30, 1 << 30), _element(9, bytes(8))), "larger than the file"),
        (_matrix(6, (-1, -1), _element(9, bytes(8))), "larger than the file"),
        (_matrix(6, (1, 3), _element(9, bytes(16))), "other dimensions than numbers"),
        (_matrix(6, (1, 2), _element(99, bytes(16))), "numbers of an unknown type"),
        (_matrix(1, (1 << 20, 1 << 20)), "larger than the file"),
        (_matrix(1, (1, 2), _matrix(6, (1, 1), _element(9, bytes(8)))), "an element is missing"),
        (_matrix(1, (1, 1), _element(9, bytes(8))), "holds no matrix"),
        (_matrix(2, (1, 1), _element(5, bytes(4)), _element(1, bytes(4))), "another length"),
        (_matrix(2, (1, 1), _element(5, bytes(8)), _element(1, bytes(4))), "length of its fields"),
        (_matrix(4, (1, 1), _element(9, bytes(8))), "text of an unknown type"),
        (_nested(40), "nested too deeply"),
        (_nested(17), "nested too deeply"),
        (_element(14, _element(6, bytes(4))), "a matrix without its class"),
        (_element(14, _element(6, bytes(12))), "a matrix without its class"),
        (_matrix(6, (), _element(9, b"")), "larger than the file"),
        (_matrix(6, (-1, 0), _element(9, b"")), "larger than the file"),
        (_matrix(6, (1, 1), struct.pack("<HHI", 9, 5, 0)), "a short element is too long"),
        (_matrix(6, (1, 1), _element(9, bytes(8))[:-1]), "an element reaches beyond the end"),
        (_matrix(2, (1, 1), _element(5, struct.pack("<i", 0)), _element(1, b"a")), "another leng"),
        # A byte stands for each element, and none for structures without fields.
        (_structures(500_000, 1, b""), "several structures without fields"),
        (_structures(2, 1, b""), "several structures without fields"),
        (_structures(50_000, 1, b"ab"), "too many parts"),
        (_structures(0, 1, bytes(500_000)), "too many parts"),
        (_matrix(1, (1, 900_000), bytes(900_000)), "too many parts"),
        (struct.pack("<II", 14, 1 << 31), "beyond the end"),
        (struct.pack("<II", 15, 8) + bytes(8), "damaged"),
    ],
)
def test_sizes_that_lie_cost_no_memory(tmp_path: Path, matrix: bytes, message: str) -> None:
    path = tmp_path / "hostile.mat"
    path.write_bytes(HEADER + matrix)
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=message):
            load_mat(path, 1 << 20)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("kind", "dtype"),
    [
        *((6, "f8"), (7, "f4"), (8, "i1"), (9, "u1"), (10, "i2"), (11, "u2"), (12, "i4")),
        *((13, "u4"), (14, "i8"), (15, "u8")),
    ],
)
def test_every_class_of_numbers_in_every_type_that_holds_them(
    tmp_path: Path, kind: int, dtype: str, order: str
) -> None:
    """MATLAB stores numbers in column order and in fewer bytes than their class has."""
    types = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8"}
    for stored, as_stored in {**types, 13: "u8"}.items():
        data = np.array([1, 2, 3, 100, 0, 7], order + as_stored).tobytes()
        matrix = _matrix(kind, (2, 3), _element(stored, data, order), order=order)
        values = _load(tmp_path / "x.mat", matrix, order=order)["x"]
        assert values.dtype == dtype
        assert values.tolist() == [[1, 3, 0], [2, 100, 7]]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("stored", "encoding"),
    [
        *((1, "latin-1"), (2, "latin-1"), (4, "utf-16"), (16, "utf-8"), (17, "utf-16")),
        (18, "utf-32"),
    ],
)
def test_text_in_every_encoding(tmp_path: Path, stored: int, encoding: str, order: str) -> None:
    suffix = {"<": "-le", ">": "-be"}[order] if encoding in ("utf-16", "utf-32") else ""
    data = "Zo\xeb".encode(encoding + suffix)
    matrix = _matrix(4, (1, 3), _element(stored, data, order), order=order)
    assert _load(tmp_path / "x.mat", matrix, order=order) == {"x": "Zo\xeb"}


def test_cells_and_structures_in_column_order(tmp_path: Path) -> None:
    def number(value: float) -> bytes:
        return _matrix(6, (1, 1), _element(9, struct.pack("<d", value)))

    numbers = [number(k) for k in range(6)]
    cell = _load(tmp_path / "x.mat", _matrix(1, (2, 3), *numbers))["x"]
    assert [[float(item[0, 0]) for item in row] for row in cell] == [[0, 2, 4], [1, 3, 5]]
    # Two fields, names of eight bytes each, for each of two structures in turn.
    fields = _element(5, struct.pack("<i", 8)) + _element(1, b"a\0junk\0\0longname")
    found = _load(tmp_path / "x.mat", _matrix(2, (2, 1), fields, *numbers[:4]))["x"]
    assert found.shape == (2, 1)
    assert [[(name, float(v[0, 0])) for name, v in item.items()] for item in found[:, 0]] == [
        [("a", 0.0), ("longname", 1.0)],
        [("a", 2.0), ("longname", 3.0)],
    ]
    nothing = _element(5, struct.pack("<i", 8)) + _element(1, b"")
    assert _load(tmp_path / "x.mat", _matrix(2, (1, 1), nothing)) == {"x": {}}
    assert _load(tmp_path / "x.mat", _matrix(2, (0, 0), nothing))["x"].shape == (0, 0)
    # Classes that no network needs, and matrices without anything.
    assert _load(tmp_path / "x.mat", _matrix(16, (1, 1), _element(9, bytes(8)))) == {"x": None}
    assert _load(tmp_path / "x.mat", _element(14, b""))[""].shape == (0, 0)


def test_every_variable_however_compressed(tmp_path: Path, rng: np.random.Generator) -> None:
    """Noise does not shrink: more than two blocks of a mebibyte are unpacked piece by piece."""
    noise = rng.normal(size=(1000, 400))
    values = {"a": np.arange(3.0), "noise": noise, "b": "text", "zeros": np.zeros((512, 256))}
    scipy.io.savemat(tmp_path / "x.mat", values, do_compression=True)
    read = load_mat(tmp_path / "x.mat", 1 << 25)
    assert list(read) == list(values)
    np.testing.assert_array_equal(read["noise"], noise)
    assert read["b"] == "text"
    assert read["zeros"].shape == (512, 256)
    assert not read["zeros"].any()


def test_limits_to_the_byte(tmp_path: Path) -> None:
    path = tmp_path / "x.mat"
    matrix = _matrix(6, (1, 2), _element(9, bytes(16)))
    unfolded = 2 * (len(matrix) - 8)  # of two variables, each without its tag
    assert _load(path, matrix, matrix, largest=unfolded)["x"].shape == (1, 2)
    with pytest.raises(InputError, match="unfolds to more than 0 MiB"):
        load_mat(path, unfolded - 1)
    with pytest.raises(InputError, match="unfolds to more than 3 MiB"):
        _load(path, _matrix(6, (1 << 19, 1), _element(9, bytes(1 << 22))), largest=3 << 20)
    # Sixteen cells around a matrix, and a hundred thousand parts, are the most.
    inner = _load(path, _nested(16))["x"]
    for _ in range(16):
        inner = inner[0, 0]
    assert inner.item() == 0.0
    nothing = _element(14, b"")
    cell = _load(path, _matrix(1, (1, 99_999), nothing * 99_999), largest=1 << 22)["x"]
    assert cell.shape == (1, 99_999)
    with pytest.raises(InputError, match="too many parts"):
        _load(path, _matrix(1, (1, 100_000), nothing * 100_000), largest=1 << 22)


def test_twenty_times_a_files_size_and_a_mebibyte_are_the_most(tmp_path: Path) -> None:
    for beyond, message in ((0, None), (1 << 16, "unfolds to more than 20 times its size")):
        size = (1 << 20) + beyond
        packed = zlib.compress(_matrix(9, (1, size), _element(2, bytes(size))), 9)
        assert 1000 < len(packed) < 1300  # times 20 is about 23 KiB
        compressed = struct.pack("<II", 15, len(packed)) + packed
        if message is None:
            assert _load(tmp_path / "x.mat", compressed, largest=1 << 24)["x"].shape == (1, size)
        else:
            with pytest.raises(InputError, match=message):
                _load(tmp_path / "x.mat", compressed, largest=1 << 24)


def test_truncated_anywhere(tmp_path: Path, rng: np.random.Generator) -> None:
    path = tmp_path / "x.mat"
    scipy.io.savemat(path, {"x": rng.normal(size=40)}, do_compression=True)
    content = path.read_bytes()
    for length in range(20, len(content), 7):
        if length == 128:
            continue  # the header alone is a file without variables
        path.write_bytes(content[:length])
        with pytest.raises(InputError, match=r"truncated|an empty file|unknown kind|a text file"):
            load_mat(path, 1 << 20)


def test_flipped_bytes_never_escape_as_other_errors(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    path = tmp_path / "x.mat"
    cell = np.empty((1, 2), object)
    cell[0, 0], cell[0, 1] = np.arange(3.0), {"deep": np.eye(2)}
    scipy.io.savemat(path, {"net": {"layers": cell}, "text": "abc"})
    content = path.read_bytes()
    for _ in range(500):
        damaged = bytearray(content)
        for position in rng.integers(0, len(content), 3):
            damaged[position] = rng.integers(0, 256)
        path.write_bytes(damaged)
        with contextlib.suppress(InputError):
            load_mat(path, 1 << 20)


def test_matlab_7_3_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "x.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        file["x"] = np.zeros(3)
    with path.open("r+b") as stream:
        stream.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64")
    with pytest.raises(InputError, match=r"MATLAB 7.3 file.*-v7"):
        load_mat(path, 1 << 20)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"an empty file; get it again\. A MATLAB \.mat is needed"),
        (b"<html>", "a web page"),
        (b"MATLAB 5.0 MAT-file, but short", "its header"),
    ],
)
def test_other_content(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "x.mat"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        load_mat(path, 1 << 20)
