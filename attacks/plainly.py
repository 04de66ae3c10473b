"""Compiled functions that say what is wrong with a model in our words alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from attacks.outputs import OutputsError


class Plainly:
    """A `tf.function`; TensorFlow would put every line that led to an error before it.

    Args:
      function: from tensors to tensors.
      options: of `tf.function`.
    """

    def __init__(self, function: Callable[..., Any], **options: Any) -> None:
        self._function = _Noted(function)
        self._compiled = tf.function(self._function, **options)

    def __call__(self, *arguments: Any) -> Any:
        """What the function gives."""
        self._function.refused = None
        try:
            return self._compiled(*arguments)
        except Exception:
            if self._function.refused is not None:
                raise self._function.refused from None
            raise


class _Noted:
    """Remembers what was refused while it was traced.

    An object, since TensorFlow warns of frequent retracing by the code of a function: every attack
    would share it.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self.refused: OutputsError | None = None

    def __call__(self, *arguments: Any) -> Any:
        try:
            return self._function(*arguments)
        except OutputsError as error:
            self.refused = error
            raise
