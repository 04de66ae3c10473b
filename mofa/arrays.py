"""The type of numpy arrays whose shape and kind the docstring states."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]
