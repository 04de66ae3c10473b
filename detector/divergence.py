"""Jensen-Shannon divergence of a classifier's outputs (Teng 2021, Eq. 4 to 6)."""

from __future__ import annotations

import math

import tensorflow as tf

LARGEST = math.log(2.0)
"""The divergence of two distributions that have nothing in common."""

SMALLEST_PROBABILITY = 1e-12
"""Probabilities below are raised to it, so that no logarithm is infinite."""


def jensen_shannon(p: tf.Tensor, q: tf.Tensor) -> tf.Tensor:
    """How far two distributions lie apart: `(KL(P | M) + KL(Q | M)) / 2` with `M = (P + Q) / 2`.

    Natural logarithm, so in [0, log 2]; differentiable.

    Args:
      p: probabilities `[..., C]`.
      q: probabilities `[..., C]`.

    Returns:
      `[...]`.
    """
    p, q = (tf.maximum(each, SMALLEST_PROBABILITY) for each in (p, q))
    middle = (p + q) / 2.0
    terms = p * tf.math.log(p / middle) + q * tf.math.log(q / middle)
    return tf.maximum(tf.reduce_sum(terms, axis=-1) / 2.0, 0.0)


def probabilities(logits: tf.Tensor, temperature: float = 1.0) -> tf.Tensor:
    """Softmax of `logits / temperature`, `[..., C]`.

    A classifier that is nearly certain gives the same distribution for an image and for its
    reconstruction; a temperature above 1 brings the differences back (Meng and Chen 2017, 10 and
    40).
    """
    return tf.nn.softmax(tf.cast(logits, tf.float32) / temperature, axis=-1)
