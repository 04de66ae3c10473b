"""Files that are either whole or absent."""

from __future__ import annotations

from pathlib import Path

import pytest

from weights.atomic import atomic_path


def test_whole_or_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "below" / "a.json"
    with atomic_path(path) as temporary:
        assert temporary.suffix == ".json"
        assert temporary.parent == path.parent
        temporary.write_text("one")
        assert not path.exists()
    assert path.read_text() == "one"

    def fail() -> None:
        with atomic_path(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        fail()
    assert path.read_text() == "one"
    assert [each.name for each in path.parent.iterdir()] == ["a.json"]


@pytest.mark.parametrize("stem", ["n" * 250, "ü" * 125])
def test_names_as_long_as_there_can_be(tmp_path: Path, stem: str) -> None:
    path = tmp_path / f"{stem}.npy"
    with atomic_path(path) as temporary:
        temporary.write_text("x")
    assert path.read_text() == "x"


def test_errors_name_the_file_that_was_meant() -> None:
    path = Path("/proc/out.json")
    with pytest.raises(OSError) as raised, atomic_path(path):  # noqa: PT011, the system chooses
        pass
    assert raised.value.filename == str(path)
