"""Arrays of a run that take long to compute, kept in its folder."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tqdm
from absl import logging

from experiments.running.devices import ONE, Devices
from experiments.running.results import write_array
from mofa.arrays import Array

CHUNK = 4
"""Inputs between two writes to the disk."""


class KeptArrays:
    """Each array by name, computed once and read again by a run that goes on.

    Args:
      folder: for the files.
      shared: where an earlier part of the run left them, if it is another folder.
      devices: of several machines all read an array, or all compute it.
    """

    def __init__(self, folder: Path, shared: Path | None = None, devices: Devices = ONE) -> None:
        self._folder, self._shared, self._devices = folder, shared or folder, devices

    def __call__(self, name: str, compute: Callable[[], Array], length: int | None = None) -> Array:
        """The array of that name; what is damaged or of another length is computed anew.

        Args:
          name: also of its file.
          compute: gives it if it is not there.
          length: that it must have; any where it is None.
        """
        kept = self._read(self._shared / f"{name}.npy", length)
        if self._devices.everyone(kept is not None) and kept is not None:
            return kept
        found = compute()
        path = self._folder / f"{name}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_array(path, found)
        return found

    def _read(self, path: Path, length: int | None) -> Array | None:
        if not path.is_file():
            return None
        try:
            found = np.asarray(np.load(path, allow_pickle=False))
        except (OSError, ValueError, EOFError) as error:
            logging.warning("%s is damaged (%s) and is computed anew.", path, error)
            return None
        if length is not None and found.shape[:1] != (length,):
            logging.warning("%s does not hold %d inputs and is computed anew.", path, length)
            return None
        return found

    def in_chunks(
        self,
        name: str,
        inputs: Array,
        function: Callable[[Array], Array],
        size: int = CHUNK,
        unit: str = "face",
    ) -> Array:
        """A slow function of many inputs; of a run that is killed the chunks that are done remain.

        A part of the run that takes chunks of another size, as one on more devices does, reads of
        them only those that begin and end alike, which hold the same inputs.

        Args:
          name: of the result; its chunks have a number behind it.
          inputs: `[N, ...]`.
          function: from `[n, ...]` to as many results.
          size: n, of all chunks but the last.
          unit: what an input is called beside the progress bar.
        """
        found = []
        with tqdm.tqdm(total=len(inputs), desc=name, unit=unit, disable=None) as bar:
            for start in range(0, len(inputs), size):
                chunk = inputs[start : start + size]
                # The file's name says where a chunk begins, its length where it ends.
                compute = functools.partial(function, chunk)
                found.append(self(f"{name}_{start:04d}", compute, len(chunk)))
                bar.update(len(chunk))
        return np.concatenate(found)
