from __future__ import annotations

from pathlib import Path

import pytest

from weights.errors import InputError
from weights.text_file import read_lines

TEXT = "1\n\nJosé\t顔\r\n  \nlast"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_any_encoding_that_says_what_it_is(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(TEXT.encode(encoding))
    assert read_lines(path) == [(1, "1"), (3, "José\t顔"), (5, "last")]


def test_utf_16_big_endian(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(b"\xfe\xff" + TEXT.encode("utf-16-be"))
    assert read_lines(path)[1] == (3, "José\t顔")


@pytest.mark.parametrize("data", [b"Jos\xe9 1", "a 1\n".encode("utf-16-le"), b"\xff\xfea", b"\0\0"])
def test_no_text(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"list\.txt cannot be read as text .*; save it as UTF-8"):
        read_lines(path)


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.txt cannot be read"):
        read_lines(tmp_path / "none.txt")
