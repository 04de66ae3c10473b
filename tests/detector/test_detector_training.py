from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from detector.training import Progress, Reconstruction, Trainer, TrainingConfig
from weights.errors import InputError

CONFIG = TrainingConfig(epochs=3, batch_size=4, learning_rate=0.05, halve_every=1, seed=7)


def toy() -> tf.keras.Model:
    """An autoencoder of 8x8 images with all kinds of layers that the real one has."""
    tf.keras.utils.set_random_seed(3)
    layers = tf.keras.layers
    return tf.keras.Sequential(
        [
            layers.Input((8, 8, 3)),
            layers.Conv2D(4, 3, 2, padding="same"),
            layers.BatchNormalization(momentum=0.5),
            layers.ReLU(),
            layers.Conv2DTranspose(3, 4, 2, padding="same", activation="sigmoid"),
        ]
    )


def images(count: int = 10) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.repeat(
        np.repeat(rng.integers(0, 256, (count, 4, 4, 3), np.uint8), 2, axis=1), 2, axis=2
    )


class KilledError(Exception):
    pass


def test_loss_is_the_mean_of_norms() -> None:
    error = np.zeros((2, 1, 1, 3), np.float32)
    error[0, 0, 0], error[1, 0, 0] = [0.3, 0.4, 0.0], [0.0, 0.0, 0.1]
    # Norms 0.5 and 0.1; of squares it would be 0.13.
    lesson = Reconstruction()
    norms = lesson.losses(lambda images, training: 0.0 * images, tf.constant(error), True)
    np.testing.assert_allclose(norms, [0.5, 0.1], rtol=1e-6)
    assert float(lesson.minimised(norms)) == pytest.approx(0.3)


def test_the_papers_learning_rates() -> None:
    config = TrainingConfig()
    assert (config.epochs, config.batch_size, config.momentum) == (30, 128, 0.9)
    assert (config.optimizer, config.loss, config.schedule) == ("sgd", "norm", "halved")
    rates = [config.rate(7 * epoch + 6, 7) for epoch in (0, 9, 10, 19, 20, 29)]
    assert rates == [0.1, 0.1, 0.05, 0.05, 0.025, 0.025]


def test_a_cosine_ends_at_nothing() -> None:
    config = dataclasses.replace(CONFIG, epochs=4, schedule="cosine", learning_rate=0.2)
    rates = [config.rate(step, 10) for step in (0, 10, 20, 30, 40)]
    half = 0.1 * np.sqrt(0.5)
    np.testing.assert_allclose(rates, [0.2, 0.1 + half, 0.1, 0.1 - half, 0.0], atol=1e-12)


@pytest.mark.parametrize("loss", ["norm", "squared"])
def test_the_loss_that_is_followed(tmp_path, loss: str) -> None:
    """One step on two images, one four times as far away: the square listens to it more."""
    inputs = tf.keras.Input((1, 1, 3))
    layer = tf.keras.layers.Dense(3, kernel_initializer="zeros")
    model = tf.keras.Model(inputs, layer(inputs))
    errors = np.array([[0.2, 0.0, 0.0], [0.0, 0.8, 0.0]])
    images = np.round(255.0 * errors).astype(np.uint8)[:, None, None]
    config = TrainingConfig(epochs=1, batch_size=2, learning_rate=0.1, loss=loss)
    Trainer(model, config, tmp_path).train(images)
    gradient = 2 * errors if loss == "squared" else np.sign(errors)
    np.testing.assert_allclose(layer.bias, 0.1 * gradient.mean(axis=0), atol=1e-4)


def test_adam_moves_every_weight_by_the_learning_rate(tmp_path) -> None:
    inputs = tf.keras.Input((1, 1, 3))
    layer = tf.keras.layers.Dense(3, kernel_initializer="zeros")
    model = tf.keras.Model(inputs, layer(inputs))
    image = np.array([255, 25, 2], np.uint8)[None, None, None]
    config = TrainingConfig(1, 1, "adam", learning_rate=0.01)
    Trainer(model, config, tmp_path).train(image)
    np.testing.assert_allclose(layer.bias, 0.01, rtol=1e-3)


def test_a_step_is_sgd_with_momentum(tmp_path) -> None:
    """Two steps on one image, written out: v = 0.9 v - rate g, w = w + v."""
    bias = np.array([0.2, 0.4, 0.6], np.float32)
    inputs = tf.keras.Input((1, 1, 3))
    layer = tf.keras.layers.Dense(3, kernel_initializer="zeros")
    model = tf.keras.Model(inputs, layer(inputs))
    layer.bias.assign(bias)
    layer.kernel.assign(tf.zeros([3, 3]))
    black = np.zeros((1, 1, 1, 3), np.uint8)
    config = TrainingConfig(epochs=2, batch_size=1, learning_rate=0.1, halve_every=1)
    Trainer(model, config, tmp_path).train(black)
    velocity = np.zeros(3)
    for rate in (0.1, 0.05):
        velocity = 0.9 * velocity - rate * bias / np.linalg.norm(bias)
        bias = bias + velocity
    np.testing.assert_allclose(layer.bias.numpy(), bias, rtol=1e-5)


def test_learns_and_reports(tmp_path) -> None:
    reports: list[Progress] = []
    config = dataclasses.replace(CONFIG, epochs=30, halve_every=10)
    trainer = Trainer(toy(), config, tmp_path)
    model = trainer.train(images(), images(3), reports.append)
    assert [report.step for report in reports[:3]] == [2, 4, 6]  # 10 images make 2 batches of 4
    assert reports[-1].loss < 0.7 * reports[0].loss
    assert trainer.traces == 1
    assert not model.trainable_variables
    held_out = images(3) / np.float32(255)
    error = (held_out - model(held_out, training=False)).numpy().reshape(3, -1)
    expected = np.linalg.norm(error, axis=1).mean()
    assert reports[-1].held_out == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("steps", [1, 3])
def test_a_killed_training_ends_with_the_same_weights(tmp_path, steps: int, mirror: bool) -> None:
    config = dataclasses.replace(CONFIG, mirror=mirror)
    expected = Trainer(toy(), config, tmp_path / "whole").train(images())
    count = 0

    def kill() -> None:
        nonlocal count
        count += 1
        if count == steps:
            raise KilledError

    with pytest.raises(KilledError):
        Trainer(toy(), config, tmp_path / "killed").train(images(), on_step=kill)
    trainer, done = Trainer(toy(), config, tmp_path / "killed"), []
    resumed = trainer.train(images(), on_step=lambda: done.append(trainer.steps_done))
    # Killed in the first step of an epoch (of two steps): there it goes on.
    assert done == list(range(steps, 7))
    for a, b in zip(expected.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_finished_training_is_not_repeated(tmp_path) -> None:
    first = Trainer(toy(), CONFIG, tmp_path).train(images()).get_weights()

    def never() -> None:
        raise AssertionError("trained again")

    again = Trainer(toy(), CONFIG, tmp_path).train(images(), on_step=never)
    for a, b in zip(first, again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_nan_stops_training(tmp_path) -> None:
    model = toy()
    model.layers[-1].bias.assign([np.nan] * 3)
    with pytest.raises(InputError, match="stopped at step 1: the reconstruction loss became nan"):
        Trainer(model, CONFIG, tmp_path).train(images())


def test_too_few_images_are_refused(tmp_path) -> None:
    with pytest.raises(InputError, match="3 training images do not fill a batch of 4"):
        Trainer(toy(), CONFIG, tmp_path).train(images(3))


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("epochs", 0, "`epochs` must be at least 1"),
        ("learning_rate", float("nan"), "`learning_rate` must be above 0"),
        ("optimizer", "adagrad", "`optimizer` must be sgd or adam, got 'adagrad'"),
        ("loss", "l1", "`loss` must be norm or squared"),
        ("schedule", "linear", "`schedule` must be halved or cosine"),
        ("momentum", 1.0, "`momentum` must lie in"),
    ],
)
def test_settings_out_of_range_are_refused(setting: str, value: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        dataclasses.replace(CONFIG, **{setting: value})
