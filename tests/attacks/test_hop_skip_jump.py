"""HopSkipJump on models whose nearest success is known, with nothing but verdicts to go by."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from attacks import (
    EOT,
    Dodging,
    HopSkipJump,
    Impersonation,
    StartingFrom,
    Stochastic,
    WrongVerification,
    judge,
    minimum_epsilon,
)
from attacks.boundary import Boundary
from attacks.objective import Objective
from tests.attacks.toy import Above, Linear, RandomProjection, mean_color

SIZE, COUNT = 4, 4
MODEL = Linear(SIZE)
WEIGHTS = MODEL.weights.astype(np.float64)
MISSING = np.array([0.5, 1.0, 2.0, 3.0])
QUERIES = 4000
ATTACKS = {norm: HopSkipJump(QUERIES, norm, overshoot=0.0) for norm in ("l2", "linf")}
LARGEST = {"l2": 50.0, "linf": 1.0}
NEAREST = {
    "l2": MISSING / np.sqrt(np.square(WEIGHTS).sum()),
    "linf": MISSING / np.abs(WEIGHTS).sum(),
}
SEED = [0, 0]


class OnlyVerdicts:
    """Raises at a gradient, and counts its forward passes."""

    def __init__(self, model: Linear | RandomProjection) -> None:
        self.passes = tf.Variable(0)
        self._model = model

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        @tf.custom_gradient
        def outputs(x: tf.Tensor) -> tuple[tf.Tensor, object]:
            def gradient(_: tf.Tensor) -> tf.Tensor:
                raise AssertionError("somebody asks for a gradient")

            return self._model(x), gradient

        self.passes.assign_add(1)
        return outputs(images)


class VerdictAlone(Above):
    """Nothing is to be had but success."""

    def loss(self, outputs: tf.Tensor, *data: tf.Tensor) -> tf.Tensor:
        raise AssertionError("somebody asks for a loss")

    def margin(self, outputs: tf.Tensor, *data: tf.Tensor) -> tf.Tensor:
        raise AssertionError("somebody asks for a margin")

    def success(self, outputs: tf.Tensor, *data: tf.Tensor) -> tf.Tensor:
        return outputs[:, 0] > data[0]


def faces(rng: np.random.Generator) -> np.ndarray:
    return rng.uniform(0.3, 0.7, (COUNT, SIZE, SIZE, 3)).astype(np.float32)


def outputs(images: np.ndarray) -> np.ndarray:
    return np.sum(images.astype(np.float64) * WEIGHTS, axis=(-3, -2, -1))


def far_starts(rng: np.random.Generator) -> np.ndarray:
    """Well beyond the plane, and far from its normal."""
    noise = rng.random((COUNT, SIZE, SIZE, 3))
    return np.where(noise < 0.4, 0.25 + 0.5 * (WEIGHTS > 0.0), noise).astype(np.float32)


def lengths(difference: np.ndarray, norm: str) -> np.ndarray:
    flat = difference.astype(np.float64).reshape(len(difference), -1)
    return np.abs(flat).max(1) if norm == "linf" else np.sqrt(np.square(flat).sum(1))


@pytest.mark.parametrize("norm", ATTACKS)
def test_comes_near_the_plane_with_verdicts_alone(norm: str, rng: np.random.Generator) -> None:
    attack, images, starts = ATTACKS[norm], faces(rng), far_starts(rng)
    goal = StartingFrom(VerdictAlone(outputs(images) + MISSING), starts)
    model = OnlyVerdicts(MODEL)
    found = attack.craft(model, images, goal, epsilons=[LARGEST[norm]])[0]
    assert int(model.passes) <= QUERIES
    assert int(model.passes) > QUERIES - 40  # all but what no further step fits into
    assert (outputs(found) > outputs(images) + MISSING).all()
    ratio = lengths(found - images, norm) / NEAREST[norm]
    assert (ratio > 0.9999).all(), ratio
    assert (ratio < 1.03).all(), ratio
    assert (lengths(starts - images, norm) > 3.0 * lengths(found - images, norm)).all()


@pytest.mark.parametrize("queries", [2, 3, 5, 19, 20, 60, 301])
@pytest.mark.parametrize("norm", ATTACKS)
def test_keeps_to_its_queries_and_is_never_worse_than_its_start(
    norm: str, queries: int, rng: np.random.Generator
) -> None:
    images, starts = faces(rng), far_starts(rng)
    goal = StartingFrom(Above(outputs(images) + MISSING), starts)
    model = OnlyVerdicts(MODEL)
    attack = HopSkipJump(queries, norm)
    found = attack.craft(model, images, goal, epsilons=[LARGEST[norm]])[0]
    assert 2 <= int(model.passes) <= queries
    assert (outputs(found) > outputs(images) + MISSING).all()
    assert (lengths(found - images, norm) <= lengths(starts - images, norm) * (1 + 1e-6)).all()
    if queries == 2:
        np.testing.assert_allclose(found, starts, atol=1e-6)


def test_more_queries_come_nearer(rng: np.random.Generator) -> None:
    images, starts = faces(rng), far_starts(rng)
    goal = StartingFrom(Above(outputs(images) + MISSING), starts)
    sizes = [
        lengths(HopSkipJump(n).craft(MODEL, images, goal, epsilons=[50.0])[0] - images, "l2")
        for n in (25, 200, 2000)
    ]
    assert (sizes[0] > 1.1 * sizes[1]).all()
    assert (sizes[1] > 1.02 * sizes[2]).all()


@pytest.mark.parametrize("norm", ATTACKS)
def test_the_direction_agrees_with_the_gradient_as_draws_grow(
    norm: str, rng: np.random.Generator
) -> None:
    images = faces(rng)
    x = images + np.float32(0.01) * WEIGHTS.astype(np.float32)
    level = outputs(x) - 0.003  # a little beyond the plane: verdicts are not balanced
    objective = Objective(MODEL, Above(level), Above(level).tensors(), images, None, norm)
    boundary = Boundary(objective)
    radius = tf.fill([COUNT], 0.01)
    direction = tf.function(boundary.direction)
    wanted = np.sign(WEIGHTS) if norm == "linf" else WEIGHTS
    wanted = (wanted / np.sqrt(np.square(wanted).sum())).ravel()

    def agreement(draws: int) -> np.ndarray:
        found = direction(x, radius, tf.constant(draws), tf.constant([0, draws])).numpy()
        found = found.reshape(COUNT, -1)
        return found @ wanted / np.sqrt(np.square(found).sum(1))

    few, some, many = (agreement(draws) for draws in (20, 300, 5000))
    assert few.mean() < some.mean() - 0.1, (few, some)
    assert some.mean() < many.mean() - 0.05, (some, many)
    # Of B verdicts in d dimensions the angle's tangent is about sqrt(pi d / 2 B); its signs agree
    # sooner.
    assert (many > 0.98).all(), many
    assert some.mean() == pytest.approx(0.9, abs=0.04)


def test_the_baseline_takes_the_imbalance_out(rng: np.random.Generator) -> None:
    """Where nearly all verdicts agree, their mean is most of the sum and says nothing."""
    images = faces(rng)[:1]
    draws, radius = 400, 0.01
    level = outputs(images) - 0.8 * radius * np.sqrt(np.square(WEIGHTS).sum()) / np.sqrt(48)
    objective = Objective(MODEL, Above(level), Above(level).tensors(), images, None, "l2")
    boundary = Boundary(objective)
    seed = tf.constant([1, 2])
    found = boundary.direction(images, tf.constant([radius]), tf.constant(draws), seed).numpy()

    # The same draws, by the formula of the paper.
    moved, signs = [], []
    for i in range(draws):
        seeds = tf.random.experimental.stateless_split(
            tf.random.experimental.stateless_fold_in(seed, i), 2
        )
        noise = tf.random.stateless_normal(images.shape, seeds[0]).numpy().astype(np.float64)
        unit = noise / np.sqrt(np.square(noise).sum())
        moved.append(unit)
        signs.append(1.0 if outputs(images + radius * unit)[0] > level[0] else -1.0)
    signs, moved = np.array(signs), np.array(moved)[:, 0]
    assert 0.4 < signs.mean() < 0.9
    wanted = np.tensordot(signs - signs.mean(), moved, 1) / (draws - 1)
    np.testing.assert_allclose(found[0], wanted / np.sqrt(np.square(wanted).sum()), atol=1e-4)


def test_agreeing_verdicts_are_their_own_direction(rng: np.random.Generator) -> None:
    images = faces(rng)[:2]
    level = outputs(images) + np.array([-100.0, 100.0])
    objective = Objective(MODEL, Above(level), Above(level).tensors(), images, None, "l2")
    found = Boundary(objective).direction(
        images, tf.constant([0.01, 0.01]), tf.constant(5), tf.constant(SEED)
    )
    sizes = np.sqrt(np.square(found).sum((1, 2, 3)))
    np.testing.assert_allclose(sizes, 1.0, rtol=1e-5)


def test_dodging_begins_with_noise_and_impersonation_with_the_reference(
    rng: np.random.Generator,
) -> None:
    model = RandomProjection(SIZE)
    images, references = faces(rng), faces(rng)
    clear = images.copy()
    same = np.array([True, True, False, False])
    clear[same] = references[same]  # the same photograph: recognised as it is
    embeddings = model(tf.constant(references))
    criterion = WrongVerification(embeddings, same, 0.01)
    attack = HopSkipJump(400)
    result = attack(model, clear, criterion, epsilons=[50.0])
    assert list(result.success[0]) == [True, True, False, False]
    np.testing.assert_array_equal(result.perturbed[0, 2:], clear[2:])  # nowhere to begin
    started = StartingFrom(criterion, references)
    result = attack(model, clear, started, epsilons=[50.0])
    assert result.success.all()
    assert (lengths(result.perturbed[0] - clear, "l2") > 0.0).all()
    own = Impersonation(embeddings[2:], 0.01)
    assert judge(model, result.perturbed[:, 2:], own)[1].all()
    assert judge(model, result.perturbed[:, :2], Dodging(embeddings[:2], 0.01))[1].all()


def test_who_has_the_verdict_stays(rng: np.random.Generator) -> None:
    images = faces(rng)
    missing = np.array([-1.0, 0.5, -2.0, 0.5])
    goal = StartingFrom(Above(outputs(images) + missing), far_starts(rng))
    found = HopSkipJump(200).craft(MODEL, images, goal, epsilons=[50.0])[0]
    changed = lengths(found - images, "l2")
    assert list(changed > 0.0) == [False, True, False, True]


@pytest.mark.parametrize("norm", ATTACKS)
def test_a_mask_keeps_the_rest(norm: str, rng: np.random.Generator) -> None:
    images, starts = faces(rng), far_starts(rng)
    mask = np.zeros((SIZE, SIZE, 1), np.float32)
    mask[:2] = 1.0
    level = outputs(images) + 0.4 * (outputs(np.where(mask > 0, starts, images)) - outputs(images))
    goal = StartingFrom(Above(level), starts)
    attack = HopSkipJump(1500, norm)
    result = attack(MODEL, images, goal, epsilons=[LARGEST[norm]], mask=mask)
    assert result.success.all()
    difference = result.perturbed[0] - images
    assert not difference[:, 2:].any()
    inside = WEIGHTS[:2]
    size = np.abs(inside).sum() if norm == "linf" else np.sqrt(np.square(inside).sum())
    nearest = (level - outputs(images)) / size
    assert (lengths(difference, norm) < 1.15 * nearest).all()
    assert (lengths(difference, norm) > 0.9999 * nearest).all()


def test_the_overshoot_survives_rounding(rng: np.random.Generator) -> None:
    images = (np.rint(255 * faces(rng)) / 255).astype(np.float32)
    goal = StartingFrom(Above(outputs(images) + MISSING), far_starts(rng))
    result = HopSkipJump(1000, "l2", overshoot=0.1)(MODEL, images, goal, epsilons=[50.0])
    assert result.success_8bit.all()
    # Where a budget allows it the stored image is no longer than what was found.
    found = lengths(result.perturbed[0] - images, "l2")
    stored = lengths(result.stored[0] / np.float64(255) - images, "l2")
    assert (stored <= found + 0.5 * np.sqrt(3 * SIZE * SIZE) / 255).all()


def test_the_smallest_budget_is_what_it_found(rng: np.random.Generator) -> None:
    images = faces(rng)
    goal = StartingFrom(Above(outputs(images) + MISSING), far_starts(rng))
    found = minimum_epsilon(ATTACKS["l2"], MODEL, images, goal)
    assert (found.values < 1.03 * NEAREST["l2"]).all()
    assert (found.values > 0.9999 * NEAREST["l2"]).all()


def test_before_a_random_model_the_majority_decides() -> None:
    level, spread_ = 0.5, 0.05

    def shaken(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        noise = tf.random.stateless_normal([tf.shape(images)[0], 1], seed, 0.0, spread_)
        return mean_color(images)[:, :1] + noise

    images = np.full((2, SIZE, SIZE, 3), 0.3, np.float32)
    goal = StartingFrom(Above(np.full(2, level)), np.full_like(images, 0.9))
    attack = HopSkipJump(600, "linf", overshoot=0.0)
    steady = attack.craft(EOT(Stochastic(shaken), 25), images, goal, epsilons=[1.0])[0]
    reached = steady[..., 0].mean((1, 2))
    assert (np.abs(reached - level) < spread_).all(), reached
    again = attack.craft(EOT(Stochastic(shaken), 25), images, goal, epsilons=[1.0])[0]
    np.testing.assert_array_equal(steady, again)


def test_one_trace_for_new_starts_seeds_and_levels(rng: np.random.Generator) -> None:
    attack, images = HopSkipJump(100), faces(rng)
    for seed in range(3):
        level = outputs(images) + rng.uniform(0.5, 2.0, COUNT)
        goal = StartingFrom(Above(level), far_starts(rng))
        attack.craft(MODEL, images, goal, epsilons=[50.0], seed=seed)
    assert attack.traces == 1


def test_bad_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="queries must be at least 2, got 1"):
        HopSkipJump(1)
    with pytest.raises(ValueError, match="draws must be at least 2, got 1"):
        HopSkipJump(draws=1)
    for wrong in (-0.1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="overshoot must be 0 or more and finite"):
            HopSkipJump(overshoot=wrong)
    with pytest.raises(ValueError, match="norm must be one of linf, l2; got 'l1'"):
        HopSkipJump(norm="l1")


def test_bad_starts_are_refused(rng: np.random.Generator) -> None:
    goal = Above(np.zeros(COUNT))
    with pytest.raises(ValueError, match="criterion has 4 rows for 3 images"):
        StartingFrom(goal, faces(rng)[:3])
    with pytest.raises(ValueError, match="images must be finite and lie in"):
        StartingFrom(goal, faces(rng) + 1.0)
    small = np.zeros((COUNT, 2, 2, 3), np.float32)
    with pytest.raises(
        ValueError, match=r"starts must be \[N, 4, 4, 3\], .* got shape \(4, 2, 2, 3\)"
    ):
        HopSkipJump(20).craft(MODEL, faces(rng), StartingFrom(goal, small), epsilons=[1.0])
