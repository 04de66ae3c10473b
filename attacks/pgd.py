"""PGD, projected gradient descent (Madry et al. 2018), and BIM (Kurakin et al. 2017)."""

from __future__ import annotations

import tensorflow as tf

from attacks.base import Attack
from attacks.norms import ascent, spread
from attacks.objective import Objective


class PGD(Attack):
    """Steps along the ascent direction of the norm, each projected back into the ball.

    Args:
      steps: gradients for each start.
      norm: `linf` or `l2`.
      restarts: how often to begin anew.
      relative_step: step size as a share of epsilon; 2.5 / steps by default (Madry et al. 2018), so
        that the ball can be crossed.
      random_start: begin at a uniform draw from the ball rather than at the image.
      keep_best: return, for every image, the iterate with the largest margin over all steps. Its
        margin comes from the forward pass that the gradient needs anyway; the last iterate costs
        one more. Otherwise the last iterate is returned (of restarts, that of the best).
      warm: begin at the images that a criterion `StartingFrom` gives, projected into the ball;
        further starts are random.

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
        keep_best: bool = True,
        warm: bool = False,
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
        self.keep_best = keep_best
        self.warm = warm

    def look(self, x: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """What the model is shown of x, `[N, H, W, 3]`; `seed` int `[2]`."""
        return x

    def memory(self, objective: Objective) -> tf.Tensor:
        """What is remembered before the first step."""
        return tf.zeros([])

    def direction(
        self, objective: Objective, gradient: tf.Tensor, memory: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Where to step, `[N, H, W, 3]` of norm one, and what to remember."""
        return ascent(gradient, objective.norm), memory

    def perturb_within(
        self, objective: Objective, epsilon: tf.Tensor, seed: tf.Tensor
    ) -> tf.Tensor:
        """What the best start led to, `[N, H, W, 3]`."""
        start = self._start(objective, epsilon, seed, self.warm)
        first, margin = self._from_one_start(objective, epsilon, seed, start)
        if self.restarts == 1:
            return first

        def again(i: tf.Tensor, best: tf.Tensor, margin: tf.Tensor) -> tuple[tf.Tensor, ...]:
            draw = fold_in(seed, self.steps + 2 + i)  # its own seeds hang below it
            start = self._start(objective, epsilon, draw, False)
            found = self._from_one_start(objective, epsilon, draw, start)
            return i + 1, *better(*found, best, margin)

        return tf.while_loop(
            lambda i, *_: i < self.restarts,
            again,
            (tf.constant(1), first, margin),
            parallel_iterations=1,
        )[1]

    def _start(
        self, objective: Objective, epsilon: tf.Tensor, seed: tf.Tensor, warm: bool
    ) -> tf.Tensor:
        """Where to begin, `[N, H, W, 3]` within the ball."""
        if warm:
            if objective.starts is None:
                raise ValueError("a warm start needs a criterion StartingFrom.")
            return objective.project(objective.starts, epsilon)
        if self.random_start:
            return objective.random_start(epsilon, fold_in(seed, self.steps))
        return objective.images

    def _from_one_start(
        self, objective: Objective, epsilon: tf.Tensor, seed: tf.Tensor, x: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """What a start x led to, and its margin `[N]`; NaN if nobody asks for it."""
        step = spread(epsilon * self.relative_step)
        project = objective.ball(epsilon)

        def advance(
            i: tf.Tensor, x: tf.Tensor, memory: tf.Tensor, best: tuple[tf.Tensor, ...]
        ) -> tuple[tf.Tensor, ...]:
            reached, gradient = objective.gradient(x, fold_in(seed, i), look=self.look)
            if self.keep_best:
                best = better(x, reached, *best)
            direction, memory = self.direction(objective, gradient, memory)
            return i + 1, project(x + step * direction), memory, best

        worst = tf.fill(tf.shape(epsilon), -float("inf"))
        _, x, _, best = tf.while_loop(
            lambda i, *_: i < self.steps,
            advance,
            (tf.constant(0), x, self.memory(objective), (x, worst) if self.keep_best else ()),
            parallel_iterations=1,
        )
        if not self.keep_best and self.restarts == 1:
            return x, tf.fill(tf.shape(epsilon), float("nan"))
        margin = objective.margin(x, fold_in(seed, self.steps + 1))
        return better(x, margin, *best) if self.keep_best else (x, margin)


class BIM(PGD):
    """The basic iterative method: from the image itself, in steps of epsilon / steps.

    Args:
      steps: gradients.
      norm: `linf` or `l2`.
      relative_step: step size as a share of epsilon, 1 / steps by default.
      keep_best: see `PGD`.
    """

    def __init__(
        self,
        steps: int = 10,
        norm: str = "linf",
        *,
        relative_step: float | None = None,
        keep_best: bool = True,
    ) -> None:
        relative_step = 1.0 / max(steps, 1) if relative_step is None else relative_step
        super().__init__(
            steps, norm, relative_step=relative_step, random_start=False, keep_best=keep_best
        )


def fold_in(seed: tf.Tensor, number: tf.Tensor | int) -> tf.Tensor:
    """Another seed, int `[2]`, for each number."""
    return tf.random.experimental.stateless_fold_in(seed, number)


def better(
    x: tf.Tensor, margin: tf.Tensor, best: tf.Tensor, best_margin: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """For each image the candidate with the larger margin, and that margin; NaN never wins."""
    wins = margin > best_margin
    return tf.where(spread(wins), x, best), tf.where(wins, margin, best_margin)
