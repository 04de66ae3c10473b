"""Algorithm 1 against a plain one in numpy, and what a cap does under its two readings."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from attacks import PerturbationAttack, SemanticMatch, Stochastic, equation_1
from attacks.adam import descend, no_moments
from attacks.objective import Objective

SIZE, COUNT, STEPS = 5, 4, 12
PIXELS = SIZE * SIZE * 3
SLICES = {
    "shape": slice(0, 4),
    "expression": slice(4, 6),
    "albedo": slice(6, 10),
    "rotation": slice(10, 12),
    "translation": slice(12, 14),
    "light": slice(14, 17),
}
WIDTH = 17
TERMS = equation_1(SLICES, {"shape": [9.0, 5.0, 2.0, 1.0], "albedo": 0.5})


class LinearEncoder:
    """Code = images times a fixed matrix."""

    def __init__(self, seed: int = 0, size: int = SIZE, scale: float = 0.5) -> None:
        rng = np.random.default_rng(seed)
        self.kernel = rng.normal(0.0, scale, (size * size * 3, WIDTH)).astype(np.float32)

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        return tf.reshape(images, [tf.shape(images)[0], -1]) @ self.kernel


class TanhEncoder(LinearEncoder):
    """A smooth one that is not linear."""

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        return 2.0 * tf.tanh(super().__call__(images - 0.5))


ENCODER = TanhEncoder()
ATTACK = PerturbationAttack(STEPS)
LITERAL = PerturbationAttack.literal(steps=STEPS, perturbation_weight=0.0)


def faces(rng: np.random.Generator, count: int = COUNT) -> np.ndarray:
    # Black, white and others, so that the limits of an image are met.
    return np.clip(rng.uniform(-0.2, 1.2, (count, SIZE, SIZE, 3)), 0.0, 1.0).astype(np.float32)


def match(encoder: LinearEncoder, images: np.ndarray, others: np.ndarray) -> SemanticMatch:
    return SemanticMatch(encoder(images), encoder(others), TERMS)


def plain_algorithm_1(
    images: np.ndarray,
    others: np.ndarray,
    epsilon: float,
    cap: float,
    pert_weight: float,
    project: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Image by image and term by term in float64, with the derivative by hand."""
    kernel = ENCODER.kernel.astype(np.float64)
    lambdas = {"shape": 0.01, "expression": 0.01, "albedo": 1.0, "pose": 0.05, "light": 1.5}
    parts = {name: np.arange(WIDTH)[SLICES[name]] for name in lambdas if name != "pose"}
    parts["pose"] = np.arange(10, 14)
    sigma = np.ones(WIDTH)
    sigma[0:4], sigma[6:10] = [9.0, 5.0, 2.0, 1.0], 0.5
    results, traces = [], []
    for image, other in zip(images.astype(np.float64), others.astype(np.float64), strict=True):
        target = 2.0 * np.tanh((other.ravel() - 0.5) @ kernel)
        flat = image.ravel()
        d, m, v = np.zeros(PIXELS), np.zeros(PIXELS), np.zeros(PIXELS)
        losses = []
        for step in range(1, STEPS + 1):
            clipped = np.clip(d, -cap, cap)
            attacked = np.clip(flat + epsilon * clipped, 0.0, 1.0)
            squashed = np.tanh((attacked - 0.5) @ kernel)
            difference = 2.0 * squashed - target
            loss, by_code = 0.0, np.zeros(WIDTH)
            for name, weight in lambdas.items():
                here = parts[name]
                loss += weight * np.sum(sigma[here] * np.abs(difference[here])) / len(here)
                by_code[here] = weight * sigma[here] * np.sign(difference[here]) / len(here)
            losses.append(loss + pert_weight * np.abs(d).mean())
            gradient = epsilon * (kernel @ (by_code * 2.0 * (1.0 - squashed**2)))
            if not project:
                gradient[(d < -cap) | (d > cap)] = 0.0
                outside = flat + epsilon * clipped
                gradient[(outside < 0.0) | (outside > 1.0)] = 0.0
            gradient += pert_weight * np.sign(d) / PIXELS
            m = 0.9 * m + 0.1 * gradient
            v = 0.999 * v + 0.001 * gradient**2
            d = d - 0.1 * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)
            if project:
                d = np.clip(d, -cap, cap)
                d = np.clip(d, -flat / epsilon, (1.0 - flat) / epsilon)
        results.append(np.clip(flat + epsilon * np.clip(d, -cap, cap), 0, 1).reshape(image.shape))
        traces.append(losses)
    return np.array(results), np.array(traces).T


@pytest.mark.parametrize("project", [True, False])
def test_is_algorithm_1(project: bool, rng: np.random.Generator) -> None:
    images, others = faces(rng), faces(rng)
    cap, weight = (0.4, 0.02) if project else (0.25, 0.02)
    attack = PerturbationAttack(
        STEPS, lower=-cap, upper=cap, perturbation_weight=weight, project=project
    )
    trace = attack.trace(ENCODER, images, match(ENCODER, images, others), epsilon=0.05)
    expected, losses = plain_algorithm_1(images, others, 0.05, cap, weight, project)
    np.testing.assert_allclose(trace.losses, losses, rtol=2e-4)
    # Where a sign hangs on rounding, float32 may go the other way: hardly anywhere.
    assert np.mean(np.abs(trace.perturbed - expected) > 1e-4) < 0.01
    assert np.abs(trace.perturbed - images).max() > 0.9 * 0.05 * cap


def test_adam_is_that_of_keras(rng: np.random.Generator) -> None:
    start, gradients = rng.normal(size=(3, 4)), rng.normal(size=(6, 3, 4)).astype(np.float32)
    variable = tf.Variable(start, dtype=tf.float32)
    values = tf.constant(start, tf.float32)
    moments = no_moments(values)
    optimiser = tf.keras.optimizers.Adam(0.1, epsilon=1e-8)
    for step, gradient in enumerate(gradients):
        optimiser.apply_gradients([(tf.constant(gradient), variable)])
        values, moments = descend(values, gradient, moments, tf.constant(step), 0.1)
    np.testing.assert_allclose(values, variable.numpy(), rtol=1e-5, atol=1e-6)


def test_gradient_of_the_pixels_against_finite_differences(rng: np.random.Generator) -> None:
    images, others = faces(rng), faces(rng)
    criterion = match(ENCODER, images, others)
    objective = Objective(ENCODER, criterion, criterion.tensors(), images, None, "linf")
    loss, gradient = objective.loss_and_gradient(tf.constant(images), tf.constant([0, 0]))
    kernel = ENCODER.kernel.astype(np.float64)
    target, weights = (tensor.numpy().astype(np.float64) for tensor in criterion.tensors()[:2])

    def delta(x: np.ndarray) -> np.ndarray:
        codes = 2.0 * np.tanh((x.reshape(COUNT, -1) - 0.5) @ kernel)
        return np.sum(weights * np.abs(codes - target), axis=-1)

    np.testing.assert_allclose(-loss, delta(images.astype(np.float64)), rtol=1e-5)
    for direction in rng.normal(size=(8, *images.shape)):
        small = 1e-6 * direction
        numeric = (delta(images + small) - delta(images - small)) / 2e-6
        found = -np.sum(gradient.numpy() * direction, axis=(1, 2, 3))
        np.testing.assert_allclose(found, numeric, rtol=1e-3, atol=1e-4)


def toy(rng: np.random.Generator) -> tuple[LinearEncoder, np.ndarray, SemanticMatch]:
    """A linear encoder of 48x48 images, and targets that a change of 0.02 can reach."""
    encoder = LinearEncoder(1, 48, 0.02)
    images = rng.uniform(0.2, 0.8, (COUNT, 48, 48, 3)).astype(np.float32)
    others = images + rng.uniform(-1.0, 1.0, images.shape).astype(np.float32)
    return encoder, images, match(encoder, images, others)


def test_a_cap_on_d_itself_saturates_at_the_first_step(rng: np.random.Generator) -> None:
    encoder, images, criterion = toy(rng)
    trace = LITERAL.trace(encoder, images, criterion, epsilon=0.05)
    assert (trace.losses[1] != trace.losses[0]).all()
    np.testing.assert_array_equal(trace.losses[1:], np.broadcast_to(trace.losses[1], (11, COUNT)))
    # All that happens is one step of FGSM of size 0.05 * 0.02.
    np.testing.assert_allclose(np.abs(trace.perturbed - images), 0.001, atol=1e-6)


def test_a_cap_on_the_pixels_lets_adam_go_on(rng: np.random.Generator) -> None:
    encoder, images, criterion = toy(rng)
    attack = PerturbationAttack(50, perturbation_weight=0.0)
    losses = attack.trace(encoder, images, criterion, epsilon=0.05).losses
    literal = LITERAL.trace(encoder, images, criterion, epsilon=0.05).losses
    # With the paper's learning rate it does not come to rest: the mean of the second half.
    assert (losses[25:].mean(axis=0) < 0.3 * losses[0]).all()
    assert (losses[25:].mean(axis=0) < 0.3 * literal[-1]).all()


def test_one_dimension_by_hand() -> None:
    # Code = 100 times the sum of all pixels; the target is too far to be reached.
    def encoder(images: tf.Tensor) -> tf.Tensor:
        return 100.0 * tf.reduce_sum(images, axis=[1, 2, 3])[:, tf.newaxis]

    images = np.full((1, 1, 1, 3), 0.5, np.float32)
    names = ("shape", "expression", "albedo", "rotation", "translation", "light")
    criterion = SemanticMatch(
        [[150.0]], [[400.0]], equation_1(dict.fromkeys(names, slice(0, 1)), only=["light"])
    )
    attack = PerturbationAttack(2, perturbation_weight=0.03)
    trace = attack.trace(encoder, images, criterion, epsilon=0.05)
    # Delta = 1.5 * |150 - 400|. Adam's first step is its learning rate: d = 0.1 everywhere, the
    # code 151.5 and the mean of |d| 0.1.
    np.testing.assert_allclose(trace.distances[:, 0], [375.0, 372.75], rtol=1e-6)
    np.testing.assert_allclose(trace.losses[:, 0], [375.0, 372.753], rtol=1e-6)
    np.testing.assert_allclose(trace.perturbed, 0.5 + 0.05 * 0.2, rtol=1e-5)


def test_perturbation_weight_draws_back(rng: np.random.Generator) -> None:
    images, others = faces(rng), faces(rng)
    criterion = match(ENCODER, images, others)
    sizes = [
        np.abs(
            PerturbationAttack(STEPS, perturbation_weight=weight)
            .trace(ENCODER, images, criterion, epsilon=0.05)
            .perturbed
            - images
        ).mean()
        for weight in (0.0, 100.0)
    ]
    assert sizes[1] < 0.7 * sizes[0]


def test_trace_and_call_are_the_same_attack(rng: np.random.Generator) -> None:
    images, others = faces(rng), faces(rng)
    criterion = match(ENCODER, images, others)
    result = ATTACK(ENCODER, images, criterion, epsilons=[0.02, 0.05])
    trace = ATTACK.trace(ENCODER, images, criterion, epsilon=0.05)
    np.testing.assert_allclose(result.perturbed[1], trace.perturbed, atol=1e-5)
    assert result.epsilons == (0.02, 0.05)
    # Half the way is what the criterion asks for.
    half = 0.5 * trace.distances[0]
    reached = half + criterion.loss(ENCODER(result.perturbed[1]), *criterion.tensors())
    np.testing.assert_allclose(result.margin[1], reached, rtol=1e-3, atol=1e-3)


def test_pairs_do_not_know_of_each_other_and_batches_do_not_show(rng: np.random.Generator) -> None:
    images, others = faces(rng, 7), faces(rng, 7)
    criterion = match(ENCODER, images, others)
    together = ATTACK.craft(ENCODER, images, criterion, epsilons=[0.05])
    batches = ATTACK.craft(ENCODER, images, criterion, epsilons=[0.05], batch_size=COUNT)
    for k in (0, 6):
        alone = ATTACK.craft(
            ENCODER,
            images[k : k + 1],
            match(ENCODER, images[k : k + 1], others[k : k + 1]),
            epsilons=[0.05],
        )
        for other in (together, batches):
            difference = np.abs(alone[0, 0] - other[0, k])
            assert np.mean(difference > 1e-4) < 0.03  # but for signs that hang on rounding


def test_a_trace_in_batches_is_that_of_the_whole(rng: np.random.Generator) -> None:
    images, others = faces(rng, 7), faces(rng, 7)
    criterion = match(ENCODER, images, others)
    whole, batches = (
        PerturbationAttack(2).trace(ENCODER, images, criterion, epsilon=0.05, batch_size=size)
        for size in (7, 3)
    )
    for name in ("losses", "distances"):
        np.testing.assert_allclose(getattr(batches, name), getattr(whole, name), rtol=1e-4)
    assert np.mean(np.abs(batches.perturbed - whole.perturbed) > 1e-4) < 0.01


def test_compiled_once_for_each_shape(rng: np.random.Generator) -> None:
    attack, encoder = PerturbationAttack(2), TanhEncoder(3)
    for factor in (0.01, 0.05):
        images, others = faces(rng), faces(rng)
        for terms in (TERMS, equation_1(SLICES, only=["light"])):
            criterion = SemanticMatch(encoder(images), encoder(others), terms)
            attack.craft(encoder, images, criterion, epsilons=[factor])
            attack.trace(encoder, images, criterion, epsilon=factor)
    assert attack.traces == 2  # one for images alone, one for images with losses


@settings(max_examples=25, deadline=None)
@given(
    epsilon=st.floats(1e-3, 6.0),
    seed=st.integers(0, 2**31 - 1),
    which=st.sampled_from(["b", "a", "one-sided"]),
    share=st.sampled_from([0.3, 1.0]),
)
def test_never_leaves_cap_mask_or_cube(epsilon: float, seed: int, which: str, share: float) -> None:
    attack = ATTACKS[which]
    rng = np.random.default_rng(seed)
    images, others = faces(rng), faces(rng)
    mask = (rng.random((COUNT, SIZE, SIZE, 1)) <= share).astype(np.float32)
    result = attack.craft(
        ENCODER, images, match(ENCODER, images, others), epsilons=[epsilon], mask=mask
    )[0]
    assert result.min() >= 0.0
    assert result.max() <= 1.0
    change = (result - images).astype(np.float64)
    assert not (change * (1.0 - mask)).any()
    assert change.max() <= epsilon * attack.upper + 1e-6
    assert change.min() >= epsilon * attack.lower - 1e-6


ATTACKS = {"b": ATTACK, "a": LITERAL, "one-sided": PerturbationAttack(4, lower=0.0, upper=0.3)}


def test_a_random_encoder_and_a_repeatable_seed(rng: np.random.Generator) -> None:
    def noisy(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        return ENCODER(images + 0.01 * tf.random.stateless_normal(tf.shape(images), seed))

    images, others = faces(rng), faces(rng)
    model, criterion = Stochastic(noisy), match(ENCODER, images, others)
    first, again, other = (
        ATTACK.craft(model, images, criterion, epsilons=[0.05], seed=seed) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"steps": 0}, "steps must be at least 1"),
        ({"learning_rate": 0.0}, "learning_rate must be positive"),
        ({"max_perturbation": -0.02}, "max_perturbation must be positive"),
        ({"perturbation_weight": -1.0}, "perturbation_weight must not be negative"),
        ({"lower": 0.1}, "lower <= 0 <= upper"),
        ({"lower": 0.0, "upper": 0.0}, "leaves nothing to perturb"),
    ],
)
def test_refuses(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PerturbationAttack(**arguments)


def test_refuses_other_inputs(rng: np.random.Generator) -> None:
    images = faces(rng)
    criterion = match(ENCODER, images, faces(rng))
    with pytest.raises(ValueError, match="4 rows for 2 images"):
        ATTACK.trace(ENCODER, images[:2], criterion, epsilon=0.05)
    with pytest.raises(ValueError, match="epsilon must be positive"):
        ATTACK.craft(ENCODER, images, criterion, epsilons=[0.0])
