"""Pictures of people that are known by number, and read when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, TypeAlias

import numpy as np

from mofa.arrays import Array
from mofa.measures import Measures
from mofa.photographs import Photographs
from mofa.rendered_faces import RenderedFaces

Rows: TypeAlias = Sequence[int] | Array | slice

CHUNK = 256
"""Pictures that are read at a time where all of them are needed, 39 MB at 224x224."""


class Pictures(Protocol):
    """Pictures of which it is known whose they are; `Photographs` are some, too."""

    @property
    def people(self) -> Array:
        """int [M], whose each is."""
        ...

    def __len__(self) -> int: ...

    def part(self, rows: Rows) -> Photographs:
        """Some of them."""
        ...


class RenderedPictures:
    """Rendered people, drawn when they are asked for.

    Args:
      faces: of whom.
    """

    def __init__(self, faces: RenderedFaces) -> None:
        self._faces = faces
        self.people: Array = faces.labels

    def __len__(self) -> int:
        return len(self._faces)

    def part(self, rows: Rows) -> Photographs:
        """Some of them with five landmarks, NaN without landmarks of the face model."""
        chosen = np.arange(len(self))[rows]
        images = np.empty([len(chosen), *self._faces.renderer.camera.image_size, 3], np.uint8)
        for start in range(0, len(chosen), 64):
            drawn = self._faces.images(chosen[start : start + 64])
            images[start : start + 64] = np.round(255.0 * drawn)
        model = self._faces.renderer.model
        places = np.full([len(chosen), 5, 2], np.nan, np.float32)
        if model.landmarks and len(chosen):
            everything = np.ones(len(model.mean_shape), np.float32)
            places = Measures(self._faces.renderer, everything).five(self._faces.codes[chosen])
        return Photographs(images, places, self.people[chosen])


class JoinedPictures:
    """Several sets of pictures, in which no person of one has the number of another's.

    Args:
      parts: the sets.
    """

    def __init__(self, parts: Sequence[Pictures]) -> None:
        self._parts = parts
        self._first = np.cumsum([0, *map(len, parts)])
        self._offsets = np.cumsum([0, *(int(p.people.max(initial=-1)) + 1 for p in parts)])
        people = [p.people + o for p, o in zip(parts, self._offsets, strict=False)]
        self.people: Array = np.concatenate([np.zeros(0, np.int32), *people]).astype(np.int32)

    def __len__(self) -> int:
        return len(self.people)

    def part(self, rows: Rows) -> Photographs:
        """Some of them, in this order."""
        chosen = np.arange(len(self))[rows]
        result: Photographs | None = None
        # One set after the other, so that all pictures are there once and not twice.
        for number, part in enumerate(self._parts):
            start, end = self._first[number : number + 2]
            where = np.flatnonzero((chosen >= start) & (chosen < end))
            piece = part.part(chosen[where] - start)
            if len(where) == len(chosen):
                return Photographs(piece.images, piece.landmarks, self.people[chosen])
            if result is None:
                result = Photographs(
                    np.empty([len(chosen), *piece.images.shape[1:]], np.uint8),
                    np.empty([len(chosen), *piece.landmarks.shape[1:]], np.float32),
                    self.people[chosen],
                )
            result.images[where], result.landmarks[where] = piece.images, piece.landmarks
        if result is None:
            raise ValueError("parts: expected one or more")
        return result


def chunks(pictures: Pictures) -> Iterator[Photographs]:
    """All of them, `CHUNK` at a time."""
    for start in range(0, len(pictures), CHUNK):
        yield pictures.part(slice(start, start + CHUNK))
