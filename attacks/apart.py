"""Parts of a compiled function that TensorFlow optimises by themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attacks.plainly import Plainly


def apart(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, kept whole within whatever is compiled around it.

    The graph optimiser does less for what stands in the body of a loop than for a function, so that
    a network's gradient can take longer there.

    Args:
      function: from tensors to tensors, called while something else is being compiled; what it
        refers to beside its arguments is captured.
    """
    return Plainly(function, experimental_attributes={"_noinline": True})
