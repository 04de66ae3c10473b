"""Photographs of a data set that cannot be read: named all at once, or left out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from resgn.faces.dataset import FaceDataset
from weights.errors import InputError

_log = logging.getLogger(__name__)

_Read = TypeVar("_Read")

SHOWN = 5
"""Photographs that are named; of the others it is said how many they are."""


class Damaged:
    """Collects what is wrong with photographs of a data set while all of them are looked at.

    Args:
      dataset: whose photographs.
    """

    def __init__(self, dataset: FaceDataset) -> None:
        self._dataset = dataset
        self._reasons: dict[int, str] = {}

    def guarded(self, index: int, read: Callable[[Path], _Read]) -> _Read | None:
        """What `read` makes of the file of photograph `index`; None where it cannot be read."""
        path = self._dataset.path(index)
        try:
            return read(path)
        except InputError as error:
            self._reasons[index] = str(error)
        except OSError as error:
            self._reasons[index] = (
                f"{path} cannot be read ({error.strerror}); it was there when the data set was "
                "listed."
            )
        return None

    def settle(self, total: int) -> None:
        """Say what was found.

        Args:
          total: how many photographs were looked at.

        Raises:
          InputError: photographs cannot be read, and the data set does not leave them out.
        """
        if not self._reasons:
            return
        reasons = [self._reasons[index] for index in sorted(self._reasons)]
        said = " ".join(reasons[:SHOWN])
        if len(reasons) > SHOWN:
            said += f" ... and {len(reasons) - SHOWN} more."
        count = f"{len(reasons)} of {total} photographs"
        if self._dataset.skip_damaged:
            name = self._dataset.name
            _log.warning("%s: %s cannot be read and are left out. %s", name, count, said)
            return
        raise InputError(
            f"{count} cannot be read: {said} Mend or remove them, or leave them out "
            "(`skip_damaged`)."
        )
