"""Frozen networks as they are cheapest to run: BatchNorm folded away, numbers in a smaller type.

A critic's weights are constants besides: a kernel that is constant is laid out for the processor
once, a variable's anew in each call, which tells in batches of two.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

layers = tf.keras.layers


def for_inference(model: tf.keras.Model, dtype: str = "float32") -> tf.keras.Model:
    """A frozen copy of a network for inference alone, differentiable in its input.

    In inference BatchNorm is a factor and an offset for each channel. Where it follows a
    convolution or a dense layer both go into that layer's kernel and bias (computed in float64).

    Args:
      model: a functional Keras model without layers of state beside its weights.
      dtype: of weights and arithmetic. `bfloat16` keeps 8 bits of each number: enough for a loss,
        not for a verdict.

    Returns:
      The copy; what it gives is of type `dtype`, too.
    """
    folded = {layer.name: pair for layer in model.layers if (pair := _foldable(layer))}
    absorbing = {before.name: norm for before, norm in folded.values()}

    def copy(layer: tf.keras.layers.Layer) -> tf.keras.layers.Layer:
        config = layer.get_config()
        if layer.name in folded:
            return layers.Activation("linear", name=layer.name, dtype=dtype)
        if "dtype" in config:
            config["dtype"] = dtype
        if layer.name in absorbing:
            config["use_bias"] = True
        return layer.__class__.from_config(config)

    fast = tf.keras.models.clone_model(model, clone_function=copy)
    numpy_type = tf.dtypes.as_dtype(dtype).as_numpy_dtype
    for layer in model.layers:
        numbers = layer.get_weights()
        if not numbers or layer.name in folded:
            continue
        if layer.name in absorbing:
            numbers = _absorb(numbers, absorbing[layer.name])
        fast.get_layer(layer.name).set_weights([array.astype(numpy_type) for array in numbers])
    fast.trainable = False
    return fast


def critic(model: tf.keras.Model, dtype: str) -> Callable[..., tf.Tensor]:
    """A frozen network for a loss: computed in `dtype`, with an output in float32.

    Args:
      model: of one input and one output, float32.
      dtype: of weights and arithmetic. In float32 it is the network itself; in a smaller type a
        copy whose weights are constants, on which later changes of the model have no effect.

    Returns:
      From the model's input to its output; differentiable in the input. `training` is ignored: a
      critic is always in inference.
    """
    if dtype == "float32":
        return lambda images, training=False: tf.cast(model(images, training=False), tf.float32)
    copied = for_inference(model, dtype)
    shape = [None, *model.input_shape[1:]]
    traced = tf.function(lambda images: tf.cast(copied(images, training=False), tf.float32))
    frozen = convert_variables_to_constants_v2(
        traced.get_concrete_function(tf.TensorSpec(shape, tf.float32))
    )
    return lambda images, training=False: frozen(images)[0]


def _foldable(
    norm: tf.keras.layers.Layer,
) -> tuple[tf.keras.layers.Layer, tf.keras.layers.Layer] | None:
    """The layer that a BatchNorm can be folded into, and the BatchNorm."""
    if not isinstance(norm, layers.BatchNormalization) or len(norm.inbound_nodes) != 1:
        return None
    before = norm.inbound_nodes[0].inbound_layers
    if type(before) not in (layers.Conv2D, layers.Dense) or len(before.outbound_nodes) != 1:
        return None
    linear = before.activation is tf.keras.activations.linear
    return (before, norm) if linear else None


def _absorb(
    numbers: list[np.ndarray], norm: tf.keras.layers.BatchNormalization
) -> list[np.ndarray]:
    """Kernel and bias with the BatchNorm behind them inside."""
    kernel = numbers[0].astype(np.float64)
    bias = numbers[1] if len(numbers) > 1 else np.zeros(kernel.shape[-1])
    factor = 1.0 / np.sqrt(norm.moving_variance.numpy().astype(np.float64) + norm.epsilon)
    if norm.scale:
        factor = factor * norm.gamma.numpy()
    offset = norm.beta.numpy() if norm.center else 0.0
    return [kernel * factor, (bias - norm.moving_mean.numpy()) * factor + offset]
