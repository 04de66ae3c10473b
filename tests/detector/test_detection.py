from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.detection import (
    DetectionResult,
    ScoreSet,
    Thresholds,
    Verdicts,
    best_accuracy_threshold,
    false_alarm_threshold,
    flagged,
    validation_half,
)

SCORES = st.lists(
    st.floats(-100.0, 100.0, width=32) | st.sampled_from([0.0, 1.0]), min_size=1, max_size=30
).map(lambda values: np.array(values, np.float32))


def test_false_alarms_by_hand() -> None:
    normal = np.arange(100.0)
    # One in a hundred may be flagged: 99 alone.
    assert false_alarm_threshold(normal, 0.01) == 99.0
    assert false_alarm_threshold(normal, 0.29) == 71.0
    # 0.1 % of 100 images is none.
    assert 99.0 < false_alarm_threshold(normal, 0.001) < 99.0001


@given(SCORES, st.floats(0.0, 0.99))
def test_false_alarms_never_exceed_the_rate(normal: np.ndarray, rate: float) -> None:
    threshold = false_alarm_threshold(normal, rate)
    assert np.mean(flagged(normal, threshold)) <= rate + 1e-9
    # A threshold at the next lower score would flag too many.
    below = normal[~flagged(normal, threshold)].max()
    assert np.sum(normal >= below) > rate * len(normal) - 1e-6


def test_ties_are_flagged_together_or_not_at_all() -> None:
    threshold = false_alarm_threshold(np.array([0.0, 1.0, 1.0, 2.0]), 0.5)
    assert threshold == 2.0


def test_best_accuracy_by_hand() -> None:
    # Splitting between 2 and 3 leaves 1 of 5 wrong, as does between 3 and 5, where the gap is wide.
    threshold = best_accuracy_threshold(np.array([1.0, 3.0]), np.array([2.0, 5.0, 6.0]))
    assert threshold == 4.0


@given(SCORES, SCORES)
def test_no_threshold_is_more_accurate(normal: np.ndarray, attacked: np.ndarray) -> None:
    def accuracy(threshold: float) -> float:
        return Verdicts.of(threshold, ScoreSet(normal, attacked)).accuracy

    candidates = [*normal.astype(float), *attacked.astype(float), np.inf]
    best = accuracy(best_accuracy_threshold(normal, attacked))
    assert best == max(accuracy(threshold) for threshold in candidates)


def test_a_threshold_above_a_single_precision_score_stays_above() -> None:
    scores = np.array([0.1, 0.2], np.float32)
    assert not flagged(scores, false_alarm_threshold(scores, 0.0)).any()


def test_verdicts_by_hand() -> None:
    verdicts = Verdicts.of(2.0, ScoreSet(np.array([1.0, 2.0]), np.array([1.5, 2.5, 3.0])))
    np.testing.assert_array_equal(verdicts.false_alarms, [False, True])
    np.testing.assert_array_equal(verdicts.detections, [False, True, True])
    np.testing.assert_array_equal(verdicts.correct, [True, False, False, True, True])
    assert verdicts.accuracy == 0.6


def drawn(rng: np.random.Generator) -> ScoreSet:
    return ScoreSet(rng.normal(0.0, 1.0, 200), rng.normal(1.5, 1.0, 200))


def test_thresholds_never_see_the_test_half(rng: np.random.Generator) -> None:
    """Whatever the test half holds, the thresholds stay; the figures follow the test half alone."""
    validation, test = drawn(rng), drawn(rng)
    thresholds = Thresholds.of(validation)
    result = DetectionResult.of(thresholds, test)
    other = DetectionResult.of(thresholds, ScoreSet(test.normal + 50.0, test.attacked - 50.0))
    assert other.best_accuracy.threshold == result.best_accuracy.threshold
    assert [v.threshold for v in other.false_alarm.values()] == [
        v.threshold for v in result.false_alarm.values()
    ]
    assert other.best_accuracy.accuracy == 0.0
    assert other.roc.auc() == 0.0
    # The best threshold for the test half itself is another and better one.
    cheated = best_accuracy_threshold(test.normal, test.attacked)
    assert cheated != result.best_accuracy.threshold
    assert Verdicts.of(cheated, test).accuracy >= result.best_accuracy.accuracy


def test_false_alarm_thresholds_need_no_attack(rng: np.random.Generator) -> None:
    validation = drawn(rng)
    other = ScoreSet(validation.normal, validation.attacked + 5.0)
    assert Thresholds.of(other).false_alarm == Thresholds.of(validation).false_alarm


def test_result_by_hand() -> None:
    validation = ScoreSet(np.arange(100.0), np.arange(100.0, 200.0))
    thresholds = Thresholds.of(validation, rates=(0.1,))
    assert thresholds == Thresholds(99.5, {0.1: 90.0})
    result = DetectionResult.of(
        thresholds, ScoreSet(np.array([5.0, 95.0]), np.array([92.0, 98.0, 150.0]))
    )
    assert result.best_accuracy.accuracy == 0.6  # 5, 95 and 150 of five
    np.testing.assert_array_equal(result.false_alarm[0.1].false_alarms, [False, True])
    assert result.false_alarm[0.1].detections.all()
    assert result.roc.auc() == pytest.approx(5 / 6)  # only (95, 92) is the wrong way round


@given(st.lists(st.integers(0, 8), min_size=2, max_size=60), st.integers(0, 5))
def test_halves_share_no_group(groups: list[int], seed: int) -> None:
    groups = np.array([*groups, 100, 101])
    half = validation_half(groups, seed)
    assert not set(groups[half]) & set(groups[~half])
    assert half.any()
    assert not half.all()
    # The last group that was placed went to the smaller side.
    assert abs(int(half.sum()) - int((~half).sum())) <= np.bincount(groups).max()


def test_halves_depend_on_the_seed_alone() -> None:
    groups = np.repeat(np.arange(20), 3)
    halves = [validation_half(groups, seed) for seed in (3, 3, 4)]
    np.testing.assert_array_equal(halves[0], halves[1])
    assert (halves[0] != halves[2]).any()
    assert halves[0].sum() == 30


def test_one_group_cannot_be_halved() -> None:
    with pytest.raises(ValueError, match="at least two groups, got 1"):
        validation_half(np.zeros(5, int), 0)


def test_wrong_rates_are_refused() -> None:
    for rate in (-0.1, 1.0):
        with pytest.raises(ValueError, match=r"rate must lie in \[0, 1\)"):
            false_alarm_threshold(np.ones(3), rate)
