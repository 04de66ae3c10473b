from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from weights.errors import InputError
from weights.files import content_hash, sha256


def test_a_file_by_its_content_alone(tmp_path: Path) -> None:
    for name, data in (("a.h5", b"weights"), ("b.h5", b"weights"), ("c.h5", b"weighty")):
        (tmp_path / name).write_bytes(data)
    one, same, other = (content_hash(tmp_path / f"{name}.h5") for name in "abc")
    assert one == same == sha256(tmp_path / "a.h5") == hashlib.sha256(b"weights").hexdigest()
    assert other != one


def test_a_checkpoint_by_all_its_files(tmp_path: Path) -> None:
    for ending, data in ((".index", b"index"), (".data-00000-of-00001", b"numbers")):
        (tmp_path / f"model.ckpt{ending}").write_bytes(data)
    (tmp_path / "model.ckpt-other.index").write_bytes(b"of another")
    before = content_hash(tmp_path / "model.ckpt")
    (tmp_path / "model.ckpt-other.index").write_bytes(b"changed")
    assert content_hash(tmp_path / "model.ckpt") == before
    (tmp_path / "model.ckpt.data-00000-of-00001").write_bytes(b"members")  # of the same length
    assert content_hash(tmp_path / "model.ckpt") != before


def test_a_folder_by_all_that_is_in_it(tmp_path: Path) -> None:
    for place, names in (("one", "ab"), ("other", "ba")):
        (tmp_path / place / "variables").mkdir(parents=True)
        for name, data in zip(names, (b"1", b"2"), strict=True):
            (tmp_path / place / "variables" / name).write_bytes(data)
    assert content_hash(tmp_path / "one") != content_hash(tmp_path / "other")


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.ckpt: no such file"):
        content_hash(tmp_path / "none.ckpt")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no such file"):
        content_hash(tmp_path / "empty")
