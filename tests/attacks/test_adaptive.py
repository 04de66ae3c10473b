from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from attacks import EOT, FGSM, PGD, Stochastic, bpda, through
from attacks.objective import Objective
from tests.attacks.toy import Above, Linear

SIZE = 4
MODEL = Linear(SIZE)
SEED = np.array([1, 2], np.int32)


def levels() -> Above:
    return Above(np.zeros(2))


def gradient_of(model: object, images: np.ndarray) -> np.ndarray:
    objective = Objective(model, levels(), levels().tensors(), tf.constant(images), None, "linf")
    return objective.gradient(objective.images, SEED)[1].numpy()


@pytest.fixture
def images(rng: np.random.Generator) -> np.ndarray:
    return rng.uniform(0.2, 0.8, (2, SIZE, SIZE, 3)).astype(np.float32)


def test_through_a_cleaner_with_the_exact_gradient(images: np.ndarray) -> None:
    model = through(tf.square, MODEL)
    np.testing.assert_allclose(model(images), MODEL(np.square(images)), rtol=1e-6)
    # The loss is 3 w . x^2, its gradient 6 w x.
    np.testing.assert_allclose(
        gradient_of(model, images), 6.0 * MODEL.weights * images, rtol=1e-5, atol=1e-6
    )


def round_to_4_levels(images: tf.Tensor) -> tf.Tensor:
    return tf.round(images * 3.0) / 3.0


def test_bpda_has_the_values_of_one_and_the_gradient_of_the_other(images: np.ndarray) -> None:
    assert not gradient_of(through(round_to_4_levels, MODEL), images).any()
    identity = through(bpda(round_to_4_levels), MODEL)
    np.testing.assert_allclose(identity(images), MODEL(round_to_4_levels(images)))
    np.testing.assert_allclose(
        gradient_of(identity, images), np.broadcast_to(3.0 * MODEL.weights, images.shape)
    )
    other = through(bpda(round_to_4_levels, tf.square), MODEL)
    np.testing.assert_allclose(other(images), MODEL(round_to_4_levels(images)))
    np.testing.assert_allclose(
        gradient_of(other, images), 6.0 * MODEL.weights * images, rtol=1e-5, atol=1e-6
    )


def test_bpda_breaks_what_the_gradient_cannot(images: np.ndarray) -> None:
    plain = through(round_to_4_levels, MODEL)
    levels = Above(plain(images).numpy()[:, 0] + 2.0)
    stuck = FGSM()(plain, images, levels, epsilons=[0.2])
    broken = FGSM()(through(bpda(round_to_4_levels), MODEL), images, levels, epsilons=[0.2])
    assert not stuck.success.any()
    assert broken.success.all()


def dropped(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Each value times 0 or 2: the mean gradient is that of the model alone."""
    kept = tf.random.stateless_uniform(tf.shape(images), seed) < 0.5
    return tf.where(kept, 2.0 * images, 0.0)


def test_eot_averages_gradients_over_draws(images: np.ndarray) -> None:
    random = through(Stochastic(dropped), MODEL)
    assert isinstance(random, Stochastic)
    one = gradient_of(random, images) / MODEL.weights
    assert set(np.unique(np.round(one, 3))) == {0.0, 6.0}
    many = gradient_of(EOT(random, samples=400), images) / MODEL.weights
    np.testing.assert_allclose(many, 3.0, atol=0.75)  # 5 standard errors of 3 / sqrt(400)
    assert many.std() > 0.05


def test_eot_compiles_and_counts_as_one_model(images: np.ndarray) -> None:
    model = EOT(through(Stochastic(dropped), MODEL), samples=4)
    attack = PGD(3)
    first = attack(model, images, levels(), epsilons=[0.1], seed=1)
    again = attack(model, images, levels(), epsilons=[0.1], seed=1)
    np.testing.assert_array_equal(first.perturbed, again.perturbed)
    np.testing.assert_array_equal(first.margin, again.margin)
    assert attack.traces == 1


def test_a_random_model_is_judged_on_one_draw_no_attack_saw(images: np.ndarray) -> None:
    seen: list[np.ndarray] = []

    def remembering(x: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        tf.py_function(lambda s: seen.append(s.numpy()), [seed], [])
        return MODEL(x)

    FGSM()(EOT(remembering, samples=3), images, levels(), epsilons=[0.1])
    seeds = {tuple(seed) for seed in seen}
    assert len(seen) == 3 + 2  # one draw in float and the same in 8 bits
    assert len(seeds) == 3 + 1


def test_through_hands_different_seeds_to_cleaner_and_target(images: np.ndarray) -> None:
    def outputs(x: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        return tf.concat([x[:, 0, 0, :2], tf.cast(tf.tile(seed[None], [2, 1]), tf.float32)], -1)

    def cleaner(x: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        return tf.zeros_like(x) + tf.cast(seed[0], tf.float32)

    values = through(Stochastic(cleaner, 5), Stochastic(outputs, 2))
    assert values.samples == 5
    got = values(tf.constant(images), SEED).numpy()
    assert (got[:, 0] != got[:, 2]).all()


def test_refuses_no_samples() -> None:
    with pytest.raises(ValueError, match="samples must be at least 1"):
        EOT(dropped, samples=0)
