"""Which files a TensorFlow checkpoint consists of, from what a user may give."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from weights.checkpoint_files import checkpoint_prefix, data_files, is_prefix
from weights.errors import InputError

NAME = "model-20170512-110547.ckpt-250000"


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """A checkpoint of version 2 in two pieces, with its graph beside it."""
    for ending in ("index", "meta", "data-00000-of-00002", "data-00001-of-00002"):
        (tmp_path / f"{NAME}.{ending}").write_bytes(b"x")
    return tmp_path / NAME


def test_every_way_to_name_it(prefix: Path) -> None:
    for given in (
        prefix,
        str(prefix),
        f"{prefix}.index",
        f"{prefix}.meta",
        f"{prefix}.data-00001-of-00002",
        prefix.parent,
    ):
        assert checkpoint_prefix(given) == prefix
    assert [path.name for path in data_files(prefix)] == [
        f"{NAME}.data-00000-of-00002",
        f"{NAME}.data-00001-of-00002",
    ]


def test_what_is_a_prefix(prefix: Path) -> None:
    assert is_prefix(prefix)
    assert not is_prefix(prefix.with_name("model"))
    assert not is_prefix(Path())
    # The index alone still says what was meant, and numbers without it are none.
    for piece in prefix.parent.glob("*.data-*"):
        piece.unlink()
    assert is_prefix(prefix)
    assert data_files(prefix) == []


def test_version_1_is_one_file(tmp_path: Path) -> None:
    path = tmp_path / "old.ckpt"
    path.write_bytes(b"x")
    assert is_prefix(path)
    assert checkpoint_prefix(path) == path
    assert data_files(path) == [path]


def test_signs_that_a_search_takes_for_others(tmp_path: Path) -> None:
    for name in ("a[1]", "a1", "b*", "bb", "c?", "cc"):
        (tmp_path / f"{name}.index").write_bytes(b"x")
        (tmp_path / f"{name}.data-00000-of-00001").write_bytes(b"x")
    for name in ("a[1]", "b*", "c?"):
        assert [path.name for path in data_files(tmp_path / name)] == [
            f"{name}.data-00000-of-00001"
        ]


def test_numbers_without_their_index_are_refused(prefix: Path) -> None:
    Path(f"{prefix}.index").unlink()
    assert data_files(prefix) == []
    assert not is_prefix(prefix)
    message = (
        f"{prefix}: no such checkpoint; a file {NAME}.data-00000-of-00001 and a file {NAME}.index "
        f"belong together in {prefix.parent}."
    )
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        checkpoint_prefix(prefix)


def test_folders_with_none_and_with_several(prefix: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty: a folder\. A checkpoint of TensorFlow 1"):
        checkpoint_prefix(tmp_path / "empty")
    for number in range(6):
        (tmp_path / f"m{number}.ckpt.index").write_bytes(b"x")
    with pytest.raises(
        InputError,
        match=r"several checkpoints \(m0\.ckpt, m1\.ckpt, m2\.ckpt, m3\.ckpt, m4\.ckpt\); give one",
    ):
        checkpoint_prefix(tmp_path)
