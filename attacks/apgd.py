"""Auto-PGD (Croce and Hein 2020, Algorithm 1), on the margin."""

from __future__ import annotations

import math

import tensorflow as tf

from attacks.base import Attack
from attacks.norms import ascent, spread
from attacks.objective import Objective
from attacks.pgd import better, fold_in

MOMENTUM = 0.75
"""alpha of Eq. 1: the share of the new step; the rest is the step before."""

PROGRESS = 0.75
"""rho of condition 1: the share of steps that must have increased the objective."""


class APGD(Attack):
    """PGD that halves its own step size and goes back to its best point when progress ends.

    Climbs the margin: the paper's DLR loss needs three classes, and a distance has no softmax that
    could saturate.

    Args:
      steps: gradients for each start.
      norm: `linf` or `l2`.
      restarts: how often to begin anew.

    Raises:
      ValueError: steps or restarts are below 1.
    """

    def __init__(self, steps: int = 100, norm: str = "linf", *, restarts: int = 1) -> None:
        super().__init__(norm)
        if steps < 1 or restarts < 1:
            raise ValueError(f"steps and restarts must be at least 1, got {steps} and {restarts}.")
        self.steps = steps
        self.restarts = restarts

    def perturb_within(
        self, objective: Objective, epsilon: tf.Tensor, seed: tf.Tensor
    ) -> tf.Tensor:
        """The best iterate of all restarts, `[N, H, W, 3]`."""

        def again(i: tf.Tensor, best: tf.Tensor, margin: tf.Tensor) -> tuple[tf.Tensor, ...]:
            found = self._from_one_start(objective, epsilon, fold_in(seed, i))
            return i + 1, *better(*found, best, margin)

        worst = tf.fill(tf.shape(epsilon), -float("inf"))
        return tf.while_loop(
            lambda i, *_: i < self.restarts,
            again,
            (tf.constant(0), objective.images, worst),
            parallel_iterations=1,
        )[1]

    def _from_one_start(
        self, objective: Objective, epsilon: tf.Tensor, seed: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Algorithm 1 from one random start: the best point and its margin `[N]`."""
        project = objective.ball(epsilon)
        marks = checkpoints(self.steps)
        # At each checkpoint: how many steps lie between it and the one before; elsewhere 0.
        intervals = [0] * (self.steps + 1)
        for before, mark in zip([0, *marks], marks, strict=False):
            intervals[mark] = mark - before
        interval_at = tf.constant(intervals, tf.float32)

        def climb(x: tf.Tensor, i: tf.Tensor | int) -> tuple[tf.Tensor, tf.Tensor]:
            return objective.gradient(x, fold_in(seed, i), of_margin=True)

        def advance(i: tf.Tensor, now: dict[str, tf.Tensor]) -> tuple[tf.Tensor, dict]:
            x, eta = now["x"], spread(now["eta"])
            step = project(x + eta * ascent(now["gradient"], objective.norm))
            share = tf.where(i > 1, MOMENTUM, 1.0)  # no step before the first
            step = x + share * (step - x) + (1.0 - share) * (x - now["before"])
            reached = project(step)
            margin, gradient = climb(reached, i)

            rose = now["rose"] + tf.cast(margin > now["margin"], tf.float32)
            best, best_margin = better(reached, margin, now["best"], now["best_margin"])
            wins = spread(margin > now["best_margin"])
            best_gradient = tf.where(wins, gradient, now["best_gradient"])

            interval = interval_at[i]
            at_mark = interval > 0.0
            few_rises = rose < PROGRESS * interval
            kept_step = now["eta_at_mark"] == now["eta"]
            kept_best = now["best_at_mark"] == best_margin
            halve = at_mark & (few_rises | (kept_step & kept_best))
            eta_at_mark = tf.where(at_mark, now["eta"], now["eta_at_mark"])
            go_back = spread(halve)
            return i + 1, {
                "x": tf.where(go_back, best, reached),
                "before": x,
                "margin": tf.where(halve, best_margin, margin),
                "gradient": tf.where(go_back, best_gradient, gradient),
                "best": best,
                "best_margin": best_margin,
                "best_gradient": best_gradient,
                "eta": tf.where(halve, now["eta"] / 2.0, now["eta"]),
                "rose": tf.where(at_mark, 0.0, rose),
                "eta_at_mark": eta_at_mark,
                "best_at_mark": tf.where(at_mark, best_margin, now["best_at_mark"]),
            }

        x = objective.random_start(epsilon, fold_in(seed, self.steps + 1))
        margin, gradient = climb(x, 0)
        start = {
            "x": x,
            "before": x,
            "margin": margin,
            "gradient": gradient,
            "best": x,
            "best_margin": margin,
            "best_gradient": gradient,
            "eta": 2.0 * epsilon,
            "rose": tf.zeros_like(epsilon),
            "eta_at_mark": 2.0 * epsilon,
            "best_at_mark": margin,
        }
        # `steps` gradients, that at the start among them.
        _, end = tf.while_loop(
            lambda i, _: i < self.steps, advance, (tf.constant(1), start), parallel_iterations=1
        )
        return end["best"], end["best_margin"]


def checkpoints(steps: int) -> list[int]:
    """Where the step size may be halved (Section 3.1): 22 % of the steps, then ever more often."""
    marks = []
    before, share = 0.0, 0.22
    while share <= 1.0:
        marks.append(math.ceil(round(share * steps, 6)))  # 0.41 + 0.16 is above 0.57 in floats
        before, share = share, share + max(share - before - 0.03, 0.06)
    return sorted(set(marks))
