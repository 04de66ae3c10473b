"""Training epoch by epoch, resumably; shared by the cleaners that are networks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from weights.errors import InputError
from weights.training_checkpoint import restore_newest

Report = Callable[[int, dict[str, float]], None]
"""Called with the number of epochs done and the mean of each loss over the last one."""


def shuffled(
    arrays: tuple[np.ndarray, ...], batch_size: int, seed: int, epoch: int
) -> Iterator[tuple[tf.Tensor, ...]]:
    """One epoch in an order that depends on seed and epoch alone; a short rest is left out.

    Args:
      arrays: uint8, all with the same number of rows; a batch is at most all of them.

    Yields:
      A batch of each, uint8.
    """
    count = len(arrays[0])
    size = min(batch_size, count)
    order = np.random.default_rng([seed, epoch]).permutation(count)
    for start in range(0, count - size + 1, size):
        rows = np.sort(order[start : start + size])
        yield tuple(tf.constant(array[rows]) for array in arrays)


def train_epochs(
    epochs: int,
    batches: Callable[[int], Iterator[tuple[tf.Tensor, ...]]],
    step: Callable[..., dict[str, tf.Tensor]],
    state: tf.train.Checkpoint,
    folder: Path,
    report: Report = lambda epoch, losses: None,
) -> None:
    """Run the epochs that `folder` does not hold yet.

    After each epoch all of `state` lies in `folder`; a killed training goes on from its last epoch
    to the same weights.

    Args:
      epochs: in all.
      batches: the batches of an epoch, counted from 0.
      step: one optimiser step on a batch; returns losses, scalars.
      state: networks and optimisers, built.
      folder: for checkpoints.
      report: called after each epoch.

    Raises:
      InputError: a loss that is not finite.
    """
    done = tf.Variable(0, dtype=tf.int64)
    checkpoint = tf.train.Checkpoint(state=state, done=done)
    restore_newest(checkpoint, folder / "checkpoints")
    manager = tf.train.CheckpointManager(checkpoint, str(folder / "checkpoints"), max_to_keep=2)
    for epoch in range(int(done), epochs):
        losses: list[dict[str, float]] = []
        for batch in batches(epoch):
            losses.append({name: float(value) for name, value in step(*batch).items()})
            for name, value in losses[-1].items():
                if not math.isfinite(value):
                    raise InputError(
                        f"Training stopped in epoch {epoch + 1} at step {len(losses)}: the {name} "
                        f"loss became {value}. Lower the learning rate."
                    )
        done.assign(epoch + 1)
        manager.save(checkpoint_number=epoch + 1)
        report(
            epoch + 1,
            {name: float(np.mean([each[name] for each in losses])) for name in losses[0]},
        )
