"""BatchNorm statistics measured anew.

The moving averages that training leaves belong to weights of the past, which is why held-out
accuracy can jump between epochs while the loss falls smoothly.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable

import numpy as np
import tensorflow as tf


def recalibrate(
    model: tf.keras.Model,
    batches: Iterable[tf.Tensor],
    forward: Callable[[tf.Tensor], tf.Tensor] | None = None,
) -> None:
    """Set the moving statistics of every BatchNorm to their mean over `batches`.

    Args:
      model: built with BatchNorm momentum 0, so that one call leaves that batch's statistics.
      batches: inputs of one shape; at least one.
      forward: the model in training, compiled by whoever calls again and again.

    Raises:
      ValueError: a layer's momentum is not 0, or there is no batch.
    """
    normalizers = [
        layer for layer in model.layers if isinstance(layer, tf.keras.layers.BatchNormalization)
    ]
    if any(layer.momentum != 0.0 for layer in normalizers):
        raise ValueError("recalibrate needs a model whose BatchNorm momentum is 0.")
    variables = [v for n in normalizers for v in (n.moving_mean, n.moving_variance)]
    sums, count = [np.zeros(v.shape, np.float64) for v in variables], 0
    forward = forward or functools.partial(model, training=True)
    for batch in batches:
        forward(batch)
        count += 1
        for total, variable in zip(sums, variables, strict=True):
            total += variable.numpy()
    if not count:
        raise ValueError("recalibrate needs at least one batch.")
    for total, variable in zip(sums, variables, strict=True):
        variable.assign(total / count)
