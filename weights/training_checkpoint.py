"""Going on with a training: from its newest checkpoint that can be read."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from weights.errors import InputError

_log = logging.getLogger(__name__)

_INDEX = re.compile(r"ckpt-(\d+)\.index")


def restore_newest(checkpoint: tf.train.Checkpoint, folder: str | os.PathLike[str]) -> str | None:
    """Bring everything in a checkpoint object back to where a training stood.

    A damaged checkpoint is named in a warning, and the one before it taken.

    Args:
      checkpoint: whose variables exist.
      folder: that `tf.train.CheckpointManager` writes `ckpt-<number>` to; it need not exist.

    Returns:
      The checkpoint that was read; None where there is none at all.

    Raises:
      InputError: there are some, and none can be read.
    """
    numbers = sorted(
        (
            int(match[1])
            for file in Path(folder).glob("*")
            if (match := _INDEX.fullmatch(file.name))
        ),
        reverse=True,
    )
    for number in numbers:
        prefix = str(Path(folder) / f"ckpt-{number}")
        try:
            checkpoint.restore(prefix).assert_existing_objects_matched().expect_partial()
        # Damaged bytes end in errors of every kind: OpError, IndexError, DecodeError and more.
        except Exception as error:
            _log.warning("%s cannot be read: %s", prefix, repr(error)[:200])
            continue
        return prefix
    if numbers:
        raise InputError(
            f"{folder}: no checkpoint in it can be read. Remove this folder to train anew."
        )
    return None


@contextlib.contextmanager
def checkpoints(
    checkpoint: tf.train.Checkpoint,
    folder: str | os.PathLike[str],
    done: tf.Variable,
    strategy: tf.distribute.Strategy,
) -> Iterator[tf.train.CheckpointManager]:
    """Restore the newest checkpoint, and give the place for new ones: two of them are kept.

    Args:
      checkpoint: whose variables exist.
      folder: for checkpoints; of several machines one that all share, where only the chief writes.
      done: a variable of `checkpoint` that counts what is done, epochs or steps.
      strategy: that trains.

    Raises:
      InputError: no checkpoint can be read, or the machines find different ones.
    """
    restore_newest(checkpoint, folder)
    if strategy.num_replicas_in_sync > 1:
        _check_agreement(folder, done, strategy)
    # Saving reads variables of all machines, so that all must save; only the chief's is kept.
    with tempfile.TemporaryDirectory() as scratch:
        kept = str(folder) if strategy.extended.should_checkpoint else scratch
        yield tf.train.CheckpointManager(checkpoint, kept, max_to_keep=2)


def _check_agreement(
    folder: str | os.PathLike[str], done: tf.Variable, strategy: tf.distribute.Strategy
) -> None:
    number = tf.reshape(tf.cast(done, tf.int32), [1])
    own = strategy.experimental_distribute_values_from_function(lambda _: number)
    numbers = np.unique(strategy.gather(own, axis=0).numpy()).tolist()
    if len(numbers) > 1:
        raise InputError(
            f"The machines find checkpoints of different age {numbers} in {folder}: it must be "
            "one folder that all of them share."
        )
