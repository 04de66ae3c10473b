"""Attacked images of MoFA's experiments, crafted once and then taken from the cache."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from attacks import Attack
from experiments.face_autoencoder.mofa_victim import AttackedPairs
from experiments.running import image_cache
from mofa.arrays import Array
from resgn.target import to_float

FORMAT = 3
"""Part of every entry's name; to be raised when the making of attacked images changes."""


def described(attack: Attack) -> dict[str, Any] | None:
    """An attack's kind and its public settings; None if one is no number or text.

    What cannot be written down cannot name a file: such an attack's images are not kept.
    """
    settings = {name: value for name, value in vars(attack).items() if name[0] != "_"}
    if not all(
        isinstance(value, (bool, int, float, str, type(None))) for value in settings.values()
    ):
        return None
    kind = type(attack)
    return {"attack": f"{kind.__module__}.{kind.__qualname__}"} | settings


class CraftedImages:
    """Attacked images in 8 bits, as files hold them; kept between runs.

    Args:
      identity: names the network under attack, for example by the hash of its weights;
        None keeps nothing.
    """

    def __init__(self, identity: str | None = None) -> None:
        self._identity = identity

    def __call__(
        self,
        attack: Attack,
        epsilon: float,
        pairs: AttackedPairs,
        weights: Array,
        craft: Callable[[], Array],
    ) -> Array:
        """Attacked sources of the pairs, float32 [N, 224, 224, 3] of 8-bit levels.

        Args:
          attack: how.
          epsilon: its budget.
          pairs: whom.
          weights: of the code's entries in Eq. 1, [257].
          craft: makes them if they are not there, float32 in [0, 1].
        """
        shape = pairs.sources.shape
        path = None
        attacked_by = described(attack)
        if self._identity is not None and attacked_by is not None:
            settings = [FORMAT, "mofa", self._identity, attacked_by, epsilon]
            path = image_cache.entry(settings, [pairs.sources, pairs.targets, weights])
        found = None if path is None else image_cache.read(path, shape)
        if found is None:
            found = attack.stored(craft()[np.newaxis], pairs.sources, [epsilon])[0]
            if path is not None:
                image_cache.write(path, found)
        return to_float(found).numpy()
