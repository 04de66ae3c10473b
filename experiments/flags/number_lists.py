"""Numbers in the text of a list flag."""

from __future__ import annotations

from collections.abc import Callable, Sequence


def numbers_in(given: Sequence[str], fits: Callable[[float], bool]) -> tuple[float, ...] | None:
    """The numbers of a list flag; None unless there are some, and each fits.

    Args:
      given: what the flag was given.
      fits: whether a number may stand there.
    """
    try:
        values = tuple(float(text) for text in given)
    except ValueError:
        return None
    return values if values and all(fits(value) for value in values) else None
