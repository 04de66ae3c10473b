"""BatchNorm taken into the layers before it, once it has done its work in training."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray


def fold_batch_norm(model: tf.keras.Model) -> dict[str, dict[str, NDArray[np.float32]]]:
    """The same function, in inference, without BatchNorm.

    Args:
      model: its layer `X_bn` normalises what the convolution or dense layer `X` puts out.

    Returns:
      Kernel and bias of every layer that has a BatchNorm of its name.
    """
    folded = {}
    for layer in model.layers:
        if not isinstance(layer, tf.keras.layers.BatchNormalization):
            continue
        name = layer.name.removesuffix("_bn")
        kernel, *bias = model.get_layer(name).get_weights()
        gamma, beta, mean, variance = (w.astype(np.float64) for w in layer.get_weights())
        factor = gamma / np.sqrt(variance + layer.epsilon)
        offset = bias[0].astype(np.float64) if bias else 0.0
        folded[name] = {
            "kernel": (kernel * factor).astype(np.float32),
            "bias": (beta + (offset - mean) * factor).astype(np.float32),
        }
    return folded
