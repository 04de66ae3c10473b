"""What the file of a network says of it: which one it is, and how large."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

from weights import keras_h5
from weights.errors import InputError, brief


def attributes_of(path: str | os.PathLike[str], network: str, otherwise: str) -> dict[str, Any]:
    """What a file of one network says about itself, but for the attribute `network`.

    Args:
      path: the file.
      network: that its attribute has to name.
      otherwise: what the error says of another one, behind the file's name.

    Raises:
      InputError: the file is missing, damaged, or of another network.
    """
    about = keras_h5.read_attributes(path)
    if about.pop("network", None) != network:
        raise InputError(f"{path}: {otherwise}")
    return about


@contextlib.contextmanager
def stating_its_size(path: str | os.PathLike[str]) -> Iterator[None]:
    """Around what makes a configuration of a file's attributes: a missing or a wrong one is named.

    Raises:
      InputError: there is one.
    """
    try:
        yield
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError(
            f"{path}: the file is damaged, its size is not stated ({brief(error)})."
        ) from error
