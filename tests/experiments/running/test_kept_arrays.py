from __future__ import annotations

import numpy as np

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
