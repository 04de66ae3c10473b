"""An attack that asks a refined code's judge for its verdicts and sees nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from attacks import Criterion, HopSkipJump, StartingFrom
from experiments.running.cores import cores
from mofa import code as codes
from mofa.arrays import Array
from weights.errors import InputError

DRAWS = 20
"""For the first estimate of a direction, at most; the paper's 100 would be half of the queries."""
FEWEST = 2
"""Queries, as `HopSkipJump` has it."""


def room_for_verdicts() -> None:
    """Two threads for operations, of which one waits while the other refines.

    On one core TensorFlow has one by itself, and would wait for ever. To be called before it
    computes anything.

    Raises:
      InputError: `TF_NUM_INTEROP_THREADS` asks for one.
    """
    asked = os.environ.get("TF_NUM_INTEROP_THREADS")
    if asked == "1":
        raise InputError(
            "The attack by verdicts refines while TensorFlow waits: leave TF_NUM_INTEROP_THREADS "
            "out, or set it to 2 or more."
        )
    if asked is None and cores() == 1:
        tf.config.threading.set_inter_op_parallelism_threads(2)


class Asked:
    """What a fit and a judge say of images; no gradient passes.

    Attributes:
      queries: images that were asked for so far, all of them together.

    Args:
      fit: from images float32 [N, H, W, 3] in [0, 1] to codes float32 [N, 257].
      embed: from codes to what is judged, [N, D].
    """

    def __init__(
        self, fit: Callable[[Array], Array], embed: Callable[[tf.Tensor], tf.Tensor]
    ) -> None:
        self._fit, self._embed = fit, embed
        self.queries = 0

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        """From images to what is judged, also within a compiled function."""
        code = tf.numpy_function(self._fitted, [images], tf.float32)
        return self._embed(tf.ensure_shape(code, [None, codes.SIZE]))

    def _fitted(self, images: Array) -> Array:
        self.queries += len(images)
        return np.asarray(self._fit(images), np.float32)


def by_verdicts(
    asked: Asked, sources: Array, targets: Array, goal: Criterion, queries: int, seed: int
) -> Array:
    """Sources that a judge takes for the targets: as near as so many queries lead.

    `HopSkipJump` in L-infinity, from the photographs of the targets.

    Args:
      asked: the judge.
      sources: float32 [N, H, W, 3] in [0, 1].
      targets: the same shape; the goal is reached by them.
      goal: of N rows.
      queries: for each source, at most.
      seed: of the draws.

    Returns:
      float32 [N, H, W, 3]; a source whose target does not reach the goal may stay as it is.

    Raises:
      ValueError: there are fewer than two queries, or shapes do not fit.
    """
    attack = HopSkipJump(queries, "linf", draws=draws_of(queries))
    start = StartingFrom(goal, targets)
    return attack.craft(asked, sources, start, epsilons=[1.0], batch_size=len(sources), seed=seed)[
        0
    ]


def draws_of(queries: int) -> int:
    """How many queries the first estimate of a direction gets: a tenth, or `DRAWS`."""
    return max(2, min(DRAWS, queries // 10))
