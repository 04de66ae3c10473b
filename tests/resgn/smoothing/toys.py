"""Verifiers whose behaviour under noise is known, on images of 6x6."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

SIDE = 6


class HalfSpace:
    """Says "same" on one side of a hyperplane: the true radius is the distance to it.

    The embedding is a point on the half circle whose angle rises with w . x, where w has length 1;
    the reference is the half circle's beginning, so that distances rise with w . x as well.
    """

    reference = np.array([[1.0, 0.0]], np.float32)

    def __init__(self, seed: int = 0) -> None:
        weights = np.random.default_rng(seed).normal(size=(SIDE, SIDE, 3))
        self.weights = (weights / np.linalg.norm(weights)).astype(np.float32)
        self.offset = 0.5 * float(self.weights.sum())  # that of a grey image

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        along = tf.reduce_sum(images * self.weights, axis=[1, 2, 3]) - self.offset
        angle = np.pi / 2 * (1.0 + tf.tanh(along))
        return tf.stack([tf.cos(angle), tf.sin(angle)], axis=-1)

    threshold = 2.0
    """At the right angle, which w . x reaches on a grey image."""

    def image(self, along: float) -> np.ndarray:
        """An image at a signed distance from the hyperplane, "same" where it is negative."""
        return (0.5 + along * self.weights).astype(np.float32)


class Curved:
    """A smooth network of two layers with unit embeddings; its true radii are unknown."""

    def __init__(self, seed: int = 3) -> None:
        rng = np.random.default_rng(seed)
        self.first = tf.constant(rng.normal(size=(SIDE * SIDE * 3, 24)) / 6, tf.float32)
        self.second = tf.constant(rng.normal(size=(24, 6)), tf.float32)

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        flat = tf.reshape(images - 0.5, [tf.shape(images)[0], SIDE * SIDE * 3])
        return tf.math.l2_normalize(tf.sin(flat @ self.first) @ self.second, axis=-1)
