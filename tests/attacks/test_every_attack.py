"""What holds for every attack: it finds known optima and never leaves ball, mask or cube.

All tests share attacks, model and shapes, so that each attack is compiled once or twice.
"""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from attacks import (
    APGD,
    BIM,
    DIFGSM,
    FGSM,
    MIFGSM,
    PGD,
    TIFGSM,
    Attack,
    CarliniWagner,
    DeepFool,
    HopSkipJump,
    Square,
    judge,
)
from tests.attacks.toy import Above, Linear

SIZE = 4
COUNT = 4
MODEL = Linear(SIZE)
WEIGHTS = MODEL.weights

FILLING: dict[str, Attack] = {
    "fgsm": FGSM(),
    "fgsm l2": FGSM("l2"),
    "bim": BIM(5),
    "pgd": PGD(10, restarts=2),
    "pgd l2": PGD(20, "l2", restarts=2, relative_step=0.5),
    "mi": MIFGSM(10),
    "mi l2": MIFGSM(10, "l2"),
    "apgd": APGD(12, restarts=2),
    "apgd l2": APGD(30, "l2"),
}
MINIMIZING: dict[str, Attack] = {
    "deepfool": DeepFool(5),
    "deepfool linf": DeepFool(5, "linf"),
    "carlini-wagner": CarliniWagner(80, 6, first_weight=0.1, learning_rate=0.05),
}
ATTACKS = {
    **FILLING,
    **MINIMIZING,
    "di": DIFGSM(4, probability=0.9, smallest=0.5),
    "ti": TIFGSM(3, "l2", sigma=1.0),
    "square": Square(600),
    "square l2": Square(1500, "l2"),
    "hop-skip-jump": HopSkipJump(200),
    "hop-skip-jump linf": HopSkipJump(200, "linf"),
}
EPSILONS = [0.4 / 255, 0.6 / 255, 1 / 255, 8 / 255, 16 / 255, 0.0025, 0.02, 0.03, 0.04]
EVERY = np.ones((COUNT, SIZE, SIZE, 1), np.float32)


def inner_images(rng: np.random.Generator) -> np.ndarray:
    return rng.uniform(0.3, 0.7, (COUNT, SIZE, SIZE, 3)).astype(np.float32)


def outputs(images: np.ndarray) -> np.ndarray:
    return np.sum(images.astype(np.float64) * WEIGHTS, axis=(-3, -2, -1))


def best_reachable(images: np.ndarray, epsilon: float, norm: str) -> np.ndarray:
    """The largest output in the ball, as long as the cube does not cut it."""
    gain = np.abs(WEIGHTS).sum() if norm == "linf" else np.sqrt(np.square(WEIGHTS).sum())
    return outputs(images) + epsilon * gain


@pytest.mark.parametrize("name", FILLING)
def test_reaches_the_best_of_the_ball(name: str, rng: np.random.Generator) -> None:
    attack, images = FILLING[name], inner_images(rng)
    epsilons = [0.05, 0.2] if attack.norm == "linf" else [0.1, 0.4]
    result = attack(MODEL, images, Above(np.zeros(COUNT)), epsilons=epsilons, mask=EVERY)
    for epsilon, perturbed in zip(epsilons, result.perturbed, strict=True):
        best = best_reachable(images, epsilon, attack.norm) - outputs(images)
        gained = outputs(perturbed) - outputs(images)
        np.testing.assert_array_less(0.99 * best, gained)
        assert (gained <= best + 1e-4).all()
    assert attack.traces == 1


@pytest.mark.parametrize(("name", "share"), [("square", 0.97), ("square l2", 0.65)])
def test_square_reaches_the_best_of_the_ball_without_a_gradient(
    name: str, share: float, rng: np.random.Generator
) -> None:
    attack, images = ATTACKS[name], inner_images(rng)
    result = attack(MODEL, images, Above(np.zeros(COUNT)), epsilons=[0.05, 0.2], mask=EVERY)
    best = best_reachable(images, 0.2, attack.norm) - outputs(images)
    assert (outputs(result.perturbed[1]) - outputs(images) > share * best).all()


@pytest.mark.parametrize("name", MINIMIZING)
def test_finds_the_nearest_success(name: str, rng: np.random.Generator) -> None:
    attack, images = MINIMIZING[name], inner_images(rng)
    missing = np.array([0.5, 1.0, 2.0, 3.0])
    criterion = Above(outputs(images) + missing)
    epsilons = [0.5, 1.0] if attack.norm == "linf" else [1.0, 4.0]
    result = attack(MODEL, images, criterion, epsilons=epsilons, mask=EVERY)
    assert result.success[1].all()
    difference = (result.perturbed[1] - images).astype(np.float64)
    if attack.norm == "linf":
        found = np.abs(difference).max((1, 2, 3))
        nearest = missing / np.abs(WEIGHTS).sum()
    else:
        found = np.sqrt(np.square(difference).sum((1, 2, 3)))
        nearest = missing / np.sqrt(np.square(WEIGHTS).sum())
    slack = 1.05 if name == "carlini-wagner" else 1.021
    assert (found < slack * nearest).all(), found / nearest
    assert (found > 0.999 * nearest).all(), found / nearest


@pytest.mark.parametrize("name", ["di", "ti"])
def test_transfer_attacks_climb(name: str, rng: np.random.Generator) -> None:
    images = inner_images(rng)
    result = ATTACKS[name](MODEL, images, Above(np.zeros(COUNT)), epsilons=[0.1, 0.3], mask=EVERY)
    gained = outputs(result.perturbed) - outputs(images)
    best = best_reachable(images, 0.3, ATTACKS[name].norm) - outputs(images)
    assert (gained > 0.0).all()
    assert (gained[1] > (0.25 if name == "di" else 0.15) * best).all()


@pytest.mark.parametrize("name", ATTACKS)
@settings(max_examples=12, deadline=None)
@given(
    epsilon=st.one_of(st.floats(1e-4, 1.0), st.sampled_from(EPSILONS)),
    level=st.floats(-50.0, 50.0),
    seed=st.integers(0, 2**31 - 1),
    levels_of_grey=st.lists(
        st.floats(0.0, 1.0, width=32, allow_subnormal=False), min_size=1, max_size=3
    ),
    share=st.sampled_from([0.1, 0.5, 1.0]),
    whole=st.booleans(),
)
def test_never_leaves_ball_mask_or_cube(
    name: str,
    epsilon: float,
    level: float,
    seed: int,
    levels_of_grey: list[float],
    share: float,
    whole: bool,
) -> None:
    attack = ATTACKS[name]
    rng = np.random.default_rng(seed)
    images = rng.choice([0.0, 1.0, *levels_of_grey], (COUNT, SIZE, SIZE, 3)).astype(np.float32)
    if whole:  # as from a file
        images = np.rint(255 * images).astype(np.float32) / np.float32(255)
    mask = (rng.random((COUNT, SIZE, SIZE, 1)) <= share).astype(np.float32)
    mask[:, 0, 0] = 1.0
    epsilons = [epsilon / 2.0, epsilon]
    result = attack(
        MODEL, images, Above(np.full(COUNT, level)), epsilons=epsilons, mask=mask, seed=seed
    )
    assert result.perturbed.min() >= 0.0
    assert result.perturbed.max() <= 1.0
    difference = (result.perturbed - images).astype(np.float64)
    assert not (difference * (1.0 - mask)).any()
    flat = difference.reshape(2, COUNT, -1)
    sizes = np.abs(flat).max(-1) if attack.norm == "linf" else np.sqrt(np.square(flat).sum(-1))
    assert (sizes <= np.array(epsilons)[:, np.newaxis] + 1e-6).all()
    for budget, kept in zip(epsilons, result.stored, strict=True):
        assert_in_the_ball(kept, images, mask, budget, attack.norm, whole)
    _, success = judge(MODEL, result.stored, Above(np.full(COUNT, level)))
    np.testing.assert_array_equal(success, result.success_8bit)


def assert_in_the_ball(
    kept: np.ndarray, images: np.ndarray, mask: np.ndarray, budget: float, norm: str, whole: bool
) -> None:
    """What is stored of one budget: within it, unchanged beside the mask."""
    assert kept.dtype == np.uint8
    nearest = np.rint(255.0 * images.astype(np.float64))
    beside = np.broadcast_to(mask == 0.0, kept.shape)
    np.testing.assert_array_equal(kept[beside], nearest[beside])
    if not whole:
        difference = np.abs(kept - 255.0 * images.astype(np.float64))
        reach = np.abs(nearest - 255.0 * images)
        allowed = np.maximum(reach, 255.0 * budget) + 1e-3
        if norm == "linf":
            assert (difference <= allowed).all()
        return
    levels = kept - nearest
    if norm == "linf":
        assert np.abs(levels).max() <= np.floor(255.0 * budget + 1e-9)
    else:
        lengths = np.sqrt(np.square(levels).sum((1, 2, 3)))
        assert (lengths <= 255.0 * budget * (1.0 + 1e-6)).all()
    if 255.0 * budget < 0.999999:
        assert not levels.any()


@pytest.mark.parametrize("name", ATTACKS)
def test_same_seed_same_images(name: str, rng: np.random.Generator) -> None:
    attack, images = ATTACKS[name], inner_images(rng)
    criterion = Above(outputs(images) + 0.3)
    first, again, other = (
        attack.craft(MODEL, images, criterion, epsilons=[0.1, 0.2], mask=EVERY, seed=seed)
        for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, again)
    if name in ("square", "square l2", "pgd l2", "di", "hop-skip-jump"):
        assert (first != other).any()
    assert attack.traces == 1  # over all tests: only data and seeds have changed


def broken_model(images: tf.Tensor) -> tf.Tensor:
    """Infinite gradients at pixels of 0, and no number at all where a whole channel is 0."""
    blown = tf.math.log(tf.reduce_max(images, axis=[1, 2]))
    return MODEL(tf.sqrt(images)) + 0.0 * blown[:, :1]


@pytest.mark.parametrize(
    "attack", [FGSM("l2"), PGD(3), APGD(4, "l2"), DeepFool(3, "linf"), CarliniWagner(3, 2)]
)
def test_what_is_not_a_number_never_reaches_the_images(
    attack: Attack, rng: np.random.Generator
) -> None:
    images = inner_images(rng)
    images[0, :2] = 0.0
    images[1] = 0.0
    result = attack(broken_model, images, Above(np.full(COUNT, 9.0)), epsilons=[0.1])
    assert np.isfinite(result.perturbed).all()
    assert result.perturbed.min() >= 0.0
    assert result.perturbed.max() <= 1.0
    difference = (result.perturbed[0] - images).reshape(COUNT, -1)
    size = (
        np.abs(difference).max(-1) if attack.norm == "linf" else np.linalg.norm(difference, axis=1)
    )
    assert (size <= 0.1 + 1e-6).all()
