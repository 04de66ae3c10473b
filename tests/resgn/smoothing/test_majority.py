"""Decisions by majority, against votes that are counted in NumPy and SciPy's binomial test."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from resgn.smoothing import DIFFERENT, SAME, MajorityVote, SmoothedVerifier, predict
from resgn.smoothing.majority import JUDGEMENT, check_draws
from resgn.verification_set import VerificationSet
from tests.resgn.smoothing.toys import SIDE, HalfSpace
from weights.errors import InputError

SIGMA = 0.3
DRAWS = 60
PLACES = np.array([-1.5, -0.3, -0.05, 0.05, 0.3, 1.5])
"""Signed distances of the probes to the hyperplane; "same" where they are negative."""


@pytest.fixture(scope="module")
def half_space() -> HalfSpace:
    return HalfSpace()


def vote(half_space: HalfSpace, batch_size: int = 25) -> MajorityVote:
    verifier = SmoothedVerifier(half_space, half_space.threshold, SIGMA, batch_size)
    return MajorityVote(verifier, DRAWS)


def counted(half_space: HalfSpace, image: np.ndarray, seed: int, stream: int) -> int:
    """The votes for "same", in NumPy, from the noise that the seeds stand for."""
    place = [seed, stream * 2**40]
    noise = np.concatenate(
        [
            tf.random.stateless_normal([25, SIDE, SIDE, 3], [place[0], place[1] + n]).numpy()
            for n in range(3)
        ]
    )[:DRAWS].astype(np.float64)
    noisy = image + SIGMA * noise
    along = (noisy * half_space.weights).sum((1, 2, 3)) - half_space.offset
    angle = np.pi / 2 * (1 + np.tanh(along))
    distance = (np.cos(angle) - 1) ** 2 + np.sin(angle) ** 2
    return int(np.count_nonzero(distance < half_space.threshold))


def test_votes_are_those_that_numpy_counts(half_space: HalfSpace) -> None:
    images = np.stack([half_space.image(place) for place in PLACES])
    references = np.repeat(half_space.reference, len(PLACES), axis=0)
    found = vote(half_space).votes(images, references, 7, JUDGEMENT)
    expected = [
        counted(half_space, image, 7 * 2**32 + row, JUDGEMENT) for row, image in enumerate(images)
    ]
    np.testing.assert_array_equal(found, expected)
    assert len(set(expected)) > 3


def test_a_decision_is_right_where_the_binomial_test_lets_it_be(half_space: HalfSpace) -> None:
    votes = np.arange(DRAWS + 1)
    clear = np.array([stats.binomtest(int(n), DRAWS, 0.5).pvalue <= 0.001 for n in votes])
    judge = vote(half_space)
    np.testing.assert_array_equal(
        judge.right(votes, np.ones(DRAWS + 1, bool)), clear & (votes > DRAWS / 2)
    )
    np.testing.assert_array_equal(
        judge.right(votes, np.zeros(DRAWS + 1, bool)), clear & (votes < DRAWS / 2)
    )
    assert not judge.right(np.array([30, 30]), np.array([True, False])).any()  # a tie is no answer


def test_columns_of_table_1_count_abstentions_as_wrong(half_space: HalfSpace) -> None:
    """The probes: far on one side, on the hyperplane, far on the other."""
    images = np.stack([half_space.image(place) for place in (-0.5, 0.0, 0.5)])
    levels = np.rint(255 * images).astype(np.uint8)
    embeddings = np.repeat(half_space.reference, 3, axis=0)
    probe, same = np.array([0, 1, 2, 1, 2]), np.array([True, True, True, False, False])
    attacked = levels[[2, 1, 0, 1, 2]]  # the first and the third change sides
    pairs = VerificationSet(levels, embeddings, probe, np.zeros(5, int), same, attacked, 1.0)
    judge = vote(half_space)
    found = judge.outcomes(pairs, seed=1)
    assert found["dodging"].tolist() == [False, False, True]
    assert found["impersonation"].tolist() == [False, True]
    assert found["legitimate"].tolist() == [True, False, False, False, True]
    again = judge.outcomes(pairs, seed=1)
    assert all(np.array_equal(found[column], again[column]) for column in found)


def test_one_trace_serves_all_probes(half_space: HalfSpace) -> None:
    traced = []

    def embed(images: tf.Tensor) -> tf.Tensor:
        traced.append(images.shape)
        return half_space(images)

    judge = MajorityVote(SmoothedVerifier(embed, half_space.threshold, SIGMA, 25), DRAWS)
    images = np.stack([half_space.image(place) for place in PLACES])
    seen: list[int] = []

    def progress(rows):
        for row in rows:
            seen.append(row)
            yield row

    references = np.repeat(half_space.reference, len(PLACES), axis=0)
    judge.votes(images, references, 0, JUDGEMENT, progress)
    judge.votes(images, references, 1, JUDGEMENT + 1)
    assert seen == list(range(len(PLACES)))
    assert traced == [(25, SIDE, SIDE, 3)]


@pytest.mark.parametrize("confidence", [0.9, 0.99, 0.999])
def test_the_fewest_draws_are_those_of_a_unanimous_vote(confidence: float) -> None:
    fewest = next(
        n for n in range(1, 50) if predict(np.array([n]), n, confidence)[0] in (SAME, DIFFERENT)
    )
    check_draws(fewest, confidence)
    with pytest.raises(InputError, match=f"give at least {fewest}"):
        check_draws(fewest - 1, confidence)


def test_a_confidence_that_is_none() -> None:
    with pytest.raises(InputError, match=r"must lie in \(0.5, 1\), got 1.0"):
        check_draws(100, 1.0)
