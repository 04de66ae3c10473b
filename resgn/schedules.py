"""Learning rates over the course of a training."""

from __future__ import annotations

import math

import tensorflow as tf

SCHEDULES = ("staircase", "cosine", "constant")


class Staircase(tf.keras.optimizers.schedules.LearningRateSchedule):
    """The rate falls by a factor every so many steps.

    The paper says "0.9 is the learning rate decay" and no more; the code base that its authors
    started from multiplies by the decay after half of the epochs.
    """

    def __init__(self, initial: float, factor: float, every: int) -> None:
        self.initial, self.factor, self.every = initial, factor, every

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        """Rate at a step, a float32 scalar."""
        falls = tf.floor(tf.cast(step, tf.float32) / self.every)
        return self.initial * tf.pow(self.factor, falls)


class WarmCosine(tf.keras.optimizers.schedules.LearningRateSchedule):
    """A linear rise over the first steps, then half a cosine down to zero."""

    def __init__(self, peak: float, warmup: int, steps: int) -> None:
        self.peak, self.warmup, self.steps = peak, warmup, steps

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        """Rate at a step, a float32 scalar."""
        step = tf.cast(step, tf.float32)
        rise = tf.minimum(1.0, (step + 1.0) / max(self.warmup, 1))
        fall = 0.5 * (1.0 + tf.cos(math.pi * tf.minimum(1.0, step / self.steps)))
        return self.peak * rise * fall


class Constant(tf.keras.optimizers.schedules.LearningRateSchedule):
    """The same rate throughout."""

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        """The rate, a float32 scalar."""
        return tf.constant(self.rate, tf.float32)
