from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from attacks import Criterion, FixedPointAttack, IdentitySwap

SHAPE = (4, 5, 3)


class Ridge:
    """Numbers c of least |A c - x|^2 + |c|^2, half of the way to which is made in each step."""

    def __init__(self) -> None:
        a = np.random.default_rng(0).normal(size=(np.prod(SHAPE), 6))
        self.solution = np.linalg.solve(a.T @ a + np.eye(6), a.T)
        self.asked = 0

    def __call__(self, images: np.ndarray) -> np.ndarray:
        return images.reshape(len(images), -1) @ self.solution.T

    def follow(self, photograph: np.ndarray, code: np.ndarray) -> np.ndarray:
        self.asked += 1
        return 0.5 * code + 0.5 * self.solution @ photograph.ravel()

    def pull_back(
        self, photograph: np.ndarray, code: np.ndarray, direction: np.ndarray
    ) -> np.ndarray:
        return (self.solution.T @ direction).reshape(photograph.shape)


class Along(Criterion):
    """As far as possible along a direction of each sample."""

    def __init__(self, directions: np.ndarray) -> None:
        self._directions = tf.constant(directions, tf.float32)

    def __len__(self) -> int:
        return len(self._directions)

    def tensors(self) -> tuple[tf.Tensor, ...]:
        return (self._directions,)

    def loss(self, outputs: tf.Tensor, *data: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(outputs * data[0], axis=-1)

    margin = loss


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(1).uniform(0.3, 0.7, (2, *SHAPE)).astype(np.float32)


def test_what_is_linear_ends_in_the_corner_of_the_budget(images) -> None:
    solver, directions = Ridge(), np.random.default_rng(2).normal(size=(2, 6))
    done: list[int] = []
    found = FixedPointAttack(20).craft(
        solver, images, solver(images), Along(directions), 0.05, on_image=done.append
    )
    corner = images + 0.05 * np.sign(directions @ solver.solution).reshape(images.shape)
    np.testing.assert_allclose(found, corner, atol=1e-6)
    assert done == [1, 2]
    assert solver.asked == 2 * 21


class Written:
    """The numbers are the image; what the gradient is said to be was written down before."""

    def __init__(self, *gradients: list[float]) -> None:
        self.seen: list[np.ndarray] = []
        self._gradients = gradients

    def follow(self, photograph: np.ndarray, code: np.ndarray) -> np.ndarray:
        self.seen.append(photograph.ravel())
        return photograph.ravel().astype(np.float64)

    def pull_back(
        self, photograph: np.ndarray, code: np.ndarray, direction: np.ndarray
    ) -> np.ndarray:
        return np.reshape(self._gradients[len(self.seen) - 1], photograph.shape)


def test_every_step_by_hand() -> None:
    # Divided by their mean sizes 2, 1, 0.4 and 2 the gradients are (0.5, 1.5, 1), (-1, -1, -1),
    # (0.25, 1.25, -1.5) and (-0.5, 1, -1.5); of what was gathered a half stays: (0.5, 1.5, 1),
    # (-0.75, -0.25, -0.5), (-0.125, 1.125, -1.75), (-0.5625, 1.5625, -2.375).
    gradients = [1.0, 3.0, 2.0], [-1.0] * 3, [0.1, 0.5, -0.6], [-1.0, 2.0, -3.0]
    image = np.full((1, 1, 1, 3), 0.5, np.float32)
    # Each step is 2.5 / 4 of the budget; the last one is cut at its end.
    path = [[0.5] * 3, [0.5625] * 3, [0.5] * 3, [0.4375, 0.5625, 0.4375], [0.4, 0.6, 0.4]]
    for direction, best in (([1.0, 0.0, 0.0], 1), ([-1.0, 1.0, -1.0], 4), ([0.0, 0.0, 0.0], 0)):
        solver = Written(*gradients)
        found = FixedPointAttack(4, 0.5).craft(
            solver, image, np.zeros((1, 3)), Along(np.array([direction])), 0.1
        )
        np.testing.assert_allclose(solver.seen, path, atol=1e-6)
        np.testing.assert_allclose(found[0, 0, 0], path[best], atol=1e-6)


def test_starts_lie_anywhere_in_the_budget_and_follow_the_seed() -> None:
    image = np.tile(np.array([0.0, 0.5, 1.0], np.float32), (2, 6, 6, 1))
    flat = np.zeros(image[0].size)

    def starts(seed: int) -> np.ndarray:
        solver = Written(*[flat] * 12)  # at which nothing moves
        goal = Along(np.zeros((2, flat.size)))
        FixedPointAttack(1, starts=3, seed=seed).craft(
            solver, image, np.zeros((2, flat.size)), goal, 0.1
        )
        np.testing.assert_array_equal(solver.seen[0::2], solver.seen[1::2])
        return np.reshape(solver.seen[0::2], (2, 3, 6, 6, 3))

    found = starts(7)
    np.testing.assert_array_equal(found, starts(7))
    np.testing.assert_array_equal(found[:, 0], image)
    drawn = found[:, 1:].reshape(4, 36, 3)
    assert len(np.unique(drawn[..., 1])) > 100
    for channel, low, high in ((0, 0.0, 0.1), (1, 0.4, 0.6), (2, 0.9, 1.0)):
        assert low - 1e-6 <= drawn[..., channel].min() < low + 0.02
        assert high - 0.02 < drawn[..., channel].max() <= high + 1e-6
    assert (drawn != starts(8)[:, 1:].reshape(4, 36, 3)).any((1, 2)).all()


class Between(Along):
    """Its loss grows along the direction without end; success is near a place on the way."""

    def __init__(self, directions: np.ndarray, place: float) -> None:
        super().__init__(directions)
        self.place = place

    def margin(self, outputs: tf.Tensor, *data: tf.Tensor) -> tf.Tensor:
        return 0.01 - tf.abs(self.loss(outputs, *data) - self.place)


def test_what_success_needs_is_climbed_and_kept_and_not_the_loss(images) -> None:
    solver, directions = Ridge(), np.random.default_rng(2).normal(size=(1, 6))
    image = images[:1]
    begun = float(np.sum(solver(image) * directions))
    furthest = 0.05 * float(np.abs(directions @ solver.solution).sum())
    goal = Between(directions, begun + 0.5 * furthest)
    found = FixedPointAttack(40, inner=3).craft(solver, image, solver(image), goal, 0.05)
    reached = float(np.sum(solver(found) * directions))
    assert abs(reached - goal.place) < 0.1 * furthest


class TwoHills(Ridge):
    """What it says of the gradient leads down from the image, and up from most other places."""

    def __init__(self, image: np.ndarray) -> None:
        super().__init__()
        self._image = image

    def pull_back(
        self, photograph: np.ndarray, code: np.ndarray, direction: np.ndarray
    ) -> np.ndarray:
        uphill = super().pull_back(photograph, code, direction)
        away = np.sum((photograph - self._image) * uphill) > 0.0
        return uphill if away else -uphill


def test_of_several_starts_the_best_counts(images) -> None:
    image, directions = images[:1], np.random.default_rng(2).normal(size=(1, 6))
    hills = TwoHills(image[0])

    def reached(starts: int) -> float:
        attack = FixedPointAttack(20, starts=starts)
        found = attack.craft(hills, image, hills(image), Along(directions), 0.05)
        assert np.abs(found - image).max() <= 0.05 + 1e-6
        return float(np.sum(hills(found - image) * directions))

    one, several = reached(1), reached(6)
    assert one <= 0.0 < several
    assert reached(6) == several  # the same seed, the same starts


def test_the_whole_fit_chooses_among_the_best_as_files_hold_them(images) -> None:
    """What is followed says that the last step is the best; the fit from the beginning differs."""
    solver, directions = Ridge(), np.random.default_rng(2).normal(size=(1, 6))
    image, goal = np.round(255.0 * images[:1]) / np.float32(255.0), Along(directions)
    seen: list[np.ndarray] = []

    def whole(candidates: np.ndarray) -> np.ndarray:
        seen.append(candidates)
        return -solver(candidates)

    def reached(candidates: int) -> float:
        attack = FixedPointAttack(20, candidates=candidates)
        found = attack.craft(solver, image, solver(image), goal, 0.05, whole=whole)
        return float(np.sum(solver(found) * directions))

    one, several = reached(1), reached(21)
    assert several == pytest.approx(float(np.sum(solver(image) * directions))) != one
    assert [len(each) for each in seen] == [1, 21]
    levels = 255.0 * np.concatenate(seen)
    np.testing.assert_allclose(levels, np.round(levels), atol=1e-4)
    assert np.abs(levels - 255.0 * image).max() == pytest.approx(12.0, abs=1e-3)


def test_longer_inner_loops_ask_the_fit_more_often(images) -> None:
    solver = Ridge()
    attack = FixedPointAttack(5, inner=3, starts=2)
    attack.craft(solver, images, solver(images), Along(np.ones((2, 6))), 0.05)
    assert solver.asked == 2 * 2 * 3 * 6


def test_pictures_stay_pictures(images) -> None:
    solver = Ridge()
    for moved, at in ((-0.29, 0.0), (0.29, 1.0)):
        near = images + np.float32(moved)
        found = FixedPointAttack(20).craft(solver, near, solver(near), Along(np.ones((2, 6))), 0.1)
        assert (found.min() if at == 0.0 else found.max()) == at
        assert np.abs(found - near).max() <= 0.1 + 1e-6


def test_one_is_taken_for_the_other(images) -> None:
    solver = Ridge()
    rng = np.random.default_rng(3)
    targets = rng.uniform(0.0, 1.0, images.shape).astype(np.float32)
    embed = tf.constant(rng.normal(size=(6, 4)), tf.float32)
    source, target = (solver(each) @ embed.numpy() for each in (images, targets))
    swap = IdentitySwap(source, target, 0.5)
    found = FixedPointAttack(40).craft(
        solver, images, solver(images), swap, 0.25, outputs=lambda code: code @ embed
    )
    before = swap.margin(tf.constant(source, tf.float32), *swap.tensors()).numpy()
    after = swap.margin(tf.constant(solver(found), tf.float32) @ embed, *swap.tensors()).numpy()
    np.testing.assert_allclose(before, -0.5, atol=1e-6)  # the source is itself
    assert (after > -0.05).all(), after


def test_what_cannot_be_is_refused(images) -> None:
    with pytest.raises(ValueError, match="steps must be at least 1"):
        FixedPointAttack(0)
    with pytest.raises(ValueError, match=r"momentum must lie in \[0, 1\)"):
        FixedPointAttack(momentum=1.0)
    for name in ("starts", "inner", "candidates"):
        with pytest.raises(ValueError, match=f"{name} must be at least 1"):
            FixedPointAttack(**{name: 0})
    solver, goal = Ridge(), Along(np.ones((2, 6)))
    with pytest.raises(ValueError, match=r"codes must be \[2, D\]"):
        FixedPointAttack(2).craft(solver, images, solver(images)[:1], goal, 0.1)
    with pytest.raises(ValueError, match="criterion has 2 rows for 1 images"):
        FixedPointAttack(2).craft(solver, images[:1], solver(images)[:1], goal, 0.1)
    lost = np.full((2, 6), np.nan)
    with pytest.raises(FloatingPointError, match="not finite"):
        FixedPointAttack(2).craft(solver, images, lost, goal, 0.1)
