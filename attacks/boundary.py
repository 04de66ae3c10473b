"""Where verdicts change, found with nothing but verdicts (Chen, Jordan and Wainwright 2020)."""

from __future__ import annotations

import math

import tensorflow as tf

from attacks.norms import ascent, size_of, spread
from attacks.objective import Objective
from attacks.pgd import fold_in

_FINEST = 2.0**-16
"""Share of a distance to which float32 images and networks can be asked at all."""

_ROUGHEST = 4e-4
"""Change of a pixel, a tenth of a grey level. Of much less float32 networks tell nothing."""


class Boundary:
    """Around the images of a batch; every verdict that is asked for is a forward pass of them all.

    Args:
      objective: the batch.
    """

    def __init__(self, objective: Objective) -> None:
        self._objective, self._images = objective, objective.images
        self._dimensions = math.prod(self._images.shape[1:])
        # Section IV-A: d^(-3/2) of the distance in L2, and d^-2 in L-infinity.
        exponent = 1.5 if objective.norm == "l2" else 2.0
        tolerance = max(float(self._dimensions) ** -exponent, _FINEST)
        self.halvings = math.ceil(math.log2(1.0 / tolerance))
        """Queries of `approach` by which it is as near as the paper has it."""

    def distance(self, x: tf.Tensor) -> tf.Tensor:
        """To the images, `[N]`."""
        return size_of(x - self._images, self._objective.norm)

    def approach(
        self, x: tf.Tensor, queries: tf.Tensor, seed: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Binary search between the images and what has the verdict (`Bin-Search`).

        Args:
          x: `[N, H, W, 3]`, with the verdict.
          queries: int, at most.
          seed: int `[2]`, of random models.

        Returns:
          `[N, H, W, 3]`, as near as was found to have the verdict; and how many queries that took.
        """
        reach = self.distance(x)
        count = tf.minimum(queries, self.halvings)

        def halve(
            i: tf.Tensor, low: tf.Tensor, high: tf.Tensor, found: tf.Tensor
        ) -> tuple[tf.Tensor, ...]:
            middle = (low + high) / 2.0
            candidate = self._between(x, middle, reach)
            won = self._objective.verdict(candidate, fold_in(seed, i))
            low, high = tf.where(won, low, middle), tf.where(won, middle, high)
            return i + 1, low, high, tf.where(spread(won), candidate, found)

        ends = tf.zeros_like(reach), tf.ones_like(reach)
        start = (tf.constant(0), *ends, x)
        found = tf.while_loop(lambda i, *_: i < count, halve, start, parallel_iterations=1)[-1]
        return found, tf.maximum(count, 0)

    def _between(self, x: tf.Tensor, share: tf.Tensor, reach: tf.Tensor) -> tf.Tensor:
        """At that share of the way from the images to x: a line in L2, a shrinking cube else."""
        if self._objective.norm == "l2":
            return self._images + spread(share) * (x - self._images)
        radius = spread(share * reach)
        return tf.clip_by_value(x, self._images - radius, self._images + radius)

    def radius(self, distance: tf.Tensor) -> tf.Tensor:
        """How far around a point its surroundings are asked, `[N]`, in L2.

        The paper's delta, a share of 1 / d of the distance, as long as float32 can tell it apart.
        """
        least = _ROUGHEST * math.sqrt(self._dimensions)
        return tf.maximum(distance / self._dimensions, least)

    def direction(
        self, x: tf.Tensor, radius: tf.Tensor, draws: tf.Tensor, seed: tf.Tensor
    ) -> tf.Tensor:
        """Where the verdict lies, by Monte Carlo with the mean verdict as baseline (Eq. 16).

        Args:
          x: at the boundary, `[N, H, W, 3]`.
          radius: `[N]`, of the draws around it.
          draws: int; so many queries.
          seed: int `[2]`.

        Returns:
          Of norm one, `[N, H, W, 3]`: the ascent direction of the norm.
        """
        far = spread(radius)

        def ask(
            i: tf.Tensor, signed: tf.Tensor, total: tf.Tensor, signs: tf.Tensor
        ) -> tuple[tf.Tensor, ...]:
            seeds = tf.random.experimental.stateless_split(fold_in(seed, i), 2)
            shown = tf.clip_by_value(x + far * self._draw(seeds[0]), 0.0, 1.0)
            moved = (shown - x) / far
            sign = tf.where(self._objective.verdict(shown, seeds[1]), 1.0, -1.0)
            return i + 1, signed + spread(sign) * moved, total + moved, signs + sign

        nothing = tf.zeros_like(x)
        _, signed, total, signs = tf.while_loop(
            lambda i, *_: i < draws,
            ask,
            (tf.constant(0), nothing, nothing, tf.zeros_like(radius)),
            parallel_iterations=1,
        )
        mean = signs / tf.cast(draws, tf.float32)
        # Where all verdicts agree the baseline would take everything away.
        baseline = tf.where(tf.abs(mean) < 1.0, mean, 0.0)
        return ascent(signed - spread(baseline) * total, self._objective.norm)

    def _draw(self, seed: tf.Tensor) -> tf.Tensor:
        """Unit vectors `[N, H, W, 3]`: uniform on the sphere in L2, from the cube else."""
        shape = tf.shape(self._images)
        if self._objective.norm == "l2":
            noise = tf.random.stateless_normal(shape, seed)
        else:
            noise = tf.random.stateless_uniform(shape, seed, -1.0, 1.0)
        if self._objective.mask is not None:
            noise *= self._objective.mask
        return ascent(noise, "l2")
