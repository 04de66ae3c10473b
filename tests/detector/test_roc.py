from __future__ import annotations

import numpy as np
import pytest

from detector.roc import RocCurve


def test_by_hand() -> None:
    curve = RocCurve.of(np.array([1.0, 3.0]), np.array([2.0, 4.0]))
    np.testing.assert_array_equal(curve.thresholds, [np.inf, 4.0, 3.0, 2.0, 1.0])
    np.testing.assert_array_equal(curve.detections, [0.0, 0.5, 0.5, 1.0, 1.0])
    np.testing.assert_array_equal(curve.false_alarms, [0.0, 0.0, 0.5, 0.5, 1.0])
    # Of the four pairs of an attacked and a normal image, (2, 3) alone is the wrong way round.
    assert curve.auc() == 0.75
    assert curve.detection_rate_at(0.0) == 0.5
    assert curve.detection_rate_at(0.49) == 0.5
    assert curve.detection_rate_at(0.5) == 1.0


def test_auc_counts_pairs(rng: np.random.Generator) -> None:
    normal, attacked = rng.integers(0, 9, 40), rng.integers(2, 12, 30)  # with ties
    above = attacked[:, None] > normal
    equal = attacked[:, None] == normal
    expected = np.mean(above + 0.5 * equal)
    assert RocCurve.of(normal, attacked).auc() == pytest.approx(expected, abs=1e-12)


def test_equal_scores_tell_nothing_apart() -> None:
    curve = RocCurve.of(np.ones(5), np.ones(3))
    assert curve.auc() == 0.5
    assert curve.detection_rate_at(0.01) == 0.0


@pytest.mark.parametrize("count", [100, 200, 300, 500, 1000])
def test_one_in_a_hundred_is_no_more_than_that(count: int) -> None:
    """1 - 99 / 100 is a little more than 0.01 in double precision."""
    normal = np.arange(count, dtype=float)
    attacked = np.full(7, count * 0.99 - 0.5)
    curve = RocCurve.of(normal, attacked)
    assert curve.detection_rate_at(0.01) == 1.0
    assert curve.detection_rate_at(0.0099) == 0.0


@pytest.mark.parametrize(
    ("normal", "message"),
    [
        (np.zeros((2, 2)), r"expected \[N\] with N > 0, got \[2, 2\]"),
        (np.zeros(0), r"expected \[N\] with N > 0, got \[0\]"),
        (np.array([np.nan]), "must be finite"),
    ],
)
def test_wrong_scores_are_refused(normal: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RocCurve.of(normal, np.ones(2))
    with pytest.raises(ValueError, match=message):
        RocCurve.of(np.ones(2), normal)
