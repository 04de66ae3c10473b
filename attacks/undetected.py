"""A criterion for an attacker who knows the detector: reach the goal and keep the score low."""

from __future__ import annotations

import math
from collections.abc import Callable

import tensorflow as tf

from attacks.criteria import Criterion

EASE = 0.1
"""What a score weighs below its threshold, of what it weighs above."""
SLACK = 0.02
"""How far below its threshold an attacker keeps it: files hold whole levels."""
QUIET = -EASE * SLACK
"""The threshold of what `eased` gives."""


def eased(excess: tf.Tensor) -> tf.Tensor:
    """What to lower where a detector must stay silent.

    A score that raises no alarm is lowered no further in earnest, so that the goal is left room.

    Args:
      excess: of a score above its threshold, [N], in a unit of the score's.
    """
    return tf.maximum(excess, EASE * excess)


def with_score(
    model: Callable[[tf.Tensor], tf.Tensor], score: Callable[[tf.Tensor], tf.Tensor]
) -> Callable[[tf.Tensor], tf.Tensor]:
    """What `Undetected` judges: outputs `[N, D]` of a model and a score `[N]` behind them.

    Args:
      model: from images to outputs `[N, D]`.
      score: from the same images to `[N]`.

    Returns:
      From images to `[N, D + 1]`.
    """

    def outputs(images: tf.Tensor) -> tf.Tensor:
        both = model(images), score(images)[:, tf.newaxis]
        return tf.concat([tf.cast(each, tf.float32) for each in both], axis=-1)

    return outputs


class Undetected(Criterion):
    """Another criterion, and a detection score below its threshold.

    The model puts out what the other criterion judges, with the detection score behind it as one
    more number: `[N, D + 1]`.

    Args:
      goal: on the first D numbers.
      threshold: at which the detector raises its alarm; success needs a score below it.
      weight: of the score in the loss, beside the goal's.

    Raises:
      ValueError: the weight is negative or the threshold not finite.
    """

    def __init__(self, goal: Criterion, threshold: float, weight: float = 1.0) -> None:
        if not math.isfinite(threshold):
            raise ValueError(f"threshold must be finite, got {threshold}.")
        if not 0.0 <= weight < math.inf:
            raise ValueError(f"weight must be 0 or more, got {weight}.")
        self._goal = goal
        self._limits = tf.fill([len(goal)], tf.constant(threshold, tf.float32))
        self._weights = tf.fill([len(goal)], tf.constant(weight, tf.float32))

    def __len__(self) -> int:
        return len(self._goal)

    def tensors(self) -> tuple[tf.Tensor, ...]:
        """Thresholds `[N]`, weights `[N]`, and the data of the goal."""
        return self._limits, self._weights, *self._goal.tensors()

    def loss(self, outputs: tf.Tensor, *data: tf.Tensor) -> tf.Tensor:
        """The goal's loss minus the weighted score."""
        return self._goal.loss(outputs[:, :-1], *data[2:]) - data[1] * outputs[:, -1]

    def margin(self, outputs: tf.Tensor, *data: tf.Tensor) -> tf.Tensor:
        """The smaller of the goal's margin and what the score has to spare."""
        return tf.minimum(self._goal.margin(outputs[:, :-1], *data[2:]), data[0] - outputs[:, -1])
