"""A small network is made robust; what it was stays what it was."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from resgn.robust_target import (
    RobustConfig,
    load_robust,
    network_of,
    save_robust,
    train_robust,
    trainable_copy,
)
from resgn.target import Target
from weights import keras_h5
from weights.errors import InputError
from weights.made_for import Content

SIDE = 8
CONFIG = RobustConfig(epochs=4, batch_size=4, learning_rate=3e-3)


def toy_target(file: Content | None = None, seed: int = 3) -> Target:
    """Two convolutions with BatchNorm, as FaceNet has it, and images that it first brightens."""
    tf.keras.utils.set_random_seed(seed)
    inputs = tf.keras.Input((SIDE, SIDE, 3))
    x = inputs
    for number in range(2):
        x = tf.keras.layers.Conv2D(8, 3, use_bias=False, name=f"conv{number}")(x)
        x = tf.keras.layers.BatchNormalization(scale=False, name=f"norm{number}")(x)
        x = tf.keras.layers.ReLU()(x)
    x = tf.keras.layers.GlobalAveragePooling2D()(x)
    network = tf.keras.Model(inputs, tf.keras.layers.Dense(4, name="embedding")(x))
    for number in range(2):
        normal = network.get_layer(f"norm{number}")
        normal.moving_mean.assign(tf.random.normal([8], stddev=0.1))
        normal.moving_variance.assign(tf.random.uniform([8], 0.2, 0.5))
    network.trainable = False
    content = file or Content("0123456789abcdef", "toy.pb")
    return Target("facenet", tf.sqrt, lambda size: network, SIDE, (0.0,), content)


def faces(count: int = 12) -> np.ndarray:
    return np.random.default_rng(0).integers(30, 220, (count, SIDE, SIDE, 3), np.uint8)


def uphill(robust: Target, images: tf.Tensor, wanted: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
    """One step away from the embedding that is wanted, from a random start."""
    seed = tf.stack([tf.constant(1, tf.int64), step])
    start = images + tf.random.stateless_uniform(tf.shape(images), seed, -0.01, 0.01)
    with tf.GradientTape() as tape:
        tape.watch(start)
        distance = tf.reduce_sum(tf.math.squared_difference(robust(start), wanted))
    moved = start + 0.06 * tf.sign(tape.gradient(distance, start))
    return tf.clip_by_value(moved, 0.0, 1.0)


def distances(found: tf.Tensor, wanted: np.ndarray) -> np.ndarray:
    return np.square(found.numpy() - wanted).sum(-1)


def attacked(robust: Target, images: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    floats = tf.constant(images / np.float32(255))
    made = uphill(robust, floats, tf.constant(wanted), tf.constant(99, tf.int64))
    return distances(robust(made), wanted)


def test_a_copy_is_the_same_and_has_weights_of_its_own() -> None:
    target, images = toy_target(), tf.constant(faces() / np.float32(255))
    before = target(images).numpy()
    copied = trainable_copy(target)
    np.testing.assert_allclose(copied(images), before, atol=1e-5)
    network = network_of(copied)
    assert len(network.trainable_variables) == 6  # a kernel and a bias each
    assert not [layer for layer in network.layers if "normal" in type(layer).__name__.lower()]
    for variable in network.trainable_variables:
        variable.assign(tf.zeros_like(variable))
    np.testing.assert_array_equal(target(images), before)


def test_it_withstands_what_the_target_does_not(tmp_path: Path) -> None:
    target, images = toy_target(), faces()
    wanted = target(tf.constant(images / np.float32(255))).numpy()
    seen: list[dict[str, float]] = []
    config = dataclasses.replace(CONFIG, epochs=25)
    robust = train_robust(
        target, images, wanted, uphill, config, tmp_path, lambda _, losses: seen.append(losses)
    )
    assert len(seen) == 25
    assert seen[-1]["attacked"] < 0.5 * seen[0]["attacked"]
    before, after = attacked(target, images, wanted), attacked(robust, images, wanted)
    assert after.mean() < 0.5 * before.mean(), (before, after)
    clean = distances(robust(tf.constant(images / np.float32(255))), wanted)
    assert clean.mean() < 0.1 * before.mean()
    # The target has not learned anything.
    np.testing.assert_array_equal(target(tf.constant(images / np.float32(255))), wanted)
    assert not network_of(robust).trainable_variables


def test_the_first_losses_by_hand(tmp_path: Path) -> None:
    """The copy begins as the target: its own distance is that of the attacked images alone."""
    target, images = toy_target(), faces(4)
    floats = tf.constant(images / np.float32(255))
    wanted = target(floats).numpy()
    seen: list[dict[str, float]] = []
    config = RobustConfig(epochs=1, batch_size=9)  # all four make the only step
    train_robust(
        target, images, wanted, uphill, config, tmp_path, lambda _, losses: seen.append(losses)
    )
    made = uphill(target, floats, tf.constant(wanted), tf.constant(0, tf.int64))
    (losses,) = seen
    assert losses["attacked"] == pytest.approx(distances(target(made), wanted).mean(), rel=1e-3)
    assert losses["untouched"] == pytest.approx(0.0, abs=1e-8)


def test_a_killed_training_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    target, images = toy_target(), faces()
    wanted = target(tf.constant(images / np.float32(255))).numpy()

    class KilledError(Exception):
        pass

    def killed(epoch: int, losses: dict[str, float]) -> None:
        if epoch == 2:
            raise KilledError

    with pytest.raises(KilledError):
        train_robust(target, images, wanted, uphill, CONFIG, tmp_path / "killed", killed)
    epochs: list[int] = []
    again = train_robust(
        target, images, wanted, uphill, CONFIG, tmp_path / "killed", lambda e, _: epochs.append(e)
    )
    assert epochs == [3, 4]
    whole = train_robust(target, images, wanted, uphill, CONFIG, tmp_path / "whole")
    for one, other in zip(network_of(again).weights, network_of(whole).weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_a_file_brings_it_back(tmp_path: Path) -> None:
    target, images = toy_target(), faces()
    floats = tf.constant(images / np.float32(255))
    wanted = target(floats).numpy()
    robust = train_robust(target, images, wanted, uphill, CONFIG, tmp_path / "training")
    file = tmp_path / "robust.h5"
    save_robust(robust, target, file, {"threshold": 0.5})
    assert keras_h5.read_attributes(file)["threshold"] == 0.5
    again = load_robust(file, target)
    np.testing.assert_array_equal(again(floats), robust(floats))
    assert np.abs(again(floats) - wanted).max() > 1e-4
    with pytest.raises(InputError, match=r"was fine-tuned from toy\.pb, not from other\.pb"):
        load_robust(file, toy_target(Content("fedcba9876543210", "other.pb")))
    keras_h5.save_weights(network_of(robust), tmp_path / "other.h5")
    with pytest.raises(InputError, match="not a robust target that this project saved"):
        load_robust(tmp_path / "other.h5", target)


def test_a_function_cannot_be_fine_tuned() -> None:
    target = Target("mine", tf.identity, lambda size: lambda x, training: x, SIDE, (0.0,))
    with pytest.raises(InputError, match="mine cannot be fine-tuned, only dlib and facenet can"):
        trainable_copy(target)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"epochs": 0}, "`robust_epochs` must be at least 1, got 0"),
        ({"batch_size": 0}, "`robust_batch_size` must be at least 1, got 0"),
        ({"learning_rate": 0.0}, "`robust_learning_rate` must be above 0 and finite, got 0.0"),
        ({"strength": float("nan")}, "`robust_strength` must be above 0 and finite, got nan"),
    ],
)
def test_bad_numbers_are_refused(values: dict[str, float], told: str) -> None:
    with pytest.raises(InputError, match=told):
        RobustConfig(**values)  # type: ignore[arg-type]
