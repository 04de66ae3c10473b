"""Decides success: the criterion on the images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from attacks.batches import full_size, rows_of_batches
from attacks.compiled import Compiled, CompiledPerModel
from attacks.criteria import Criterion
from attacks.images import as_floats
from attacks.outputs import margin_of, outputs_of, success_of
from attacks.stochastic import Model

JUDGE_SEED = 0x5EED
"""Second half of the seed of the draws on which a random model is judged: none an attack saw."""


def _build(model: Model, criterion: Criterion) -> Compiled:
    def judge(
        candidates: tf.Tensor, seed: tf.Tensor, *data: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        def one(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            outputs = outputs_of(model, x, seed)
            return margin_of(criterion, outputs, data), success_of(criterion, outputs, data)

        return tf.map_fn(
            one,
            candidates,
            fn_output_signature=(tf.float32, tf.bool),
            parallel_iterations=1,
        )

    return judge


compiled_judge = CompiledPerModel(_build)


def judge(
    model: Model,
    candidates: np.ndarray,
    criterion: Criterion,
    *,
    batch_size: int = 32,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Judge images.

    Args:
      model: as an attack takes it; a random one makes a single draw for each image, from a seed
        that no attack has drawn from.
      candidates: float32 `[K, N, H, W, 3]` in [0, 1], or uint8 as files hold them.
      criterion: with one row of data for each of the N.
      batch_size: images for each call of the model.
      seed: of random models.

    Returns:
      Margin float32 `[K, N]` and success bool `[K, N]`.
    """
    full = full_size(candidates.shape[1], batch_size)
    return judge_batches(model, candidates, criterion, criterion.tensors(), full=full, seed=seed)


def judge_batches(
    model: Model,
    candidates: np.ndarray,
    criterion: Criterion,
    data: Sequence[tf.Tensor],
    *,
    full: int,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """`judge` in batches of `full`, with the criterion's data given apart from it."""
    run = compiled_judge(model, criterion)
    count = candidates.shape[1]
    found = [np.empty(candidates.shape[:2], kind) for kind in (np.float32, bool)]
    for start, size, rows in rows_of_batches(count, full):
        results = run(
            tf.constant(as_floats(candidates[:, rows])),
            tf.constant([seed + start, JUDGE_SEED]),
            *(tf.gather(tensor, rows) for tensor in data),
        )
        for target, result in zip(found, results, strict=True):
            target[:, start : start + size] = result.numpy()[:, :size]
    return found[0], found[1]
