"""Members of zip archives."""

from __future__ import annotations

import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from weights import zip_members
from weights.errors import InputError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/x", b"some text")
        archive.writestr("a/random", np.random.default_rng(0).bytes(5000))
        archive.writestr("a/zeros", bytes(64 << 20))
    return tmp_path / "a.zip"


def test_members(path: Path) -> None:
    assert zip_members.names(path) == ["a/x", "a/random", "a/zeros"]
    assert zip_members.read(path, "a/x", 9) == b"some text"
    assert len(zip_members.read(path, "a/random", 5000)) == 5000
    with pytest.raises(
        InputError, match=rf"{path}: a/x in it unfolds to more than weights ever do\.$"
    ):
        zip_members.read(path, "a/x", 8)
    with pytest.raises(InputError, match=rf"^{path}: a damaged or truncated zip archive"):
        zip_members.read(path, "absent", 9)


def test_members_that_lie_about_their_size(path: Path) -> None:
    content = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo("a/x")
    # The size stands in the local header and in the directory at the end: nine bytes.
    size = (9).to_bytes(4, "little")
    assert info.file_size == 9
    for said in (3, 8):
        at = content.rindex(size + len("a/x").to_bytes(2, "little"))
        path.write_bytes(content[:at] + said.to_bytes(4, "little") + content[at + 4 :])
        with pytest.raises(InputError, match=r"damaged or truncated .*CRC"):
            zip_members.read(path, "a/x", 1 << 20)


def test_bombs_cost_no_memory(path: Path) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match="unfolds to more than weights ever do"):
            zip_members.read(path, "a/zeros", 1 << 40)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_damage_and_other_compressions(path: Path, rng: np.random.Generator) -> None:
    content = path.read_bytes()
    for _ in range(100):
        damaged = bytearray(content)
        for position in rng.integers(0, len(content), 40):
            damaged[position] = rng.integers(0, 256)
        path.write_bytes(damaged)
        try:
            for name in zip_members.names(path):
                zip_members.read(path, name, 1 << 20)
        except InputError:
            pass
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("x", b"some text")
    with pytest.raises(InputError, match="compressed in a way unknown here"):
        zip_members.read(path, "x", 9)
    path.write_bytes(b"no archive")
    with pytest.raises(InputError, match=rf"^{path}: a damaged or truncated zip archive"):
        zip_members.names(path)
