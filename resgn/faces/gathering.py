"""Aligned faces of a data set, as they turn out to be needed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from resgn.faces.alignment import AlignedFaces, aligned_faces
from resgn.faces.dataset import FaceDataset
from resgn.faces.template import CROP


class GatheredFaces:
    """Faces that are aligned once each.

    Attributes:
      without_face: bool `[N]`, images that were looked at and in which no face was found.

    Args:
      dataset: of N images.
      size: side of the crops.
    """

    def __init__(self, dataset: FaceDataset, size: int = CROP) -> None:
        self._dataset, self._size = dataset, size
        self._parts: list[AlignedFaces] = []
        self._seen = np.zeros(len(dataset), bool)
        self.without_face = np.zeros(len(dataset), bool)

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    def gather(self, rows: NDArray[np.integer[Any]]) -> None:
        """Align some images of the data set, those that were not yet."""
        rows = np.unique(rows)
        new = rows[~self._seen[rows]]
        if len(new):
            faces = aligned_faces(self._dataset, new, self._size)
            self._seen[new] = True
            self.without_face[np.setdiff1d(new, faces.indices)] = True
            self._parts.append(faces)

    def images(self, rows: NDArray[np.integer[Any]]) -> NDArray[np.uint8]:
        """Gathered crops uint8 `[M, size, size, 3]`; without a copy where they are all there are.

        Raises:
          ValueError: one was not gathered, or shows no face.
        """
        if len(self._parts) == 1 and np.array_equal(self._parts[0].indices, rows):
            return self._parts[0].images
        place = {
            int(index): (part, row)
            for part, faces in enumerate(self._parts)
            for row, index in enumerate(faces.indices)
        }
        absent = [int(row) for row in rows if int(row) not in place]
        if absent:
            raise ValueError(f"rows: {absent[:5]} were not gathered or show no face")
        found = np.empty([len(rows), *self._parts[0].images.shape[1:]], np.uint8)
        for number, index in enumerate(rows):
            part, row = place[int(index)]
            found[number] = self._parts[part].images[row]
        return found
