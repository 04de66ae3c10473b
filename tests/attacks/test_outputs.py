"""Models and criteria of other types work, or are answered in one sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from attacks import (
    APGD,
    FGSM,
    Attack,
    DeepFool,
    Dodging,
    FixedPointAttack,
    PerturbationAttack,
    Square,
    Stochastic,
    UniversalPerturbation,
    judge,
    minimum_epsilon,
    random_without_eot,
    with_score,
    zero_gradients,
)
from tests.attacks.toy import Above, Linear

SIZE = 4
COUNT = 3
LINEAR = Linear(SIZE)
IMAGES = np.full((COUNT, SIZE, SIZE, 3), 0.5, np.float32)
CRITERION = Above(np.zeros(COUNT))


def in_type(kind: tf.DType) -> Callable[[tf.Tensor], tf.Tensor]:
    return lambda images: tf.cast(LINEAR(images), kind)


FLOATS = [tf.float16, tf.bfloat16, tf.float64]


@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize(
    "attack",
    [FGSM(), APGD(3), DeepFool(3), Square(4), PerturbationAttack(3)],
    ids=lambda attack: type(attack).__name__,
)
def test_any_floating_point_type_will_do(attack: Attack, kind: tf.DType) -> None:
    model = in_type(kind)
    result = attack(model, IMAGES, CRITERION, epsilons=[0.1])
    same = attack(LINEAR, IMAGES, CRITERION, epsilons=[0.1])
    assert result.margin.dtype == np.float32
    expected = LINEAR(result.perturbed[0]).numpy()[:, 0]
    np.testing.assert_allclose(result.margin[0], expected, rtol=0.01, atol=0.01)
    if not isinstance(attack, DeepFool):
        np.testing.assert_allclose(result.perturbed, same.perturbed, atol=1e-6)


@pytest.mark.parametrize("kind", FLOATS)
def test_checks_searches_and_scores_take_them_too(kind: tf.DType) -> None:
    model = in_type(kind)
    assert zero_gradients(model, IMAGES, CRITERION) is None
    assert random_without_eot(model, IMAGES) is None
    needed = Above(LINEAR(IMAGES).numpy()[:, 0] + 1.0)
    found = minimum_epsilon(FGSM(), model, IMAGES, needed)
    np.testing.assert_allclose(found.values, 1.0 / np.abs(LINEAR.weights).sum(), rtol=0.1)
    learned = UniversalPerturbation(1, 2, relative_step=1.0).learn(
        model, IMAGES, CRITERION, epsilon=0.1
    )
    np.testing.assert_allclose(learned, 0.1 * np.sign(LINEAR.weights), rtol=1e-5)
    both = with_score(model, lambda images: tf.reduce_mean(images, [1, 2, 3]))
    assert both(tf.constant(IMAGES)).shape == (COUNT, 2)
    seeded = Stochastic(lambda images, seed: model(images))
    np.testing.assert_allclose(
        judge(seeded, IMAGES[np.newaxis], CRITERION)[0],
        judge(model, IMAGES[np.newaxis], CRITERION)[0],
    )


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda x: tf.argmax(x, -1), "got int64, which has no gradient"),
        (lambda x: tf.cast(255.0 * LINEAR(x), tf.uint8), "got uint8, which has no gradient"),
        (lambda x: LINEAR(x) > 0.0, "got bool, which has no gradient"),
        (lambda x: tf.complex(LINEAR(x), 0.0), "got complex64"),
        (lambda x: LINEAR(x)[:, 0], r"got shape \(3,\): flatten it to two dimensions"),
        (lambda x: x, r"got shape \(3, 4, 4, 3\): flatten it"),
        (lambda x: tf.reduce_sum(LINEAR(x)), r"got shape \(\): flatten it"),
        (lambda x: LINEAR(x)[:1], r"got shape \(1, 1\) for 3 images"),
        (lambda x: {"embedding": LINEAR(x)}, "got a dict: wrap it in a function that picks one"),
        (lambda x: [LINEAR(x), LINEAR(x)], "got a list: wrap it"),
        (lambda x: None, "got a NoneType: wrap it"),
    ],
)
def test_other_outputs_are_named_in_one_sentence(model: Any, message: str) -> None:
    wanted = "A model under attack must return one tensor of floating-point outputs"
    for use in (
        lambda: FGSM().craft(model, IMAGES, CRITERION, epsilons=[0.1], batch_size=3),
        lambda: judge(model, IMAGES[np.newaxis], CRITERION, batch_size=3),
        lambda: zero_gradients(model, IMAGES, CRITERION, batch_size=3),
        lambda: random_without_eot(model, IMAGES),
    ):
        with pytest.raises(ValueError, match=message) as caught:
            use()
        text = str(caught.value)
        assert text.startswith(wanted)
        assert "\n" not in text


class Column(Above):
    """Forgets to take the first output, so that everything is [N, 1]."""

    def loss(self, outputs: tf.Tensor, *data: tf.Tensor) -> tf.Tensor:
        return outputs

    def margin(self, outputs: tf.Tensor, *data: tf.Tensor) -> tf.Tensor:
        return outputs - data[0][:, tf.newaxis]


class Doubled(Above):
    """Computes in float64."""

    def loss(self, outputs: tf.Tensor, *data: tf.Tensor) -> tf.Tensor:
        return tf.cast(super().loss(outputs, *data), tf.float64)

    def margin(self, outputs: tf.Tensor, *data: tf.Tensor) -> tf.Tensor:
        return tf.cast(super().margin(outputs, *data), tf.float64)


def test_a_criterion_gives_one_number_for_each_image() -> None:
    column = Column(np.zeros(COUNT))
    with pytest.raises(ValueError, match=r"margin of Column must be \[N\]") as caught:
        FGSM()(LINEAR, IMAGES, column, epsilons=[0.1], batch_size=3)
    assert str(caught.value).endswith("one number for each of 3 images; got shape (3, 1).")
    with pytest.raises(ValueError, match="loss of Column must be"):
        PerturbationAttack(2).craft(LINEAR, IMAGES, column, epsilons=[0.1], batch_size=3)

    class Late(Above):
        def success(self, outputs: tf.Tensor, *data: tf.Tensor) -> tf.Tensor:
            return outputs > data[0][:, tf.newaxis]

    with pytest.raises(ValueError, match="success of Late must be"):
        judge(LINEAR, IMAGES[np.newaxis], Late(np.zeros(COUNT)), batch_size=3)


def test_a_criterion_may_compute_in_another_type() -> None:
    one, other = (
        FGSM()(LINEAR, IMAGES, kind(np.zeros(COUNT)), epsilons=[0.1]) for kind in (Doubled, Above)
    )
    np.testing.assert_array_equal(one.perturbed, other.perturbed)
    np.testing.assert_array_equal(one.margin, other.margin)


def test_an_attack_on_a_fit_takes_any_type() -> None:
    class Sum:
        def follow(self, x: np.ndarray, code: np.ndarray, /) -> np.ndarray:
            return np.array([np.sum(x * LINEAR.weights)])

        def pull_back(self, x: np.ndarray, code: np.ndarray, d: np.ndarray, /) -> np.ndarray:
            return d[0] * LINEAR.weights

    codes = np.sum(IMAGES * LINEAR.weights, axis=(1, 2, 3))[:, np.newaxis]
    found = FixedPointAttack(2).craft(
        Sum(), IMAGES, codes, CRITERION, 0.1, outputs=lambda code: tf.cast(code, tf.float64)
    )
    np.testing.assert_allclose(found - IMAGES, 0.1 * np.sign(IMAGES * LINEAR.weights), atol=1e-6)


def test_embeddings_in_half_precision_dodge() -> None:
    def embed(images: tf.Tensor) -> tf.Tensor:
        return tf.cast(tf.reduce_mean(images, [1, 2]), tf.float16)

    images = IMAGES + np.array([0.1, 0.0, -0.1], np.float32)
    references = np.asarray(embed(tf.constant(images)))
    result = FGSM()(embed, images, Dodging(references, 0.001), epsilons=[0.2])
    assert np.isfinite(result.margin).all()
