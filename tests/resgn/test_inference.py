"""Networks as they are cheapest to run: the same numbers, fewer layers, a smaller type."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

from resgn.inference import critic, for_inference
from resgn.target import load_target
from resgn.vgg_face import vgg_face

layers = tf.keras.layers


@pytest.fixture
def network(rng: np.random.Generator) -> tf.keras.Model:
    """BatchNorm behind layers that it can be folded into, and behind others."""
    image = layers.Input((None, None, 3))
    x = layers.BatchNormalization(name="first")(image)
    x = layers.Conv2D(4, 3, use_bias=False, name="bare")(x)
    x = layers.BatchNormalization(scale=False, name="bare_norm")(x)
    shared = layers.Conv2D(4, 1, name="shared")(layers.ReLU()(x))
    y = layers.BatchNormalization(name="shared_norm")(shared)
    x = layers.Add()([y, shared])
    x = layers.Conv2D(4, 3, activation="relu", name="bent")(x)
    x = layers.BatchNormalization(name="bent_norm")(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.BatchNormalization(name="dense_norm")(layers.Dense(5, name="dense")(x))
    model = tf.keras.Model(image, x)
    for variable in model.weights:
        signs = rng.choice([-1, 1], variable.shape)
        inputs = np.prod(variable.shape[:-1])  # so that no ReLU is dead
        variable.assign(rng.uniform(0.5, 1.5, variable.shape) * signs / np.sqrt(inputs))
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.moving_mean.assign(rng.uniform(-0.5, 0.5, layer.moving_mean.shape))
            layer.moving_variance.assign(rng.uniform(0.5, 2.0, layer.moving_variance.shape))
    model.trainable = False
    return model


def test_folding_changes_neither_outputs_nor_gradients(network: tf.keras.Model) -> None:
    images = tf.random.uniform((2, 9, 9, 3), seed=1)
    fast = for_inference(network)

    def both(model: tf.keras.Model) -> tuple[np.ndarray, np.ndarray]:
        with tf.GradientTape() as tape:
            tape.watch(images)
            outputs = model(images, training=False)
            loss = tf.reduce_sum(outputs[:, :2])
        return outputs.numpy(), tape.gradient(loss, images).numpy()

    for before, after in zip(both(network), both(fast), strict=True):
        assert np.ptp(before) > 0.0
        np.testing.assert_allclose(after, before, rtol=1e-4, atol=1e-4 * np.abs(before).max())
    kept = {layer.name for layer in fast.layers if isinstance(layer, layers.BatchNormalization)}
    # Folded: behind a convolution of its own, with or without bias, and behind a dense layer.
    assert kept == {"first", "shared_norm", "bent_norm"}
    assert fast.trainable_variables == []


def test_a_smaller_type_holds_weights_and_comes_close(network: tf.keras.Model) -> None:
    images = tf.random.uniform((2, 9, 9, 3), seed=1)
    fast = for_inference(network, "bfloat16")
    assert {weight.dtype for weight in fast.get_layer("bare").weights} == {tf.bfloat16}
    expected = network(images).numpy()
    given = critic(network, "bfloat16")(images)
    assert given.dtype == tf.float32
    np.testing.assert_allclose(given, expected, rtol=0.0, atol=0.05 * np.abs(expected).max())


def test_a_critic_is_constant_and_has_the_gradient_of_its_network(network: tf.keras.Model) -> None:
    images = tf.random.uniform((2, 9, 9, 3), seed=1)
    frozen, model = critic(network, "bfloat16"), for_inference(network, "bfloat16")

    @tf.function
    def gradient(judge: Callable[..., tf.Tensor]) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(images)
            loss = tf.reduce_sum(tf.cast(judge(images, training=False), tf.float32)[:, :2])
        return tape.gradient(loss, images)

    expected = gradient(model).numpy()
    assert np.ptp(expected) > 0.0
    np.testing.assert_allclose(
        gradient(frozen).numpy(), expected, rtol=0.0, atol=0.02 * np.abs(expected).max()
    )
    before = frozen(images).numpy()
    for variable in (*network.weights, *model.weights):
        variable.assign(tf.zeros_like(variable))
    np.testing.assert_array_equal(frozen(images), before)


@pytest.mark.parametrize("order", ["RGB", "BGR"])
def test_vgg_face_as_a_critic(order: str) -> None:
    model = vgg_face(width=1 / 16, input_size=64, channel_order=order)
    images = tf.random.uniform((2, 100, 80, 3), seed=1)
    expected = model(images).numpy()
    given = critic(model, "bfloat16")(images).numpy()
    np.testing.assert_allclose(given, expected, rtol=0.0, atol=0.03 * np.abs(expected).max())


def test_a_target_as_a_critic() -> None:
    target = load_target("dlib")
    assert target.computing_in("float32") is target
    images = tf.random.uniform((2, 160, 160, 3), seed=1)
    rounded = target.computing_in("bfloat16")(images)
    assert rounded.dtype == tf.float32
    cosines = tf.reduce_sum(rounded * target(images), -1).numpy()
    assert (cosines > 0.9999).all()
    assert (cosines < 1.0 - 1e-7).all()  # another arithmetic, not the same network again
