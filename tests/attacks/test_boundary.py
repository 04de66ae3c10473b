"""The parts of HopSkipJump by hand: binary search, radius of the draws, numbers of draws, steps."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from attacks import HopSkipJump, StartingFrom
from attacks.boundary import Boundary
from attacks.objective import Objective
from tests.attacks.toy import Above, Linear

SIZE, COUNT = 4, 2
MODEL = Linear(SIZE)
SEED = [0, 1]


def images() -> np.ndarray:
    rng = np.random.default_rng(5)
    return rng.uniform(0.3, 0.7, (COUNT, SIZE, SIZE, 3)).astype(np.float32)


def outputs(x: np.ndarray) -> np.ndarray:
    return np.sum(x.astype(np.float64) * MODEL.weights, axis=(1, 2, 3))


def objective(
    norm: str,
    level: np.ndarray,
    starts: np.ndarray | None = None,
    mask: np.ndarray | None = None,
) -> Objective:
    goal = Above(level) if starts is None else StartingFrom(Above(level), starts)
    return Objective(MODEL, goal, goal.tensors(), tf.constant(images()), mask, norm)


@pytest.mark.parametrize(
    ("norm", "side", "halvings"),
    [("l2", 4, 9), ("linf", 4, 12), ("l2", 160, 16), ("linf", 160, 16)],
)
def test_it_is_halved_as_often_as_the_paper_has_it(norm: str, side: int, halvings: int) -> None:
    """d^(-3/2) and d^-2, as far as float32 reaches."""
    blank = tf.zeros([1, side, side, 3])
    goal = Above(np.zeros(1))
    assert Boundary(Objective(MODEL, goal, goal.tensors(), blank, None, norm)).halvings == halvings


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_binary_search_ends_at_the_plane_on_the_right_side(norm: str) -> None:
    x = images()
    far = np.clip(x + 0.25 * MODEL.weights, 0.0, 1.0).astype(np.float32)
    level = outputs(x) + np.array([0.3, 0.6]) * (outputs(far) - outputs(x))
    boundary = Boundary(objective(norm, level))
    found, asked = boundary.approach(tf.constant(far), tf.constant(100), tf.constant(SEED))
    assert int(asked) == boundary.halvings
    beyond = outputs(found.numpy()) - level
    span = outputs(far) - outputs(x)
    assert (beyond > 0.0).all()
    assert (beyond < 2.0 ** (1 - boundary.halvings) * span + 1e-5).all()
    if norm == "l2":  # on the line
        share = (found - x) / (far - x)
        np.testing.assert_allclose(share[0], 0.3, atol=0.01)
        np.testing.assert_allclose(share[1], 0.6, atol=0.01)
    else:  # what is farther than the rest is cut first
        change, all_ = np.abs(found - x), np.abs(far - x)
        for row in range(COUNT):
            np.testing.assert_allclose(
                change[row], np.minimum(all_[row], change[row].max()), atol=1e-6
            )
    fewer, asked = boundary.approach(tf.constant(far), tf.constant(2), tf.constant(SEED))
    assert int(asked) == 2
    assert (boundary.distance(fewer).numpy() > boundary.distance(found).numpy()).all()
    none, asked = boundary.approach(tf.constant(far), tf.constant(-3), tf.constant(SEED))
    assert int(asked) == 0
    np.testing.assert_array_equal(none, far)


def test_where_it_begins_and_what_that_costs() -> None:
    x, seed = images(), tf.constant(SEED)
    out_of_reach = objective("l2", np.full(COUNT, 1e3))
    for queries, asked in ((2, 2), (3, 3), (10, 10), (11, 11), (12, 11), (40, 11)):
        start, started, used = HopSkipJump(queries)._start(out_of_reach, seed)
        assert int(used) == asked  # the image, and noise ten times at most
        assert not started.numpy().any()
        np.testing.assert_array_equal(start, x)

    far = np.clip(x + 0.25 * MODEL.weights, 0.0, 1.0).astype(np.float32)
    level = outputs(x) + np.array([-0.1, 0.1])
    start, started, used = HopSkipJump()._start(objective("l2", level, far), seed)
    assert (int(used), list(started.numpy())) == (2, [True, True])
    np.testing.assert_array_equal(start, np.stack([x[0], far[1]]))

    mask = np.zeros((COUNT, SIZE, SIZE, 1), np.float32)
    mask[:, :2] = 1.0
    start, started, used = HopSkipJump()._start(objective("l2", level, mask=mask), seed)
    assert started.numpy().all()
    assert 2 <= int(used) <= 11
    np.testing.assert_array_equal(start[0], x[0])
    np.testing.assert_array_equal(start[1, 2:], x[1, 2:])
    assert (outputs(start.numpy()) > level).all()
    noise = start[1, :2].numpy()
    assert len(np.unique(noise)) == noise.size
    assert 0.0 <= noise.min() < 0.2 < 0.8 < noise.max() < 1.0  # not around the image


def test_the_radius_is_a_share_of_the_distance_that_float32_can_tell() -> None:
    boundary = Boundary(objective("l2", np.zeros(COUNT)))
    found = boundary.radius(tf.constant([4.8, 0.001]))
    np.testing.assert_allclose(found, [4.8 / 48, 4e-4 * np.sqrt(48)], rtol=1e-5)


def test_draws_grow_and_steps_shrink_with_the_root_of_the_iteration(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    x = images()
    far = np.clip(x + 0.25 * MODEL.weights, 0.0, 1.0).astype(np.float32)
    draws: list[int] = []
    shares: list[float] = []
    direction, step = Boundary.direction, HopSkipJump._step

    def counted(self: Boundary, x: tf.Tensor, radius: tf.Tensor, count: tf.Tensor, seed: tf.Tensor):
        draws.append(int(count))
        return direction(self, x, radius, count, seed)

    def measured(self, objective, x, moved, started, queries, seed):
        length = np.sqrt(np.square(moved).sum((1, 2, 3)))
        distance = np.sqrt(np.square(x - objective.images).sum((1, 2, 3)))
        shares.append(float((length / distance)[0]))
        return step(self, objective, x, moved, started, queries, seed)

    monkeypatch.setattr(Boundary, "direction", counted)
    monkeypatch.setattr(HopSkipJump, "_step", measured)
    attack = HopSkipJump(130, draws=10, overshoot=0.0)
    attack.minimize(objective("l2", outputs(x) + 0.5, far), tf.constant(SEED))
    assert draws[:4] == [10, 14, 17, 20]  # 10 sqrt(t), rounded down
    assert sum(draws) + len(draws) * 10 <= 130
    np.testing.assert_allclose(shares[:4], 1.0 / np.sqrt([1, 2, 3, 4]), rtol=1e-4)


def test_a_step_is_halved_until_the_verdict_holds() -> None:
    """Steps that lower the output by 8, 4, 2, 1 and 0.5, where 1 is as much as there is to lose."""
    x = images()
    unit = MODEL.weights / np.square(MODEL.weights).sum()
    down = np.stack([-8.0 * unit, -8.0 * unit]).astype(np.float32)
    level = outputs(x) - np.array([1.0 - 1e-3, 9.0])
    of, attack = objective("l2", level), HopSkipJump()
    asked = {}
    for queries, started in ((20, [True, True]), (2, [True, True]), (20, [False, True])):
        moved, count = attack._step(
            of, tf.constant(x), tf.constant(down), tf.constant(started), queries, tf.constant(SEED)
        )
        asked[queries, started[0]] = int(count)
        share = 1.0 / 16.0 if queries == 20 and started[0] else 0.0
        np.testing.assert_allclose(moved[0], x[0] + share * down[0], atol=1e-6)
        np.testing.assert_allclose(moved[1], np.clip(x[1] + down[1], 0.0, 1.0), atol=1e-6)
    assert asked == {(20, True): 5, (2, True): 2, (20, False): 1}
