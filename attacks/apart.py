"""Parts of a compiled function that TensorFlow optimises by themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from attacks.outputs import OutputsError


def apart(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, kept whole within whatever is compiled around it.

    The graph optimiser does less for what stands in the body of a loop than for a function: in most
    processes a network's gradient took a sixth longer there.

    Args:
      function: from tensors to tensors, called while something else is being compiled; what it
        refers to beside its arguments is captured.

    Returns:
      The same; what is wrong with a model it says in our words alone.
    """
    refused: list[OutputsError] = []

    def told(*arguments: Any) -> Any:
        try:
            return function(*arguments)
        except OutputsError as error:
            refused.append(error)
            raise

    whole = tf.function(told, experimental_attributes={"_noinline": True})

    def call(*arguments: Any) -> Any:
        try:
            return whole(*arguments)
        except Exception:
            if refused:
                raise refused[0] from None
            raise

    return call
