"""PGD, projected gradient descent (Madry et al. 2018), and BIM (Kurakin et al. 2017)."""

from __future__ import annotations

import tensorflow as tf

from attacks.base import Attack
from attacks.norms import ascent, spread
from attacks.objective import Objective


class PGD(Attack):
    """Steps along the ascent direction of the norm, each projected back into the ball.

    For every image the iterate with the largest margin is kept, over all steps and restarts. Its
    margin comes from the forward pass that the gradient needs anyway.

    Args:
      steps: gradients for each start.
      norm: `linf` or `l2`.
      restarts: how often to begin anew.
      relative_step: step size as a share of epsilon; 2.5 / steps by default (Madry et al. 2018), so
        that the ball can be crossed.
      random_start: begin at a uniform draw from the ball rather than at the image.

    Raises:
      ValueError: steps or restarts are below 1, the step is not positive, or restarts without
        random starts, which would all be the same.
    """

    def __init__(
        self,
        steps: int = 40,
        norm: str = "linf",
        *,
        restarts: int = 1,
        relative_step: float | None = None,
        random_start: bool = True,
    ) -> None:
        super().__init__(norm)
        if steps < 1 or restarts < 1:
            raise ValueError(f"steps and restarts must be at least 1, got {steps} and {restarts}.")
        if relative_step is not None and not relative_step > 0.0:
            raise ValueError(f"relative_step must be positive, got {relative_step}.")
        if restarts > 1 and not random_start:
            raise ValueError("restarts need random starts: without them all are the same.")
        self.steps = steps
        self.restarts = restarts
        self.relative_step = 2.5 / steps if relative_step is None else relative_step
        self.random_start = random_start

    def direction(
        self, objective: Objective, gradient: tf.Tensor, memory: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Where to step, of norm one, and what to remember; both `[N, H, W, 3]`."""
        return ascent(gradient, objective.norm), memory

    def look(self, x: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """What the model is shown of x, `[N, H, W, 3]`."""
        return x

    def memory(self, objective: Objective) -> tf.Tensor:
        """What is remembered before the first step."""
        return tf.zeros([])

    def perturb_within(
        self, objective: Objective, epsilon: tf.Tensor, seed: tf.Tensor
    ) -> tf.Tensor:
        """The best iterate of all restarts, `[N, H, W, 3]`."""
        best, margin = self._from_one_start(objective, epsilon, seed)
        if self.restarts == 1:
            return best

        def again(i: tf.Tensor, best: tf.Tensor, margin: tf.Tensor) -> tuple[tf.Tensor, ...]:
            draw = tf.random.experimental.stateless_fold_in(seed, i)
            return i + 1, *better(*self._from_one_start(objective, epsilon, draw), best, margin)

        return tf.while_loop(
            lambda i, *_: i < self.restarts,
            again,
            (tf.constant(1), best, margin),
            parallel_iterations=1,
        )[1]

    def _from_one_start(
        self, objective: Objective, epsilon: tf.Tensor, seed: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The best iterate from one start, and its margin."""
        step = spread(epsilon * self.relative_step)

        def advance(
            i: tf.Tensor, x: tf.Tensor, memory: tf.Tensor, best: tf.Tensor, margin: tf.Tensor
        ) -> tuple[tf.Tensor, ...]:
            draw = tf.random.experimental.stateless_fold_in(seed, i)
            reached, gradient = objective.gradient(x, draw, look=self.look)
            best, margin = better(x, reached, best, margin)
            direction, memory = self.direction(objective, gradient, memory)
            return i + 1, objective.project(x + step * direction, epsilon), memory, best, margin

        x = objective.random_start(epsilon, seed) if self.random_start else objective.images
        nothing = tf.fill(tf.shape(epsilon), -float("inf"))
        _, x, _, best, margin = tf.while_loop(
            lambda i, *_: i < self.steps,
            advance,
            (tf.constant(0), x, self.memory(objective), x, nothing),
            parallel_iterations=1,
        )
        return better(x, objective.margin(x, seed), best, margin)


class BIM(PGD):
    """The basic iterative method: from the image itself, in steps of epsilon / steps."""

    def __init__(
        self, steps: int = 10, norm: str = "linf", *, relative_step: float | None = None
    ) -> None:
        relative_step = 1.0 / steps if relative_step is None and steps > 0 else relative_step
        super().__init__(steps, norm, relative_step=relative_step, random_start=False)


def better(
    x: tf.Tensor, margin: tf.Tensor, best: tf.Tensor, best_margin: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """For each image the candidate with the larger margin, and that margin; NaN never wins."""
    wins = margin > best_margin
    return tf.where(spread(wins), x, best), tf.where(wins, margin, best_margin)
