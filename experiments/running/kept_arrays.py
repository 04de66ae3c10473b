"""Arrays of a run that take long to compute, kept in its folder."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tqdm
from absl import logging

from experiments.running.results import write_array
from mofa.arrays import Array

CHUNK = 4
"""Inputs between two writes to the disk."""


class KeptArrays:
    """Each array by name, computed once and read again by a run that goes on.

    Args:
      folder: for the files.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, name: str, compute: Callable[[], Array]) -> Array:
        """The array of that name; a damaged file is computed anew.

        Args:
          name: also of its file.
          compute: gives it if it is not there.
        """
        path = self._folder / f"{name}.npy"
        if path.is_file():
            try:
                return np.asarray(np.load(path, allow_pickle=False))
            except (OSError, ValueError, EOFError) as error:
                logging.warning("%s is damaged (%s) and is computed anew.", path, error)
        found = compute()
        path.parent.mkdir(parents=True, exist_ok=True)
        write_array(path, found)
        return found

    def in_chunks(self, name: str, inputs: Array, function: Callable[[Array], Array]) -> Array:
        """A slow function of many inputs; of a run that is killed the chunks that are done remain.

        Args:
          name: of the result; its chunks have a number behind it.
          inputs: `[N, ...]`.
          function: from `[n, ...]` to as many results.
        """
        found = []
        with tqdm.tqdm(total=len(inputs), desc=name, unit="face", disable=None) as bar:
            for start in range(0, len(inputs), CHUNK):
                chunk = inputs[start : start + CHUNK]
                found.append(self(f"{name}_{start:04d}", functools.partial(function, chunk)))
                bar.update(len(chunk))
        return np.concatenate(found)
