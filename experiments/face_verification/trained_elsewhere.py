"""Networks that come from a file: it does not say on which people they learned."""

from __future__ import annotations

import functools
import logging

_log = logging.getLogger(__name__)

_WHO = "people may be among those tested unless data set, seed and shares were the same"


def about_origin(network: str) -> str:
    """The sentence for below a table; `network` is its beginning, as in "The ResGN has"."""
    return f"{network} weights trained elsewhere, whose {_WHO}."


@functools.cache
def warn_of_people(path: str) -> None:
    """Log the same of a file, once."""
    _log.warning("%s was trained elsewhere: its %s.", path, _WHO)
