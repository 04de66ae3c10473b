from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from attacks import Dodging
from attacks.universal import UniversalPerturbation, add

KERNEL = np.random.default_rng(0).normal(size=(48, 6)).astype(np.float32)


def model(images: tf.Tensor) -> tf.Tensor:
    return tf.reshape(images - 0.5, [-1, 48]) @ KERNEL


def problem(count: int = 12, seed: int = 1) -> tuple[np.ndarray, Dodging]:
    rng = np.random.default_rng(seed)
    base = np.random.default_rng(0).uniform(0.3, 0.7, (1, 4, 4, 3))
    images = (base + rng.normal(0, 0.02, (count, 4, 4, 3))).astype(np.float32)
    # The references are other pictures: at a distance of 0 there is no gradient.
    references = model((base + rng.normal(0, 0.02, images.shape)).astype(np.float32))
    return images, Dodging(references, 0.05)


def mean_loss(images: np.ndarray, criterion: Dodging) -> float:
    return float(tf.reduce_mean(criterion.loss(model(images), *criterion.tensors())))


def test_what_is_learned_on_some_images_works_on_others() -> None:
    images, criterion = problem()
    found = UniversalPerturbation(40, 4).learn(model, images, criterion, epsilon=0.1)
    others, on_others = problem(seed=2)
    rng = np.random.default_rng(3)
    noise = (0.1 * rng.choice([-1.0, 1.0], (4, 4, 3))).astype(np.float32)
    assert mean_loss(add(others, found), on_others) > 3 * mean_loss(add(others, noise), on_others)


def test_stays_in_the_ball_and_images_in_range() -> None:
    images, criterion = problem()
    found = UniversalPerturbation(15, 5, relative_step=0.4).learn(
        model, images, criterion, epsilon=0.05
    )
    assert found.shape == (4, 4, 3)
    assert np.abs(found).max() == pytest.approx(0.05)
    edge = add(np.where(found > 0, np.float32(0.99), np.float32(0.01))[np.newaxis], found)
    assert edge.min() >= 0.0
    assert edge.max() <= 1.0


def test_one_step_is_the_sign_of_the_mean_gradient() -> None:
    images, _ = problem(4)
    target = tf.constant(np.random.default_rng(5).normal(size=(4, 6)), tf.float32)
    criterion = Dodging(target, 1.0)
    found = UniversalPerturbation(1, 4, relative_step=0.5).learn(
        model, images, criterion, epsilon=0.1
    )
    x = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = criterion.loss(model(x), *criterion.tensors())
    expected = 0.05 * np.sign(tape.gradient(loss, x).numpy().mean(axis=0))
    np.testing.assert_allclose(found, expected, atol=1e-7)


def test_traces_once_for_all_batches_budgets_and_seeds() -> None:
    images, criterion = problem()
    attack = UniversalPerturbation(4, 4)
    for epsilon, seed in ((0.1, 0), (0.2, 1)):
        attack.learn(model, images, criterion, epsilon=epsilon, seed=seed)
    assert attack.traces == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 0}, "steps and batch_size must be at least 1"),
        ({"batch_size": 0}, "steps and batch_size must be at least 1"),
        ({"relative_step": 0.0}, "relative_step must be positive"),
    ],
)
def test_refuses_bad_settings(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        UniversalPerturbation(**settings)


def test_refuses_a_criterion_for_other_images() -> None:
    images, criterion = problem()
    with pytest.raises(ValueError, match="12 rows for 3 images"):
        UniversalPerturbation(1, 2).learn(model, images[:3], criterion, epsilon=0.1)
