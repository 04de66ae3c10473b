"""FGSM and PGD against an independent computation, and against foolbox and cleverhans."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

from attacks import APGD, FGSM, MIFGSM, PGD, Criterion, Dodging
from attacks.apgd import checkpoints
from tests.attacks.toy import Above, Linear, RandomProjection

SIZE = 4
COUNT = 8
MODEL = RandomProjection(SIZE)


@pytest.fixture
def images(rng: np.random.Generator) -> np.ndarray:
    return rng.uniform(0.0, 1.0, (COUNT, SIZE, SIZE, 3)).astype(np.float32)


@pytest.fixture
def references(rng: np.random.Generator) -> np.ndarray:
    vectors = rng.normal(size=(COUNT, 5))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def distance_gradient(x: np.ndarray, references: np.ndarray) -> np.ndarray:
    """The gradient of |u - r|^2 = 2 - 2 u.r, u = e / |e|, e = tanh(x K), by the chain rule."""
    kernel = MODEL.kernel.astype(np.float64)
    e = np.tanh(x.reshape(len(x), -1) @ kernel)
    length = np.linalg.norm(e, axis=1, keepdims=True)
    u = e / length
    by_e = -2.0 * (references - u * np.sum(u * references, axis=1, keepdims=True)) / length
    return ((by_e * (1.0 - e**2)) @ kernel.T).reshape(x.shape)


def length_of(x: np.ndarray) -> np.ndarray:
    return np.sqrt(np.square(x).sum((1, 2, 3), keepdims=True))


def plain_pgd(
    gradient: Callable[[np.ndarray], np.ndarray],
    images: np.ndarray,
    epsilon: float,
    step: float,
    steps: int,
    norm: str,
) -> np.ndarray:
    """Madry et al.'s iteration as foolbox and cleverhans have it, in float64."""
    start = x = images.astype(np.float64)
    for _ in range(steps):
        g = gradient(x)
        x = x + step * (np.sign(g) if norm == "linf" else g / length_of(g))
        delta = x - start
        if norm == "linf":
            delta = np.clip(delta, -epsilon, epsilon)
        else:
            delta = delta * np.minimum(1.0, epsilon / length_of(delta))
        x = np.clip(start + delta, 0.0, 1.0)
    return x


@pytest.mark.parametrize(("norm", "epsilon"), [("linf", 0.1), ("l2", 0.7)])
def test_one_and_many_steps_match_a_plain_computation(
    norm: str, epsilon: float, images: np.ndarray, references: np.ndarray
) -> None:
    def gradient(x: np.ndarray) -> np.ndarray:
        return distance_gradient(x, references)

    criterion = Dodging(references, 3.9)
    one = FGSM(norm).craft(MODEL, images, criterion, epsilons=[epsilon])[0]
    expected = plain_pgd(gradient, images, epsilon, epsilon, 1, norm)
    np.testing.assert_allclose(one, expected, atol=2e-6)

    attack = PGD(12, norm, relative_step=0.3, random_start=False, keep_best=False)
    many = attack.craft(MODEL, images, criterion, epsilons=[epsilon])[0]
    expected = plain_pgd(gradient, images, epsilon, 0.3 * epsilon, 12, norm)
    near = np.abs(many - expected) < 1e-4  # the sign of a gradient near zero is rounding's
    assert near.mean() > 0.98
    assert np.abs(one - many).max() > 1e-3


def test_momentum_as_the_paper_writes_it(images: np.ndarray, references: np.ndarray) -> None:
    attack = MIFGSM(6, decay=0.8)
    got = attack.craft(MODEL, images, Dodging(references, 3.9), epsilons=[0.1])[0]
    x, g = images.astype(np.float64), np.zeros_like(images, np.float64)
    for _ in range(6):
        gradient = distance_gradient(x, references)
        g = 0.8 * g + gradient / np.abs(gradient).sum((1, 2, 3), keepdims=True)
        x = np.clip(images + np.clip(x + 0.1 / 6 * np.sign(g) - images, -0.1, 0.1), 0.0, 1.0)
    assert (np.abs(got - x) < 1e-5).mean() > 0.98


def test_checkpoints_of_auto_pgd() -> None:
    # p = 0, 0.22, 0.41, 0.57, 0.70, 0.80, 0.87, 0.93, 0.99: Section 3.1 by hand.
    assert checkpoints(100) == [22, 41, 57, 70, 80, 87, 93, 99]


def test_auto_pgd_shrinks_its_step_where_a_fixed_one_jumps_about() -> None:
    # A narrow ridge: |w . x - level| has to become small, steps of a fixed size jump across.
    linear = Linear(SIZE)
    images = np.full((COUNT, SIZE, SIZE, 3), 0.5, np.float32)
    level = linear(images) + 1.3

    def ridge(x: tf.Tensor) -> tf.Tensor:
        return -tf.abs(linear(x) - level)

    criterion = Above(np.zeros(COUNT))  # never reached: the margin is minus the distance
    auto = APGD(60)(ridge, images, criterion, epsilons=[0.2])
    fixed = PGD(60, relative_step=0.5)(ridge, images, criterion, epsilons=[0.2])
    assert (auto.margin > 0.1 * fixed.margin).all()


class CrossEntropy(Criterion):
    """Misclassification, as the peers know it."""

    def __init__(self, labels: np.ndarray) -> None:
        self.labels = tf.constant(labels, tf.int32)

    def __len__(self) -> int:
        return len(self.labels)

    def tensors(self) -> tuple[tf.Tensor, ...]:
        return (self.labels,)

    def loss(self, outputs: tf.Tensor, *data: tf.Tensor) -> tf.Tensor:
        return tf.nn.sparse_softmax_cross_entropy_with_logits(data[0], outputs)

    def margin(self, outputs: tf.Tensor, *data: tf.Tensor) -> tf.Tensor:
        own = tf.one_hot(data[0], outputs.shape[-1], True, False, dtype=tf.bool)
        others = tf.reduce_max(tf.where(own, -float("inf"), outputs), axis=-1)
        return others - tf.reduce_sum(tf.where(own, outputs, 0.0), axis=-1)


def ours(images: np.ndarray, labels: np.ndarray, norm: str, epsilon: float, steps: int) -> tuple:
    attack = PGD(steps, norm, relative_step=0.3, random_start=False, keep_best=False)
    criterion = CrossEntropy(labels)
    return (
        FGSM(norm).craft(MODEL, images, criterion, epsilons=[epsilon])[0],
        attack.craft(MODEL, images, criterion, epsilons=[epsilon])[0],
    )


def assert_agree(got: tuple, expected: tuple) -> None:
    for one, other in zip(got, expected, strict=True):
        assert (np.abs(one - other) < 1e-4).mean() > 0.98


@pytest.mark.parametrize(("norm", "epsilon"), [("linf", 0.1), ("l2", 0.7)])
def test_agrees_with_foolbox(
    norm: str, epsilon: float, images: np.ndarray, rng: np.random.Generator
) -> None:
    foolbox = pytest.importorskip("foolbox")
    labels = rng.integers(0, 5, COUNT)
    model = foolbox.TensorFlowModel(MODEL, bounds=(0.0, 1.0), device="/CPU:0")
    attacks = foolbox.attacks
    one, many = (
        (attacks.FGSM(random_start=False), attacks.LinfPGD)
        if norm == "linf"
        else (attacks.L2FastGradientAttack(random_start=False), attacks.L2PGD)
    )
    peers = (one, many(rel_stepsize=0.3, steps=12, random_start=False))
    criterion = foolbox.criteria.Misclassification(tf.constant(labels))
    expected = tuple(
        attack.run(model, tf.constant(images), criterion, epsilon=epsilon).numpy()
        for attack in peers
    )
    assert_agree(ours(images, labels, norm, epsilon, 12), expected)


@pytest.mark.parametrize(("norm", "epsilon"), [("linf", 0.1), ("l2", 0.7)])
def test_agrees_with_cleverhans(
    norm: str, epsilon: float, images: np.ndarray, rng: np.random.Generator
) -> None:
    pytest.importorskip("cleverhans")
    from cleverhans.tf2.attacks.fast_gradient_method import fast_gradient_method
    from cleverhans.tf2.attacks.projected_gradient_descent import projected_gradient_descent

    labels = rng.integers(0, 5, COUNT)
    if norm == "l2":  # cleverhans clips to [0, 1] before it projects, too: keep clear of that
        images, epsilon = 0.3 + 0.4 * images, 0.3
    order = np.inf if norm == "linf" else 2
    limits = {"clip_min": 0.0, "clip_max": 1.0, "y": tf.constant(labels)}
    x = tf.constant(images)
    one = fast_gradient_method(MODEL, x, epsilon, order, **limits).numpy()
    many = projected_gradient_descent(
        MODEL, x, epsilon, 0.3 * epsilon, 12, order, rand_init=False, sanity_checks=False, **limits
    ).numpy()
    assert_agree(ours(images, labels, norm, epsilon, 12), (one, many))
