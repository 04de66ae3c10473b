"""Where faces lie in photographs, kept on disk between runs."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from weights.atomic import atomic_path
from weights.files import sha256
from weights.folders import cache_folder

_log = logging.getLogger(__name__)


class LandmarkCache:
    """Landmarks and box of a face by what an image file holds.

    One file for each kind of data set and version of the detector. An entry belongs to the content
    of an image file, whatever it is called, wherever it lies and whatever its times say: to hash
    10,000 photographs takes a second or two. Every save takes in what another process saved in the
    meantime. A damaged file is made anew; a folder that cannot be written means a warning and no
    cache.

    Args:
      name: of the data set.
      version: of the detector; another version has another file.
      cache_dir: see `weights.folders.cache_folder`.
    """

    def __init__(
        self, name: str, version: int, cache_dir: str | os.PathLike[str] | None = None
    ) -> None:
        self.path = cache_folder(cache_dir) / f"landmarks-{name}-v{version}.npz"
        self._entries = self._read()
        self._unsaved: dict[str, NDArray[np.float32]] = {}
        self._writable = True

    @staticmethod
    def key(path: Path) -> str:
        """The entry of an image file: half of its sha256, hexadecimal, 32 characters.

        Raises:
          OSError: the file cannot be read.
        """
        return sha256(path)[:32]

    def get(self, key: str) -> NDArray[np.float32] | None:
        """Places float32 `[7, 2]`, NaN where no face was found; None where not known."""
        return self._entries.get(key)

    def put(self, key: str, places: NDArray[np.float32]) -> None:
        """Remember places float32 `[7, 2]` until `save`."""
        self._entries[key] = self._unsaved[key] = places

    def save(self) -> None:
        """Write what is new to disk, whole or not at all."""
        if not self._unsaved or not self._writable:
            return
        entries = self._read() | self._unsaved
        try:
            with atomic_path(self.path) as temporary:
                np.savez(
                    temporary,
                    keys=np.array(list(entries), "S32"),
                    places=np.array(list(entries.values()), np.float32),
                )
            self._unsaved = {}
        except OSError as error:
            self._writable = False
            _log.warning(
                "%s cannot be written (%s): landmarks are not kept for the next run",
                self.path,
                error.strerror or error,
            )

    def _read(self) -> dict[str, NDArray[np.float32]]:
        try:
            with np.load(self.path, allow_pickle=False) as file:
                keys, places = file["keys"], file["places"]
            if places.dtype != np.float32 or places.shape != (len(keys), 7, 2):
                raise ValueError("unexpected arrays")
            return dict(zip((key.decode("ascii") for key in keys), places, strict=True))
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            return {}
        # zipfile and numpy raise many things on damaged bytes; none of them matters here.
        except Exception as error:
            _log.warning("%s is damaged (%s): landmarks are found anew", self.path, error)
            return {}
