from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from attacks import Square
from attacks.objective import Objective
from attacks.square_moves import L2Moves, Moves, two_bumps
from tests.attacks.toy import Above, Linear

EPSILON = np.array([0.1, 0.4], np.float32)


def test_two_bumps_by_hand() -> None:
    # Side 3: above one row, 1 + 1/4 in its middle and 1/4 at its ends; below two rows, the middle
    # of the second row 1 + 1/4 and the other five 1/4.
    upper = np.array([[0.25, 1.25, 0.25]]) / np.sqrt(1.25**2 + 2 * 0.25**2)
    lower = np.array([[0.25, 0.25, 0.25], [0.25, 1.25, 0.25]]) / np.sqrt(1.25**2 + 5 * 0.25**2)
    np.testing.assert_allclose(two_bumps(3), np.concatenate([upper, -lower]), rtol=1e-6)


@pytest.mark.parametrize("side", [1, 2, 5, 8, 31])
def test_bumps_have_norm_one_each(side: int) -> None:
    bumps = two_bumps(side)
    assert (bumps[side // 2 :] < 0.0).all()
    assert np.sum(np.square(bumps[side // 2 :])) == pytest.approx(1.0)
    if side > 1:
        assert np.sum(np.square(bumps[: side // 2])) == pytest.approx(1.0)


def moves(images: np.ndarray, areas: tuple[float, ...], mask: np.ndarray | None = None) -> Moves:
    objective = Objective(
        Linear(images.shape[1]),
        Above(np.zeros(2)),
        (),
        tf.constant(images),
        None if mask is None else tf.constant(mask),
        "l2",
    )
    return L2Moves(objective, tf.constant(EPSILON), areas)


def norms(difference: np.ndarray) -> np.ndarray:
    return np.sqrt(np.square(difference).sum((1, 2, 3)))


def test_all_of_the_budget_is_used_from_the_first_move_on() -> None:
    images = np.full((2, 20, 15, 3), 0.5, np.float32)  # so grey that no move is clipped
    of = moves(images, (0.2, 0.05))
    assert of.sides == [9, 5]
    x = of.first(tf.constant([0, 1]))
    np.testing.assert_allclose(norms(x - images), EPSILON, rtol=1e-5)
    for number in range(6):
        seeds = tf.constant([[number, 2], [number, 3]])
        moved = of.next(x, tf.constant(number % 2), seeds)
        np.testing.assert_allclose(norms(moved - images), EPSILON, rtol=1e-5)
        # Nothing outside of two squares has changed, but for rounding.
        changed = (np.abs(moved.numpy() - x.numpy()) > 1e-6).any(-1).sum((1, 2))
        assert (changed > 0).all()
        assert (changed <= 2 * of.sides[number % 2] ** 2).all()
        x = moved


def test_what_clipping_left_over_is_spent_again() -> None:
    images = np.zeros((2, 20, 15, 3), np.float32)  # black: half of each bump is cut off
    of = moves(images, (0.3,))
    x = of.first(tf.constant([0, 1]))
    before = norms(x - images)
    assert (before < 0.8 * EPSILON).all()
    seeds = tf.constant([[0, 2], [0, 3]])
    assert (norms(of.next(x, tf.constant(0), seeds) - images) > before).all()


def test_a_mask_is_kept(rng: np.random.Generator) -> None:
    mask = np.zeros((2, 20, 15, 1), np.float32)
    mask[:, 3:9, 2:12] = 1.0
    images = rng.random((2, 20, 15, 3), np.float32)
    of = moves(images, (0.1,), mask)
    x = of.first(tf.constant([0, 1]))
    moved = of.next(x, tf.constant(0), tf.constant([[0, 2], [0, 3]]))
    for found in (x, moved):
        difference = found.numpy() - images
        assert not (difference * (1.0 - mask)).any()
        assert (difference[:, 3:9, 2:12] != 0.0).any((1, 2, 3)).all()


def test_square_refuses_what_cannot_be() -> None:
    with pytest.raises(ValueError, match="queries must be at least 2"):
        Square(1)
    with pytest.raises(ValueError, match=r"area must lie in \(0, 1\]"):
        Square(area=0.0)
    with pytest.raises(ValueError, match="norm must be one of linf, l2"):
        Square(norm="l1")
