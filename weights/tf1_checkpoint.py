"""Variables of a TensorFlow 1 checkpoint, read without its graph."""

from __future__ import annotations

import os
from collections.abc import Mapping

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from weights import file_kinds
from weights.checkpoint_files import checkpoint_prefix, data_files
from weights.errors import InputError

# TensorFlow's reader reports damage in any of these.
_DAMAGE = (tf.errors.OpError, ValueError, TypeError, LookupError, RuntimeError)
# What `tf.train.Checkpoint` of TensorFlow 2 adds to the variables.
_OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"


class Checkpoint:
    """The variables of a checkpoint, by name.

    Args:
      path: the checkpoint's prefix (`model-20170512-110547.ckpt-250000`), any of its files
        (`.index`, `.data-00000-of-00001`, `.meta`), or the folder that holds just one checkpoint.

    Raises:
      InputError: no checkpoint, or a damaged or incomplete one.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.prefix = checkpoint_prefix(path)
        data = data_files(self.prefix)
        try:
            self._reader = tf.train.load_checkpoint(str(self.prefix))
            self._shapes: Mapping[str, list[int]] = self._reader.get_variable_to_shape_map()
            self._types = self._reader.get_variable_to_dtype_map()
        except _DAMAGE as error:
            kind = file_kinds.describe(data[0])
            raise InputError(
                f"{self.prefix}: no TensorFlow checkpoint, or a damaged one ({kind}): "
                f"{str(error).splitlines()[0]}"
            ) from error

        if _OBJECT_GRAPH in self._shapes:
            raise InputError(
                f"{self.prefix}: a checkpoint of TensorFlow 2, which names variables by their "
                "place in the program; load it into its model and save that with "
                "`model.save('name.h5')`."
            )

    def names(self) -> list[str]:
        """The names of all variables."""
        return list(self._shapes)

    def shape(self, name: str) -> tuple[int, ...] | None:
        """The shape of a variable; None if there is no such variable."""
        return tuple(self._shapes[name]) if name in self._shapes else None

    def read(self, name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """A variable that must be float32 of this shape.

        Raises:
          InputError: it is missing, of another type or shape, or damaged.
        """
        if name not in self._shapes:
            raise InputError(f"{self.prefix}: variable {name} is missing; another network.")
        if self._types[name] != tf.float32 or self.shape(name) != shape:
            raise InputError(
                f"{self.prefix}: {name} is {self._types[name].name} of shape {self.shape(name)}, "
                f"the network needs float32 of {shape}."
            )
        try:
            values = np.asarray(self._reader.get_tensor(name), np.float32)
        except _DAMAGE as error:
            raise InputError(
                f"{self.prefix}: {name} cannot be read; the checkpoint is damaged or truncated."
            ) from error
        if not np.isfinite(values).all():
            raise InputError(f"{self.prefix}: {name} holds numbers that are not finite.")
        return values
