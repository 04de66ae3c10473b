"""Photographs of faces as the autoencoder wants them: cut out in one way, with landmarks."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np
import tensorflow as tf

from mofa import code as codes
from mofa import landmarks
from mofa.arrays import Array
from mofa.face_renderer import FaceRenderer
from mofa.people import another_of_each

SIZE = 224
"""Side of a photograph that is cut out for the encoder, pixels."""


def crop_template(renderer: FaceRenderer) -> Array:
    """Where five landmarks belong in a crop: those of the mean face in front of the camera.

    Args:
      renderer: its camera gives the crop's size.

    Returns:
      float32 [5, 2], (x, y) in pixels: left eye (of the picture), right eye, nose, left and right
      corner of the mouth.

    Raises:
      InputError: the face model does not have these landmarks.
    """
    renderer.model.check_landmarks()
    face = renderer.face(tf.zeros([1, codes.SIZE]))
    return np.asarray(renderer.five_landmarks(face)[0].numpy())


def crop_matrix(points: Array, template: Array) -> Array:
    """The rotation, scale and shift that bring landmarks nearest to the template.

    Args:
      points: [5, 2], (x, y) in pixels of the photograph.
      template: [5, 2], see `crop_template`.

    Returns:
      float64 [2, 3], from pixels of the photograph to pixels of the crop.

    Raises:
      ValueError: another shape, not finite, or the points fall together.
    """
    points = np.asarray(points, np.float64)
    if points.shape != (5, 2) or not np.isfinite(points).all():
        raise ValueError(f"points: expected finite [5, 2], got {points.tolist()}")
    # As complex numbers a similarity is z -> turn * z + shift, which is linear regression.
    source, target = points @ (1, 1j), template.astype(np.float64) @ (1, 1j)
    centred = source - source.mean()
    spread = np.vdot(centred, centred).real
    turn = np.vdot(centred, target - target.mean()) / spread if spread > 1e-6 else 0.0
    if abs(turn) < 1e-4:
        raise ValueError(f"points: no face has its landmarks at {points.tolist()}")
    shift = target.mean() - turn * source.mean()
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def crop(
    photograph: Array, points: Array, template: Array, size: int = SIZE
) -> tuple[Array, Array]:
    """Cut a face out of a photograph; what lies outside is filled with the border.

    Args:
      photograph: uint8 [H, W, 3].
      points: [5 or 68, 2], landmarks in pixels of the photograph.
      template: [5, 2] in pixels of the crop.
      size: side of the crop.

    Returns:
      The crop uint8 [size, size, 3], and the landmarks in it, float32 of the shape of `points`.

    Raises:
      ValueError: see `crop_matrix`.
    """
    anchors = np.asarray(landmarks.five(points).numpy()) if len(points) == 68 else points
    matrix = crop_matrix(anchors, template)
    placed = (points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    shrink = int(1.0 / np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    if shrink >= 2:
        # A warp alone would skip pixels.
        before = np.array(photograph.shape[1::-1])
        after = np.maximum(before // shrink, 1)
        photograph = cv2.resize(photograph, after.tolist(), interpolation=cv2.INTER_AREA)
        ratio = before / after
        matrix[:, 2] += matrix[:, :2] @ (0.5 * ratio - 0.5)
        matrix[:, :2] *= ratio
    result = cv2.warpAffine(
        photograph, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(result, np.uint8), placed


@dataclasses.dataclass(frozen=True, eq=False)
class Photographs:
    """Cropped photographs.

    Attributes:
      images: uint8 [M, S, S, 3], RGB.
      landmarks: float32 [M, 5 or 68, 2] in pixels of the crops; NaN where one is not known.
      people: int32 [M], whose each is.
    """

    images: Array
    landmarks: Array
    people: Array

    def __repr__(self) -> str:
        """How many of whom, not the pixels."""
        people = len(np.unique(self.people))
        return f"<{len(self)} photographs of {people} people, {list(self.images.shape[1:3])}>"

    def __len__(self) -> int:
        return len(self.images)

    @classmethod
    def joined(cls, parts: Sequence[Photographs]) -> Photographs:
        """Several data sets, in which no person of one has the number of another's."""
        first = np.cumsum([0, *(int(part.people.max(initial=-1)) + 1 for part in parts)])
        people = [part.people + offset for part, offset in zip(parts, first, strict=False)]
        return cls(
            np.concatenate([part.images for part in parts]),
            np.concatenate([part.landmarks for part in parts]),
            np.concatenate(people).astype(np.int32),
        )

    def part(self, rows: Sequence[int] | Array | slice) -> Photographs:
        """Some of them."""
        return Photographs(self.images[rows], self.landmarks[rows], self.people[rows])

    def resized(self, size: int) -> Photographs:
        """At another size; smaller by averaging."""
        old = self.images.shape[1]
        if size == old:
            return self
        images = np.stack(
            [cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA) for image in self.images]
        )
        places = (self.landmarks + 0.5) * np.float32(size / old) - np.float32(0.5)
        return Photographs(images, places, self.people)

    def batches(
        self, batch_size: int, seed: int, first: int = 0, *, in_twos: bool = False
    ) -> Iterator[tuple[Any, ...]]:
        """Batches without end, half of them mirrored.

        Args:
          batch_size: B.
          seed: decides the order.
          first: the number of the first batch; a batch depends on its number and the seed alone.
          in_twos: each photograph is followed by another one of the same person, where there is
            one, and by itself otherwise.

        Yields:
          Images float32 [B, S, S, 3] in [0, 1] and landmarks float32 [B, 5 or 68, 2].
        """
        number, another = first, another_of_each(self.people)
        while True:
            rng = np.random.default_rng([seed, number])
            wanted = -(-batch_size // 2) if in_twos else batch_size
            rows = rng.choice(len(self), wanted, replace=len(self) < wanted)
            if in_twos:
                rows = np.stack((rows, another(rows, rng)), axis=1).ravel()[:batch_size]
            flipped = rng.random(batch_size) < 0.5
            images, places = self.images[rows], self.landmarks[rows]
            images[flipped] = images[flipped, :, ::-1]
            places[flipped] = mirrored(places[flipped], self.images.shape[2])
            yield tf.constant(images.astype(np.float32) / 255.0), tf.constant(places)
            number += 1


def mirrored(points: Array, width: int) -> Array:
    """Landmarks [N, 5 or 68, 2] of the mirrored picture."""
    order = (1, 0, 2, 4, 3) if points.shape[1] == 5 else landmarks.MIRROR
    return (points[:, order, :] * [-1.0, 1.0] + [width - 1.0, 0.0]).astype(np.float32)
