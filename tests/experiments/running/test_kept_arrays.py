from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from experiments.running.kept_arrays import KeptArrays


def test_an_array_is_computed_once_and_again_if_it_is_damaged(tmp_path) -> None:
    computed: list[int] = []

    def compute() -> np.ndarray:
        computed.append(1)
        return np.arange(3.0)

    for _ in range(2):
        np.testing.assert_array_equal(KeptArrays(tmp_path / "a")("x", compute), [0.0, 1.0, 2.0])
    assert len(computed) == 1
    file = tmp_path / "a" / "x.npy"
    for damaged in (b"", file.read_bytes()[:-5], b"no array"):
        file.write_bytes(damaged)
        np.testing.assert_array_equal(KeptArrays(tmp_path / "a")("x", compute), [0.0, 1.0, 2.0])
    assert len(computed) == 4


def test_chunks_that_are_done_remain(tmp_path: Path) -> None:
    """Of a run that is cut off in the middle; what is left is computed with the same inputs."""
    seen: list[list[int]] = []

    def cut_off(chunk: np.ndarray) -> np.ndarray:
        if chunk[0] == 4:
            raise KeyboardInterrupt
        seen.append(list(chunk))
        return 10 * chunk

    inputs = np.arange(7)
    with pytest.raises(KeyboardInterrupt):
        KeptArrays(tmp_path).in_chunks("x", inputs, cut_off, size=2)
    found = KeptArrays(tmp_path).in_chunks("x", inputs, lambda chunk: 10 * chunk, size=2)
    np.testing.assert_array_equal(found, 10 * inputs)
    assert seen == [[0, 1], [2, 3]]


@pytest.mark.parametrize(("before", "after"), [(4, 2), (2, 4)])
def test_chunks_of_another_size_are_not_mixed_in(tmp_path: Path, before: int, after: int) -> None:
    """As on another number of devices."""
    seen: list[list[int]] = []

    def cut_off(chunk: np.ndarray) -> np.ndarray:
        if chunk[0] == 8:
            raise KeyboardInterrupt
        return 10 * chunk

    def counted(chunk: np.ndarray) -> np.ndarray:
        seen.append(list(chunk))
        return 10 * chunk

    inputs = np.arange(10)
    with pytest.raises(KeyboardInterrupt):
        KeptArrays(tmp_path).in_chunks("x", inputs, cut_off, before)
    found = KeptArrays(tmp_path).in_chunks("x", inputs, counted, after)
    np.testing.assert_array_equal(found, 10 * inputs)
    assert np.concatenate(seen).tolist() == list(range(10))
    seen.clear()
    for size in (after, before):
        found = KeptArrays(tmp_path).in_chunks("x", inputs, counted, size)
        np.testing.assert_array_equal(found, 10 * inputs)
        # The chunks of one size are read, and of the other those that hold the same inputs.
        assert (seen == []) == (size == after)
        assert [8, 9] not in seen


def test_another_machine_reads_where_the_chief_writes(tmp_path: Path) -> None:
    chief, own = tmp_path / "chief", tmp_path / "own"
    KeptArrays(chief)("x", lambda: np.arange(2))
    found = KeptArrays(own, chief)("x", lambda: np.zeros(2))
    np.testing.assert_array_equal(found, [0, 1])
    assert not own.exists()
