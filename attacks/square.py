"""The Square attack (Andriushchenko et al. 2020, Algorithms 1 to 3): no gradient needed."""

from __future__ import annotations

import tensorflow as tf

from attacks.base import Attack
from attacks.norms import Norm
from attacks.objective import Objective
from attacks.pgd import better, fold_in
from attacks.square_moves import MOVES, Moves

_HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
"""Of 10000 queries: where the area of the squares is halved (Section 5)."""

_AREA: dict[Norm, float] = {"linf": 0.8, "l2": 0.1}
"""Of the first squares, as a share of the image."""


class Square(Attack):
    """Changes one random square after the other by all that the budget allows, keeps what helps.

    What a gradient attack cannot break although this does shows that the gradient is masked (see
    `attacks.checks`).

    Args:
      queries: forward passes.
      norm: `linf` or `l2`.
      area: share of the image that the first squares cover, p in the paper; 0.8 for L-infinity
        and 0.1 for L2 by default.

    Raises:
      ValueError: another norm, `queries` is below 2 or `area` not in (0, 1].
    """

    def __init__(
        self, queries: int = 1000, norm: str = "linf", *, area: float | None = None
    ) -> None:
        super().__init__(norm)
        if queries < 2:
            raise ValueError(f"queries must be at least 2, got {queries}.")
        if area is not None and not 0.0 < area <= 1.0:
            raise ValueError(f"area must lie in (0, 1], got {area}.")
        self.queries = queries
        self.area = _AREA[self.norm] if area is None else area

    def perturb_within(
        self, objective: Objective, epsilon: tf.Tensor, seed: tf.Tensor
    ) -> tf.Tensor:
        """The best image met, `[N, H, W, 3]`."""
        areas = [self.area * 0.5**halved for halved in range(len(_HALVINGS) + 1)]
        moves: Moves = MOVES[self.norm](objective, epsilon, areas)
        halved_at = tf.constant([max(1, at * self.queries // 10000) for at in _HALVINGS])

        def advance(
            i: tf.Tensor, x: tf.Tensor, margin: tf.Tensor
        ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            seeds = tf.random.experimental.stateless_split(fold_in(seed, i), 3)
            halved = tf.reduce_sum(tf.cast(i >= halved_at, tf.int32))
            candidate = moves.next(x, halved, seeds[:2])
            reached = objective.margin(candidate, seeds[2])
            return i + 1, *better(candidate, reached, x, margin)

        x = moves.first(fold_in(seed, 0))
        return tf.while_loop(
            lambda i, *_: i < self.queries,
            advance,
            (tf.constant(1), x, objective.margin(x, fold_in(seed, self.queries))),
            parallel_iterations=1,
        )[1]
