"""Going on with a training: from its newest checkpoint that can be read."""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path

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
