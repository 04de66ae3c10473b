"""Aligned faces of a data set, as they turn out to be needed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from resgn.faces.alignment import AlignedFaces, aligned_faces
from resgn.faces.crops import FIVE_POINTS
from resgn.faces.dataset import FaceDataset
from resgn.faces.template import CROP


class GatheredFaces:
    """Faces that are aligned once each.

    Attributes:
      without_face: bool `[N]`, images that were looked at and in which no face was found.

    Args:
      dataset: of N images.
      crop: of `resgn.faces.crops.CROPS`.
      size: side of the crops.
    """

    def __init__(self, dataset: FaceDataset, crop: str = FIVE_POINTS, size: int = CROP) -> None:
        self._dataset, self._crop, self._size = dataset, crop, size
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
            faces = aligned_faces(self._dataset, new, self._size, crop=self._crop)
            self._seen[new] = True
            self.without_face[np.setdiff1d(new, faces.indices)] = True
            self._parts.append(faces)

    def faces(self, rows: NDArray[np.integer[Any]]) -> AlignedFaces:
        """Gathered crops in the order of `rows`; without a copy where they are all there are.

        Raises:
          ValueError: one was not gathered, or shows no face.
        """
        if len(self._parts) == 1 and np.array_equal(self._parts[0].indices, rows):
            return self._parts[0]
        place = {
            int(index): (part, row)
            for part, faces in enumerate(self._parts)
            for row, index in enumerate(faces.indices)
        }
        absent = [int(row) for row in rows if int(row) not in place]
        if absent:
            raise ValueError(f"rows: {absent[:5]} were not gathered or show no face")
        first = self._parts[0]
        images = np.empty([len(rows), *first.images.shape[1:]], np.uint8)
        matrices = {crop: np.empty([len(rows), 2, 3]) for crop in first.matrices}
        for number, index in enumerate(rows):
            part, row = place[int(index)]
            images[number] = self._parts[part].images[row]
            for crop, each in matrices.items():
                each[number] = self._parts[part].matrices[crop][row]
        return AlignedFaces(
            images, np.asarray(rows), self._dataset.people[rows], self._crop, matrices
        )
