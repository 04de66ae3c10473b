"""HopSkipJump (Chen, Jordan and Wainwright 2020, Algorithm 2): verdicts are all that it sees."""

from __future__ import annotations

import tensorflow as tf

from attacks.boundary import Boundary
from attacks.minimization import MinimizationAttack
from attacks.norms import spread
from attacks.objective import Objective
from attacks.pgd import fold_in

_NOISES = 10
"""Images of noise that are tried where no start was given, or none with the verdict."""

_SHORTER = 12
"""Halvings of a step, at most: what is left of it moves nothing."""


class HopSkipJump(MinimizationAttack):
    """From an image with the wanted verdict along the boundary to the nearest one.

    It begins with what `StartingFrom` gives, or with uniform noise. Noise is recognised as nobody,
    so that dodging can begin there; impersonation needs a photograph of the reference. An image
    without any start stays as it is. No gradient, distance or score is looked at; before a random
    model each verdict is the majority's over its samples.

    The images of a batch take their steps together. Every forward pass counts as a query of each.

    Args:
      queries: at most, for each image.
      norm: `l2` or `linf`.
      draws: for the first estimate of a direction, B_0 in the paper; sqrt(t) times as many for the
        t-th.
      overshoot: by which share the nearest perturbation is stretched at the end, so that rounding
        does not undo it; only where the verdict stays.

    Raises:
      ValueError: another norm, `queries` or `draws` is below 2, or `overshoot` negative.
    """

    def __init__(
        self,
        queries: int = 5000,
        norm: str = "l2",
        *,
        draws: int = 100,
        overshoot: float = 0.02,
    ) -> None:
        super().__init__(norm)
        for name, number in (("queries", queries), ("draws", draws)):
            if number < 2:
                raise ValueError(f"{name} must be at least 2, got {number}.")
        if not 0.0 <= overshoot < float("inf"):
            raise ValueError(f"overshoot must be 0 or more and finite, got {overshoot}.")
        self.queries = queries
        self.draws = draws
        self.overshoot = overshoot

    def minimize(self, objective: Objective, seed: tf.Tensor) -> tf.Tensor:
        """The nearest image found that has the verdict; the image itself where none was."""
        boundary = Boundary(objective)
        seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 4))
        start, started, used = self._start(objective, seeds[0])
        x, asked = boundary.approach(start, self._searching - used, seeds[1])
        best, used = self._along(objective, boundary, x, started, used + asked, seeds[2])

        farthest = tf.math.divide_no_nan(boundary.distance(start), boundary.distance(best))
        share = tf.minimum(1.0 + self.overshoot, farthest)  # never farther than it began
        stretched = objective.images + spread(share) * (best - objective.images)
        stretched = tf.clip_by_value(stretched, 0.0, 1.0)
        holds = tf.cond(
            used < self.queries,
            lambda: objective.verdict(stretched, seeds[3]),
            lambda: tf.zeros_like(started),
        )
        found = tf.where(spread(holds), stretched, best)
        return tf.where(spread(started), found, objective.images)

    @property
    def _searching(self) -> int:
        """Queries without the one that the overshoot takes."""
        return self.queries - 1 if self.overshoot else self.queries

    def _start(
        self, objective: Objective, seed: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Images with the verdict, who has one (bool `[N]`), and the queries that took.

        An image that has the verdict as it is needs no other.
        """
        images = objective.images
        started = objective.verdict(images, fold_in(seed, 0))
        x, used = images, tf.constant(1)

        def attempt(
            candidate: tf.Tensor, x: tf.Tensor, started: tf.Tensor, draw: tf.Tensor
        ) -> tuple[tf.Tensor, tf.Tensor]:
            if objective.mask is not None:
                candidate = tf.where(objective.mask > 0.0, candidate, images)
            won = ~started & objective.verdict(candidate, draw)
            return tf.where(spread(won), candidate, x), started | won

        if objective.starts is not None:
            x, started = attempt(objective.starts, x, started, fold_in(seed, 1))
            used += 1

        def noise(
            i: tf.Tensor, used: tf.Tensor, x: tf.Tensor, started: tf.Tensor
        ) -> tuple[tf.Tensor, ...]:
            draws = tf.random.experimental.stateless_split(fold_in(seed, 2 + i), 2)
            candidate = tf.random.stateless_uniform(tf.shape(images), draws[0])
            return i + 1, used + 1, *attempt(candidate, x, started, draws[1])

        _, used, x, started = tf.while_loop(
            lambda i, used, _, started: (
                (i < _NOISES) & (used < self.queries) & ~tf.reduce_all(started)
            ),
            noise,
            (tf.constant(0), used, x, started),
            parallel_iterations=1,
        )
        return x, started, used

    def _along(
        self,
        objective: Objective,
        boundary: Boundary,
        x: tf.Tensor,
        started: tf.Tensor,
        used: tf.Tensor,
        seed: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Steps of Algorithm 2 while queries last: the nearest images met, and the queries used."""
        least = 2 + 1 + boundary.halvings  # a direction, a step, and back to the boundary

        def advance(
            t: tf.Tensor, used: tf.Tensor, x: tf.Tensor, best: tf.Tensor
        ) -> tuple[tf.Tensor, ...]:
            draw = tf.unstack(tf.random.experimental.stateless_split(fold_in(seed, t), 3))
            root = tf.sqrt(tf.cast(t, tf.float32))
            distance = boundary.distance(x)
            wanted = tf.cast(float(self.draws) * root, tf.int32)
            draws = tf.minimum(wanted, self._searching - used - least + 2)
            direction = boundary.direction(x, boundary.radius(distance), draws, draw[0])
            used += draws
            spare = self._searching - used - boundary.halvings
            moved, asked = self._step(
                objective, x, spread(distance / root) * direction, started, spare, draw[1]
            )
            used += asked
            x, asked = boundary.approach(moved, self._searching - used, draw[2])
            nearer = boundary.distance(x) < boundary.distance(best)
            return t + 1, used + asked, x, tf.where(spread(nearer), x, best)

        _, used, _, best = tf.while_loop(
            lambda t, used, *_: (self._searching - used >= least) & tf.reduce_any(started),
            advance,
            (tf.constant(1), used, x, x),
            parallel_iterations=1,
        )
        return best, used

    def _step(
        self,
        objective: Objective,
        x: tf.Tensor,
        step: tf.Tensor,
        started: tf.Tensor,
        queries: tf.Tensor,
        seed: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The longest of step, step / 2, step / 4, ... that keeps the verdict, and the queries."""

        def halve(
            i: tf.Tensor, step: tf.Tensor, moved: tf.Tensor, open_: tf.Tensor
        ) -> tuple[tf.Tensor, ...]:
            candidate = tf.clip_by_value(x + step, 0.0, 1.0)
            won = open_ & objective.verdict(candidate, fold_in(seed, i))
            return i + 1, step / 2.0, tf.where(spread(won), candidate, moved), open_ & ~won

        most = tf.minimum(queries, _SHORTER)
        asked, _, moved, _ = tf.while_loop(
            lambda i, _, __, open_: (i < most) & tf.reduce_any(open_),
            halve,
            (tf.constant(0), step, x, started),
            parallel_iterations=1,
        )
        return moved, asked
