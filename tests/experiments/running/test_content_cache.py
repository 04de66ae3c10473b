from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from experiments.running import content_cache


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RESGN_CACHE_DIR", str(tmp_path))
    return tmp_path


def kept(value: float, calls: list[int], like: np.ndarray | None = None) -> np.ndarray:
    def compute() -> np.ndarray:
        calls.append(1)
        return np.full(3, value)

    return content_cache.kept("kind", "name", np.zeros(3) if like is None else like, compute)


def test_an_array_is_computed_once(cache: Path) -> None:
    calls: list[int] = []
    for value in (1.0, 2.0):
        np.testing.assert_array_equal(kept(value, calls), [1.0, 1.0, 1.0])
    assert len(calls) == 1
    assert [path.name for path in (cache / "kind").iterdir()] == ["name.npy"]


@pytest.mark.parametrize("damage", ["bytes", "shape", "type"])
def test_what_is_damaged_is_computed_anew(
    cache: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    calls: list[int] = []
    kept(1.0, calls)
    file = cache / "kind" / "name.npy"
    if damage == "bytes":
        file.write_bytes(file.read_bytes()[:-5])
    else:
        np.save(file, np.zeros(2) if damage == "shape" else np.zeros(3, np.float32))
    np.testing.assert_array_equal(kept(2.0, calls), [2.0, 2.0, 2.0])
    np.testing.assert_array_equal(kept(3.0, calls), [2.0, 2.0, 2.0])
    assert len(calls) == 2
    assert "computed anew" in caplog.text


def test_a_cache_that_cannot_be_written_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("RESGN_CACHE_DIR", str(tmp_path / "file"))
    np.testing.assert_array_equal(kept(1.0, []), [1.0, 1.0, 1.0])
    assert "cannot be written" in caplog.text


def test_what_one_of_several_machines_lacks_all_compute_together() -> None:
    calls: list[int] = []
    kept(1.0, calls)

    def compute() -> np.ndarray:
        calls.append(1)
        return np.full(3, 5.0)

    found = content_cache.kept("kind", "name", np.zeros(3), compute, lambda here: False)
    np.testing.assert_array_equal(found, [5.0, 5.0, 5.0])
    assert len(calls) == 2


def test_names_hang_on_all_that_decides() -> None:
    array = np.arange(6.0)
    names = [
        content_cache.digest(settings, [each])
        for settings, each in (
            ([1], array),
            ([2], array),
            ([1], array[::-1]),
            ([1], array.reshape(2, 3)),
            ([1], array.astype(np.float32)),
        )
    ]
    assert len(set(names)) == 5
    assert content_cache.digest([1], [array.copy()]) == names[0]
