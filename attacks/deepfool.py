"""DeepFool (Moosavi-Dezfooli et al. 2016) on the distance."""

from __future__ import annotations

import tensorflow as tf

from attacks.minimization import MinimizationAttack
from attacks.norms import spread
from attacks.objective import Objective
from attacks.pgd import fold_in


class DeepFool(MinimizationAttack):
    """Newton's steps to where the margin is zero: Algorithm 1, as verification has two classes.

    Args:
      steps: at most.
      norm: `l2`, or `linf` (Eq. 11 of the paper with p = infinity).
      overshoot: by which share the whole perturbation is stretched to cross the boundary.

    Raises:
      ValueError: `steps` is below 1 or `overshoot` negative.
    """

    def __init__(self, steps: int = 50, norm: str = "l2", *, overshoot: float = 0.02) -> None:
        super().__init__(norm)
        if steps < 1:
            raise ValueError(f"steps must be at least 1, got {steps}.")
        if not overshoot >= 0.0:
            raise ValueError(f"overshoot must not be negative, got {overshoot}.")
        self.steps = steps
        self.overshoot = overshoot

    def minimize(self, objective: Objective, seed: tf.Tensor) -> tf.Tensor:
        """Images at the first step that succeeded, or at the last."""
        nowhere = tf.fill(tf.shape(objective.images)[:1], float("inf"))

        def at(total: tf.Tensor) -> tf.Tensor:
            return objective.project(objective.images + (1.0 + self.overshoot) * total, nowhere)

        def advance(
            i: tf.Tensor, total: tf.Tensor, running: tf.Tensor
        ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            margin, gradient = objective.gradient(at(total), fold_in(seed, i), of_margin=True)
            running &= margin <= 0.0
            if self.norm == "l2":
                size = tf.reduce_sum(tf.square(gradient), axis=[1, 2, 3])
                step = gradient
            else:
                size = tf.reduce_sum(tf.abs(gradient), axis=[1, 2, 3])
                step = tf.sign(gradient)
            # A margin of exactly zero is not yet a success: a tiny step is left.
            length = tf.where(running, tf.math.divide_no_nan(tf.maximum(-margin, 1e-6), size), 0.0)
            length = tf.where(tf.math.is_finite(length), length, 0.0)
            return i + 1, total + spread(length) * step, running

        start = (
            tf.constant(0),
            tf.zeros_like(objective.images),
            tf.fill(tf.shape(objective.images)[:1], True),
        )
        _, total, _ = tf.while_loop(
            lambda i, _, running: (i < self.steps) & tf.reduce_any(running),
            advance,
            start,
            parallel_iterations=1,
        )
        return at(total)
