from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from attacks import EOT, FGSM, PGD, AttackResult, Square, Stochastic, checks, through
from tests.attacks.toy import Above, Linear

SIZE = 4
MODEL = Linear(SIZE)


def result_with(successes: list[list[bool]], epsilons: tuple[float, ...]) -> AttackResult:
    success = np.array(successes)
    images = np.zeros((*success.shape, SIZE, SIZE, 3), np.float32)
    return AttackResult(
        epsilons, images, images.astype(np.uint8), success, success, np.zeros(success.shape)
    )


@pytest.fixture
def images(rng: np.random.Generator) -> np.ndarray:
    return rng.uniform(0.3, 0.7, (4, SIZE, SIZE, 3)).astype(np.float32)


def test_gradients_of_zero_and_not_finite_are_counted(images: np.ndarray) -> None:
    images[0] = 0.0  # the square root has no slope there
    images[1] = 1.0  # cut off

    def model(x: tf.Tensor) -> tf.Tensor:
        return MODEL(tf.sqrt(tf.minimum(x, 0.9)))

    finding = checks.zero_gradients(model, images, Above(np.zeros(4)))
    assert finding is not None
    assert finding.check == "zero_gradients"
    assert "Of 4 images 1 have a gradient of zero and 1 one that is not finite" in finding.message


def test_a_smooth_model_has_gradients(images: np.ndarray) -> None:
    assert checks.zero_gradients(MODEL, images, Above(np.zeros(4))) is None


def noise(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    return images + 0.1 * tf.random.stateless_normal(tf.shape(images), seed)


def test_a_random_defence_wants_eot(images: np.ndarray) -> None:
    random = through(Stochastic(noise), MODEL)
    finding = checks.random_without_eot(random, images)
    assert finding is not None
    assert finding.check == "random_without_eot"
    assert "wrap it in EOT" in finding.message
    assert checks.random_without_eot(EOT(random, samples=4), images) is None
    assert checks.random_without_eot(Stochastic(lambda x, seed: MODEL(x)), images) is None


def test_randomness_without_a_seed_is_found(images: np.ndarray) -> None:
    finding = checks.random_without_eot(lambda x: MODEL(x + tf.random.normal([])), images)
    assert finding is not None
    assert "function of images and seed" in finding.message
    assert checks.random_without_eot(MODEL, images) is None


def test_square_beats_a_masked_gradient(images: np.ndarray) -> None:
    def masked(x: tf.Tensor) -> tf.Tensor:
        return MODEL(tf.round(x * 15.0) / 15.0)

    levels = Above(MODEL(images).numpy()[:, 0] + 3.0)
    gradient = FGSM()(masked, images, levels, epsilons=[0.2])
    free = Square(300)(masked, images, levels, epsilons=[0.2])
    finding = checks.gradient_free_wins(gradient, free)
    assert finding is not None
    assert finding.check == "gradient_free_wins"
    assert "breaks 4 of 4 images and the gradient attack only 0" in finding.message
    assert checks.gradient_free_wins(free, gradient) is None
    assert checks.gradient_free_wins(free, free) is None


def test_success_that_falls_with_epsilon_is_found_in_any_order() -> None:
    some, more, all_of_them = [True, False, False], [True, True, False], [True, True, True]
    rising = result_with([all_of_them, some, more], (0.3, 0.1, 0.2))
    assert checks.success_falls_with_epsilon(rising) is None
    falling = result_with([some, all_of_them, more], (0.3, 0.1, 0.2))
    finding = checks.success_falls_with_epsilon(falling)
    assert finding is not None
    assert finding.check == "success_falls_with_epsilon"
    assert (
        "With epsilon 0.1 3 of 3 images are broken and with epsilon 0.2 only 2" in finding.message
    )


def test_a_long_single_step_overshoots(images: np.ndarray) -> None:
    def valley(x: tf.Tensor) -> tf.Tensor:  # highest where w . x = level, low on both sides
        return -tf.square(MODEL(x) - level)

    level = MODEL(images) + 2.0
    result = FGSM()(valley, images, Above(np.full(4, -1.0)), epsilons=[0.045, 0.3])
    assert result.success[0].all()
    assert checks.success_falls_with_epsilon(result) is not None
    kept = PGD(40, relative_step=0.05, random_start=False)(
        valley, images, Above(np.full(4, -1.0)), epsilons=[0.045, 0.3]
    )
    assert checks.success_falls_with_epsilon(kept) is None


def test_success_that_falls_with_steps_is_found() -> None:
    few = result_with([[True, False], [True, True]], (0.1, 0.2))
    many = result_with([[True, False], [True, False]], (0.1, 0.2))
    assert checks.success_falls_with_steps({40: few, 10: many}) is None
    finding = checks.success_falls_with_steps({10: few, 40: many})
    assert finding is not None
    assert finding.check == "success_falls_with_steps"
    assert "With 10 steps (epsilon 0.2) 2 of 2 images are broken" in finding.message
    assert checks.success_falls_with_steps({}) is None


def test_stored_images_are_judged_anew(images: np.ndarray) -> None:
    levels = Above(MODEL(images).numpy()[:, 0] + 1.0)
    result = FGSM()(MODEL, images, levels, epsilons=[0.05, 0.1])
    assert result.success_8bit.all()
    stored = result.stored.copy()
    assert checks.stored_differ(result, stored, MODEL, levels) is None
    stored[0, 0] = np.rint(255 * images[0])
    finding = checks.stored_differ(result, stored, MODEL, levels)
    assert finding is not None
    assert finding.check == "stored_differ"
    assert "Of 8 stored images 1 have another outcome" in finding.message
    assert "87.50% on the files" in finding.message
    with pytest.raises(ValueError, match="stored must be uint8"):
        checks.stored_differ(result, result.perturbed, MODEL, levels)


def test_refuses_to_compare_what_differs() -> None:
    first = result_with([[True, False]], (0.1,))
    with pytest.raises(ValueError, match="differ in budgets"):
        checks.gradient_free_wins(first, result_with([[True, False]], (0.2,)))
    with pytest.raises(ValueError, match="differ in budgets"):
        checks.success_falls_with_steps({1: first, 2: dataclasses.replace(first, norm="l2")})
