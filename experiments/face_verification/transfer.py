"""Attacks made on another network than the target, which has its own crop of each face."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import tensorflow as tf

from attacks import Attack, WrongVerification
from attacks.batches import full_size, rows_of_batches
from attacks.objective import Objective
from resgn.judge import Judge


def crafted_on(
    judge: Judge,
    attack: Attack,
    images: np.ndarray,
    probe: np.ndarray,
    reference: np.ndarray,
    same: np.ndarray,
    epsilon: float,
    *,
    batch_size: int = 25,
    seed: int = 0,
    progress: Callable[[Iterable[int]], Iterable[int]] = iter,
) -> np.ndarray:
    """Probes that another network judges wrongly, changed in the crop at hand.

    It sees each probe through a fixed warp and knows references by its own crop of their
    photographs; the gradient runs through the warp.

    Args:
      judge: the other network.
      attack: any.
      images: probes, float32 `[P, H, W, 3]` in [0, 1].
      probe: int `[P]`, which legitimate image each of them is.
      reference: int `[P]`, likewise.
      same: bool `[P]`; an attack on a pair of one person is dodging, on two impersonation.
      epsilon: budget in the attack's norm.
      batch_size: images for each call of the network.
      seed: of random starts.
      progress: wraps the iteration over batches.

    Returns:
      As 8-bit files hold them, float32 `[P, H, W, 3]`.
    """
    criterion = WrongVerification(judge.references[reference], same, judge.threshold)

    @tf.function
    def craft(batch: tf.Tensor, views: tf.Tensor, seed: tf.Tensor, *data: tf.Tensor) -> tf.Tensor:
        objective = Objective(
            lambda x: judge.look(x, views), criterion, data, batch, None, attack.norm
        )
        budgets = tf.fill([len(batch)], tf.constant(epsilon, tf.float32))
        return objective.project(attack.perturb_within(objective, budgets, seed), budgets)

    found = np.empty_like(images)
    full = full_size(len(images), batch_size)
    starts = progress(range(0, len(images), full))
    for start, size, rows in rows_of_batches(len(images), full, starts):
        made = craft(
            tf.constant(images[rows]),
            tf.constant(judge.views[probe[rows]]),
            tf.constant([seed, start]),
            *(tf.gather(tensor, rows) for tensor in criterion.tensors()),
        )
        found[start : start + size] = made.numpy()[:size]
    return attack.stored(found[np.newaxis], images, [epsilon])[0] / np.float32(255)
