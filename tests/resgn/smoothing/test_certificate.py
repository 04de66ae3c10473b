from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import special, stats

from resgn.smoothing import (
    ABSTAINS,
    DIFFERENT,
    SAME,
    Draws,
    certify,
    largest_radius,
    lower_bound,
    predict,
)
from weights.errors import InputError


def at_least(hits: int, draws: int, probability: float) -> float:
    """The chance of `hits` or more of so many draws, summed term by term."""
    return math.fsum(
        math.comb(draws, k) * probability**k * (1 - probability) ** (draws - k)
        for k in range(hits, draws + 1)
    )


@pytest.mark.parametrize("draws", [1, 7, 60])
@pytest.mark.parametrize("confidence", [0.95, 0.999])
def test_the_bound_is_where_so_many_hits_become_unlikely(draws: int, confidence: float) -> None:
    """Clopper and Pearson's definition, found by bisection of exact sums."""
    found = lower_bound(np.arange(draws + 1), draws, confidence)
    assert found[0] == 0.0
    for hits in range(1, draws + 1):
        low, high = 0.0, 1.0
        for _ in range(60):
            middle = (low + high) / 2
            if at_least(hits, draws, middle) < 1.0 - confidence:
                low = middle
            else:
                high = middle
        assert found[hits] == pytest.approx(low, abs=1e-9)


def test_the_bound_agrees_with_another_function_of_scipy() -> None:
    hits = np.array([1, 501, 930, 999, 1000])
    other = [
        stats.binomtest(int(k), 1000, alternative="greater").proportion_ci(0.999, "exact").low
        for k in hits
    ]
    np.testing.assert_allclose(lower_bound(hits, 1000, 0.999), other, rtol=1e-9)


@pytest.mark.parametrize("probability", [0.52, 0.8, 0.97])
def test_the_bound_covers_the_truth_as_often_as_it_says(probability: float) -> None:
    """By simulation: it lies above a known probability in at most 5 % of many experiments."""
    rng = np.random.default_rng(1)
    hits = rng.binomial(200, probability, 20000)
    above = np.mean(lower_bound(hits, 200, 0.95) > probability)
    assert above <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 20000)
    # And it is no looser than draws that are whole numbers make it.
    assert above > 0.01


def test_the_radius_by_hand() -> None:
    draws = Draws(selection=10, certification=1000, confidence=0.999)
    found = certify(np.array([9, 2, 9, 5]), np.array([1000, 20, 200, 0]), 0.5, draws)
    np.testing.assert_array_equal(found.decision, [SAME, DIFFERENT, ABSTAINS, DIFFERENT])
    unanimous = 0.5 * math.sqrt(2) * special.erfinv(2 * 0.001 ** (1 / 1000) - 1)
    low = stats.binomtest(980, 1000, alternative="greater").proportion_ci(0.999, "exact").low
    expected = [unanimous, 0.5 * stats.norm.ppf(low), 0.0, unanimous]
    np.testing.assert_allclose(found.radius, expected, rtol=1e-9)
    assert largest_radius(0.5, draws) == pytest.approx(unanimous)
    assert unanimous == pytest.approx(1.23, abs=0.005)


def test_a_certificate_holds_where_it_is_right_and_far_enough() -> None:
    draws = Draws(10, 1000)
    found = certify(np.array([10, 10, 0, 10]), np.array([990, 990, 10, 505]), 0.25, draws)
    radius = found.radius[0]
    truth = np.array([True, False, False, True])
    np.testing.assert_array_equal(found.hold(truth, 0.0), [True, False, True, False])
    np.testing.assert_array_equal(found.hold(truth, 0.99 * radius), [True, False, True, False])
    # The theorem is about what is nearer than the radius, and not about what is as far.
    assert not found.hold(truth, radius).any()


def test_prediction_agrees_with_the_two_sided_test() -> None:
    votes = np.arange(101)
    found = predict(votes, 100, 0.99)
    for count, decision in zip(votes, found, strict=True):
        sure = stats.binomtest(int(count), 100, 0.5).pvalue <= 1 - 0.99
        assert decision == ((SAME if count > 50 else DIFFERENT) if sure else ABSTAINS)
    assert found[50] == ABSTAINS


def test_prediction_errs_as_seldom_as_it_says() -> None:
    """The worst case is a majority by a hair; errors are then at most 1 - confidence."""
    votes = np.random.default_rng(2).binomial(200, 0.501, 20000)
    found = predict(votes, 200, 0.95)
    assert np.mean(found == DIFFERENT) <= 0.05
    assert 0.9 < np.mean(found == ABSTAINS) < 1.0


def test_the_selection_alone_chooses_the_decision() -> None:
    """Draws that bound a probability must not have chosen what it is of."""
    found = certify(np.array([0]), np.array([1000]), 1.0, Draws(10, 1000))
    assert found.decision[0] == ABSTAINS


def test_fewest_draws_that_say_something() -> None:
    for confidence in (0.9, 0.99, 0.999):
        fewest = Draws(1, 100, confidence).fewest
        assert (1 - confidence) ** (1 / fewest) > 0.5
        assert (1 - confidence) ** (1 / (fewest - 1)) <= 0.5


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"selection": 0}, "`selection_draws` must be at least 1"),
        ({"certification": 9}, "`draws=9` can certify nothing with a confidence of 99.9 %"),
        ({"confidence": 1.0}, r"`confidence` must lie in \(0.5, 1\)"),
        ({"confidence": 0.5}, r"`confidence` must lie in \(0.5, 1\)"),
    ],
)
def test_draws_out_of_range(values: dict[str, float], said: str) -> None:
    with pytest.raises(InputError, match=said):
        Draws(**values)


@pytest.mark.parametrize("sigma", [0.0, -1.0, float("nan"), float("inf")])
def test_no_sigma(sigma: float) -> None:
    with pytest.raises(InputError, match="`sigma` must be above 0"):
        certify(np.array([5]), np.array([900]), sigma, Draws(10, 1000))


def test_counts_out_of_range() -> None:
    for hits in (-1, 11):
        with pytest.raises(ValueError, match="counts must lie"):
            lower_bound(np.array([hits]), 10, 0.9)
