"""The Square attack (Andriushchenko et al. 2020, Algorithms 1 and 2): no gradient needed."""

from __future__ import annotations

import tensorflow as tf

from attacks.base import Attack
from attacks.norms import spread
from attacks.objective import Objective
from attacks.pgd import better, fold_in

_HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
"""Of 10000 queries: where the area of the squares is halved (Section 5)."""


class Square(Attack):
    """Sets one random square after the other to the border of the ball, keeps what helps.

    In L-infinity only. What a gradient attack cannot break although this does shows that the
    gradient is masked (see `attacks.checks`).

    Args:
      queries: forward passes.
      area: share of the image that the first squares cover, p in the paper.

    Raises:
      ValueError: `queries` is below 2 or `area` not in (0, 1].
    """

    def __init__(self, queries: int = 1000, *, area: float = 0.8) -> None:
        super().__init__("linf")
        if queries < 2:
            raise ValueError(f"queries must be at least 2, got {queries}.")
        if not 0.0 < area <= 1.0:
            raise ValueError(f"area must lie in (0, 1], got {area}.")
        self.queries = queries
        self.area = area

    def perturb_within(
        self, objective: Objective, epsilon: tf.Tensor, seed: tf.Tensor
    ) -> tf.Tensor:
        """The best image met, `[N, H, W, 3]`."""
        images = objective.images
        count, (height, width) = tf.shape(images)[0], images.shape[1:3]
        radius = spread(epsilon)
        project = objective.ball(epsilon)

        # Algorithm 2: vertical stripes of one pixel, each channel + or - epsilon.
        stripes = _signs([count, 1, width, 3], fold_in(seed, 0))
        x = project(images + radius * stripes)

        def advance(
            i: tf.Tensor, x: tf.Tensor, margin: tf.Tensor
        ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            seeds = tf.random.experimental.stateless_split(fold_in(seed, i), 3)
            side = _side(i, self.queries, self.area, height, width)
            window = _windows(objective, side, seeds[0])
            colour = radius * _signs([count, 1, 1, 3], seeds[1])
            candidate = project(tf.where(window, images + colour, x))
            reached = objective.margin(candidate, seeds[2])
            return i + 1, *better(candidate, reached, x, margin)

        return tf.while_loop(
            lambda i, *_: i < self.queries,
            advance,
            (tf.constant(1), x, objective.margin(x, fold_in(seed, self.queries))),
            parallel_iterations=1,
        )[1]


def _signs(shape: list[tf.Tensor | int], seed: tf.Tensor) -> tf.Tensor:
    return tf.sign(tf.random.stateless_uniform(shape, seed) - 0.5)


def _side(i: tf.Tensor, queries: int, area: float, height: int, width: int) -> tf.Tensor:
    """Side of the squares at query i, int."""
    passed = tf.reduce_sum(
        tf.cast(i >= tf.constant([max(1, h * queries // 10000) for h in _HALVINGS]), tf.float32)
    )
    share = area * tf.pow(0.5, passed)
    side = tf.cast(tf.round(tf.sqrt(share * height * width)), tf.int32)
    return tf.clip_by_value(side, 1, min(height, width))


def _windows(objective: Objective, side: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """A square at a random place for each image, bool `[N, H, W, 1]`.

    With a mask the square is centred on one of the mask's pixels: elsewhere it would change little.
    """
    count, (height, width) = tf.shape(objective.images)[0], objective.images.shape[1:3]
    if objective.mask is None:
        uniform = tf.random.stateless_uniform([2, count], seed)
        top, left = (
            tf.cast(tf.floor(draw * tf.cast(size - side + 1, tf.float32)), tf.int32)
            for draw, size in ((uniform[0], height), (uniform[1], width))
        )
    else:
        weights = tf.math.log(tf.reshape(objective.mask, [count, -1]))
        pixel = tf.random.stateless_categorical(weights, 1, seed, tf.int32)[:, 0]
        top = tf.clip_by_value(pixel // width - side // 2, 0, height - side)
        left = tf.clip_by_value(pixel % width - side // 2, 0, width - side)

    def within(first: tf.Tensor, size: int) -> tf.Tensor:
        place = tf.range(size) - first[:, tf.newaxis]
        return (place >= 0) & (place < side)

    rows, columns = within(top, height), within(left, width)
    return (rows[:, :, tf.newaxis] & columns[:, tf.newaxis])[..., tf.newaxis]
