"""Adam (Kingma and Ba 2015) on a tensor, for loops that are compiled as a whole."""

from __future__ import annotations

import tensorflow as tf

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8  # as the paper has them

Moments = tuple[tf.Tensor, tf.Tensor]
"""Running means of the gradient and of its square, each of the shape of what is optimised."""


def no_moments(values: tf.Tensor) -> Moments:
    """The moments before the first step."""
    return tf.zeros_like(values), tf.zeros_like(values)


def descend(
    values: tf.Tensor,
    gradient: tf.Tensor,
    moments: Moments,
    step: tf.Tensor,
    learning_rate: float,
) -> tuple[tf.Tensor, Moments]:
    """One step of Adam (Algorithm 1).

    Args:
      values: what is optimised.
      gradient: of the loss by it.
      moments: of the steps before.
      step: int32, 0 for the first.
      learning_rate: alpha of the paper.

    Returns:
      The new values and moments.
    """
    first = BETA_1 * moments[0] + (1.0 - BETA_1) * gradient
    second = BETA_2 * moments[1] + (1.0 - BETA_2) * tf.square(gradient)
    count = tf.cast(step + 1, tf.float32)
    unbiased_first = first / (1.0 - tf.pow(BETA_1, count))
    unbiased_second = second / (1.0 - tf.pow(BETA_2, count))
    values -= learning_rate * unbiased_first / (tf.sqrt(unbiased_second) + EPSILON)
    return values, (first, second)
