from __future__ import annotations

import numpy as np
import pytest

from resgn.calibration import RocCurve, accuracy, calibrate_threshold, ten_fold


def test_threshold_lies_in_the_widest_best_gap() -> None:
    # Perfect split between 0.3 and 0.9: the middle, 0.6.
    distances = np.array([0.1, 0.3, 0.9, 1.2])
    same = np.array([True, True, False, False])
    assert calibrate_threshold(distances, same) == pytest.approx(0.6)


def test_threshold_with_an_error_by_hand() -> None:
    # One "different" pair at 0.2 cannot be saved: 4 of 5 right for any threshold in (0.3, 0.9).
    distances = np.array([0.1, 0.2, 0.3, 0.9, 1.5])
    same = np.array([True, False, True, False, False])
    threshold = calibrate_threshold(distances, same)
    assert threshold == pytest.approx(0.6)
    assert accuracy(distances, same, threshold) == pytest.approx(0.8)


def test_threshold_never_splits_equal_distances() -> None:
    distances = np.array([0.5, 0.5, 0.5, 0.5, 2.0])
    same = np.array([True, False, True, False, False])
    # All "same" below 0.5 is impossible; calling the four equal ones "same" gives 3 of 5.
    threshold = calibrate_threshold(distances, same)
    assert threshold != 0.5
    assert accuracy(distances, same, threshold) == pytest.approx(0.6)


def test_threshold_beyond_all_pairs_lies_halfway_to_the_largest_distance() -> None:
    # Calling both "same" gets as many right as calling both "different", over a wider gap.
    assert calibrate_threshold(np.array([0.5, 1.0]), np.array([False, True])) == 2.5


def test_the_truth_may_be_given_as_numbers() -> None:
    distances, same = [0.1, 0.4, 0.3, 1.2], [1, 1, 0, 0]
    truth = np.array(same, bool)
    assert calibrate_threshold(np.array(distances), same) == calibrate_threshold(distances, truth)
    assert accuracy(distances, same, 0.35) == 0.5
    assert RocCurve.of(distances, same).auc() == RocCurve.of(distances, truth).auc() == 0.75
    correct, _ = ten_fold(distances * 2, same * 2, np.repeat([0, 1], 4))
    assert correct.dtype == bool


def test_a_distance_at_the_threshold_is_not_the_same() -> None:
    assert accuracy(np.array([0.5, 0.5]), np.array([True, False]), 0.5) == 0.5
    assert accuracy(np.array([0.5]), np.array([True]), 0.5) == 0.0


def test_threshold_is_best_among_many(rng: np.random.Generator) -> None:
    for _ in range(20):
        distances = rng.choice(np.linspace(0.1, 3.9, 15), 40)
        same = rng.uniform(size=40) < 0.5
        same[:2] = [True, False]
        best = max(accuracy(distances, same, t) for t in np.linspace(0.0, 4.0, 801))
        chosen = calibrate_threshold(distances, same)
        assert accuracy(distances, same, chosen) == pytest.approx(best)


def test_ten_fold_never_sees_its_own_fold() -> None:
    # Two folds whose best thresholds differ: 0.5 in fold 0, 2.0 in fold 1. Judged with the other's,
    # fold 0 (distances 0.2 same, 0.8 different) fails on 0.8 < 2.0; fold 1 (1.5 same, 2.5
    # different) on 1.5 >= 0.5.
    distances = np.array([0.2, 0.8, 2.5, 1.5])
    same = np.array([True, False, False, True])  # in another order, so that neither fits the other
    correct, thresholds = ten_fold(distances, same, np.array([0, 0, 1, 1]))
    assert correct.tolist() == [True, False, True, False]
    np.testing.assert_allclose(thresholds, [2.0, 0.5])


def test_roc_by_hand() -> None:
    # Genuine 0.1, 0.4; impostor 0.3, 0.9.
    roc = RocCurve.of(np.array([0.1, 0.4, 0.3, 0.9]), np.array([True, True, False, False]))
    assert roc.thresholds.tolist() == [0.1, 0.3, 0.4, 0.9, np.inf]
    assert roc.tar.tolist() == [0.0, 0.5, 0.5, 1.0, 1.0]
    assert roc.far.tolist() == [0.0, 0.0, 0.5, 0.5, 1.0]
    # Trapezoids: 0.5 * 0.5 = 0.25 below 0.5, then 1.0 * 0.5 = 0.5 above.
    assert roc.auc() == pytest.approx(0.75)
    assert roc.tar_at_far(0.0) == 0.5
    assert roc.tar_at_far(0.5) == 1.0
    assert roc.equal_error_rate() == pytest.approx(0.5)


def test_equal_error_rate_by_hand() -> None:
    # Between 0.4 and 0.5 false accepts rise from 0 to 1/2 and false rejects stay at 1/3.
    between = RocCurve.of(np.array([0.1, 0.2, 0.5, 0.4, 0.9]), np.arange(5) < 3)
    assert between.equal_error_rate() == pytest.approx(1 / 3)
    # At 0.6 one of four is wrong on either side.
    distances = np.array([0.1, 0.2, 0.3, 0.6, 0.5, 0.8, 0.9, 0.95])
    exact = RocCurve.of(distances, np.arange(8) < 4)
    assert exact.equal_error_rate() == pytest.approx(0.25)
    apart = RocCurve.of(np.array([0.1, 0.2, 0.8, 0.9]), np.arange(4) < 2)
    assert apart.equal_error_rate() == 0.0


def test_equal_error_rate_between_two_that_are_not_zero() -> None:
    # Accepting below 0.4 and 0.5: false accepts 1/3 and 2/3, false rejects 1/2 both times.
    distances = np.array([0.1, 0.3, 0.4, 0.5, 0.9])
    same = np.array([True, False, False, True, False])
    assert RocCurve.of(distances, same).equal_error_rate() == pytest.approx(0.5)


def test_auc_is_the_share_of_ordered_pairs(rng: np.random.Generator) -> None:
    distances = rng.uniform(0, 4, 60)
    same = rng.uniform(size=60) < 0.4
    genuine, impostor = distances[same], distances[~same]
    expected = np.mean(genuine[:, None] < impostor[None])
    assert RocCurve.of(distances, same).auc() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("distances", "same", "message"),
    [
        ([0.1, 0.2], [True, True], "both needed"),
        ([0.1, np.nan], [True, False], "finite"),
        ([[0.1, 0.2]], [[True, False]], r"must both be \[P\]"),
    ],
)
def test_refuses_unusable_pairs(distances: list, same: list, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        calibrate_threshold(np.array(distances), np.array(same))


def test_refuses_a_single_fold() -> None:
    with pytest.raises(ValueError, match="at least two folds"):
        ten_fold(np.array([0.1, 0.2]), np.array([True, False]), np.array([0, 0]))
