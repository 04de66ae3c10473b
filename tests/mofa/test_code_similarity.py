from __future__ import annotations

import numpy as np

from mofa import code as codes
from mofa.code_similarity import auc_interval, unit_parts
from mofa.identity import pair_similarities


def test_interval_holds_the_area_and_narrows_with_people(rng) -> None:
    def interval(count: int) -> tuple[float, float]:
        people = np.repeat(np.arange(count), 4)
        centres = rng.normal(size=(count, 16))
        embeddings = centres[people] + 1.5 * rng.normal(size=(4 * count, 16))
        embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
        return auc_interval(pair_similarities(embeddings, people)[0], people, 100, 0)

    few, many = interval(10), interval(80)
    assert 0.5 < few[0] < few[1] <= 1.0
    assert many[1] - many[0] < few[1] - few[0]


def test_area_by_hand() -> None:
    # Pictures of two people, two each. Pairs in order: 01 same, 02, 03, 12, 13, 23 same.
    # Every draw with both people has the same area: of the 2 x 4 couples of a same pair and a
    # different one, 0.9 beats all four and 0.5 beats 0.1 and 0.2 alone: (4 + 2) / 8.
    similarities = np.array([0.9, 0.1, 0.6, 0.2, 0.7, 0.5])
    assert auc_interval(similarities, np.array([0, 0, 1, 1]), 50, 0) == (0.75, 0.75)


def test_only_the_named_parts_count(rng) -> None:
    code = rng.normal(size=(6, codes.SIZE)).astype(np.float32)
    other = code.copy()
    other[:, codes.SLICES["light"]] = 9.0
    np.testing.assert_array_equal(unit_parts(code, ("shape",)), unit_parts(other, ("shape",)))
    assert unit_parts(code, ("shape", "albedo")).shape == (6, 160)
    np.testing.assert_allclose(
        np.linalg.norm(unit_parts(code, ("albedo",)), axis=1), 1.0, rtol=1e-5
    )
