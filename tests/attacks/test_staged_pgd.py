from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from attacks import EOT, PGD, StagedPGD, StartingFrom, WrongVerification
from benchmarks.counting import CountedGradients
from tests.attacks.toy import Above, Linear, RandomProjection

SIZE = 6
COUNT = 64
EPSILON = 20.5 / 255
THRESHOLD = 0.05


def faces() -> tuple[CountedGradients, np.ndarray, WrongVerification]:
    """Pairs of one person and of two; within `EPSILON` three of the latter hold out alone."""
    rng = np.random.default_rng(3)
    network = RandomProjection(SIZE)
    images = (rng.integers(40, 215, (COUNT, SIZE, SIZE, 3)) / 255.0).astype(np.float32)
    same = np.arange(COUNT) % 2 == 0
    outputs = network(tf.constant(images)).numpy()
    outputs /= np.linalg.norm(outputs, axis=1, keepdims=True)
    other = outputs + 0.1 * rng.normal(size=outputs.shape)
    references = np.where(same[:, None], outputs, other + np.sign(other) * 0.1)
    references[-5::2] = -outputs[-5::2]  # as far away as can be
    criterion = WrongVerification(references, same, THRESHOLD)
    return CountedGradients(network), images, criterion


def test_a_fifth_of_the_gradients_at_the_same_robust_accuracy() -> None:
    model, images, criterion = faces()
    whole = PGD(40)(model, images, criterion, epsilons=[EPSILON], batch_size=16)
    plain = model.taken()
    assert plain == 40 * COUNT
    staged = StagedPGD(40)(model, images, criterion, epsilon=EPSILON, batch_size=16)
    # What it says, and what it cost with the rows by which batches are filled up.
    assert staged.gradients <= plain / 5
    assert staged.gradients <= model.taken() <= plain / 5
    robust = ~whole.success_8bit[0]
    assert robust.sum() == 3
    np.testing.assert_array_equal(~staged.success, robust)


def test_what_it_stores_is_in_the_ball_and_has_the_margin_it_says() -> None:
    model, images, criterion = faces()
    found = StagedPGD(16)(model, images, criterion, epsilon=EPSILON, batch_size=16)
    change = np.abs(found.stored - np.rint(255 * images))
    assert change.max() <= 20
    outputs = model(tf.constant(found.stored / np.float32(255)))
    margin = criterion.margin(outputs, *criterion.tensors()).numpy()
    np.testing.assert_allclose(found.margin, margin, atol=1e-5)
    np.testing.assert_array_equal(found.success, margin >= 0)


def test_each_stage_takes_those_that_are_left_from_where_they_are() -> None:
    model = Linear(SIZE)
    images = np.full((8, SIZE, SIZE, 3), 128 / 255, np.float32)
    seen: list[tuple[list[int], np.ndarray]] = []
    falls = {3: [0, 5], 12: [2], 48: []}  # after how many steps whom a judge counts as broken

    def judged(candidates: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        outputs = model(tf.constant(candidates / np.float32(255))).numpy()[:, 0]
        seen.append((rows.tolist(), outputs))
        steps = list(falls)[len(seen) - 1]
        return outputs, np.isin(rows, falls[steps])

    attack = StagedPGD(48)
    criterion = Above(np.zeros(8))
    found = attack(model, images, criterion, epsilon=EPSILON, judged=judged, batch_size=8)
    assert [rows for rows, _ in seen] == [list(range(8)), [1, 2, 3, 4, 6, 7], [1, 3, 4, 6, 7]]
    assert found.gradients == 8 * 3 + 6 * 12 + 5 * 48
    np.testing.assert_array_equal(np.flatnonzero(found.success), [0, 2, 5])
    # Of a linear model the first steps reach the corner, and nothing is lost by going on.
    assert np.ptp(found.margin) < 1e-3
    for rows, outputs in seen:
        np.testing.assert_allclose(outputs, found.margin[rows], atol=1e-3)


class Blind:
    """Its gradient is zero: only a start that succeeds already can succeed."""

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        return tf.stop_gradient(tf.reduce_mean(images, axis=[1, 2]))[:, :1]


def test_a_start_is_where_it_begins_and_the_ball_holds() -> None:
    grey = np.full((2, SIZE, SIZE, 3), 100 / 255, np.float32)
    criterion = Above(np.full(2, 106.5 / 255))
    starts = grey.copy()
    starts[0] += 12 / 255  # beyond the ball: 7 levels are left of it
    attack, epsilon = StagedPGD(2), 0.03
    found = attack(Blind(), grey, criterion, epsilon=epsilon, starts=starts)
    assert found.success.tolist() == [True, False]
    assert np.unique(found.stored[0]).tolist() == [107]
    assert not attack(Blind(), grey, criterion, epsilon=0.004, starts=starts).success.any()
    with pytest.raises(ValueError, match="needs a criterion StartingFrom"):
        PGD(2, warm=True)(Blind(), grey, criterion, epsilons=[epsilon])
    warm = PGD(2, warm=True, restarts=2)
    result = warm(Blind(), grey, StartingFrom(criterion, starts), epsilons=[epsilon])
    assert result.success[0].tolist() == [True, False]


def test_draws_count() -> None:
    network = RandomProjection(SIZE)
    noisy = EOT(lambda x, seed: network(x + 0.01 * tf.random.stateless_normal(x.shape, seed)), 3)
    _, images, criterion = faces()

    def nobody(candidates: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.zeros(len(rows)), np.zeros(len(rows), bool)

    some = criterion.select(slice(0, 4))
    attack = StagedPGD(4)
    found = attack(noisy, images[:4], some, epsilon=EPSILON, judged=nobody)
    assert found.gradients == 3 * 4 * (1 + 4)
    again = attack(noisy, images[:4], some, epsilon=EPSILON, judged=nobody)
    np.testing.assert_array_equal(found.stored, again.stored)


def test_one_trace_for_each_stage_whatever_the_budget() -> None:
    model, images, criterion = faces()
    attack = StagedPGD(40)
    for epsilon in (0.001, 0.002):  # nobody falls
        attack(model, images, criterion, epsilon=epsilon, batch_size=16)
    assert attack.traces == 3


def test_wrong_arguments() -> None:
    model, images, criterion = faces()
    with pytest.raises(ValueError, match="steps and restarts must be at least 1"):
        StagedPGD(0)
    with pytest.raises(ValueError, match="linf, l2"):
        StagedPGD(4, "l1")
    with pytest.raises(ValueError, match="epsilon"):
        StagedPGD(4)(model, images, criterion, epsilon=0.0)
    with pytest.raises(ValueError, match="starts must be"):
        StagedPGD(4)(model, images, criterion, epsilon=0.1, starts=np.zeros((64, 2, 2, 3), "f4"))
