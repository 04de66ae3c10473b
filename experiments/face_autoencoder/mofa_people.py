"""The people of MoFA's experiments: pictures of them, whose they are, and pairs to attack."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from experiments.face_autoencoder.photographs import load_photographs
from mofa.arrays import Array
from mofa.face_renderer import FaceRenderer
from mofa.measures import Measures
from mofa.photographs import SIZE
from mofa.rendered_faces import RenderedFaces, Settings
from weights.errors import InputError

EXPERIMENT_SEED = 0
TRAINING_SEED, TEST_SEED = 1000, 2000
"""Seeds of rendered people: for experiments, never trained on; for the encoder's training and its
test."""
IDENTITY_SEEDS = {"train": 3000, "validation": 3001, "test": EXPERIMENT_SEED}
"""Seeds of rendered people for each part of the identity classifiers' data, and the detector's."""


@dataclasses.dataclass(frozen=True)
class Source:
    """A data set of photographs by name, and where it is."""

    name: str
    folder: str | None


def spread_out(length: int, count: int) -> Array:
    """At most `count` indices below `length`, evenly."""
    return np.unique(np.linspace(0, length - 1, min(count, length)).astype(int))


def few_of_each(people: Array, count: int, each: int = 6) -> Array:
    """Rows of at most `count` pictures, two or more of each person and at most `each`.

    Args:
      people: int [M], whose each picture is.
      count: at most so many rows, if two people fit.
      each: pictures of a person.

    Returns:
      Rows int [N] of people evenly spread over all who have two pictures.
    """
    rows = [np.flatnonzero(people == person)[:each] for person in np.unique(people)]
    rows = [own for own in rows if len(own) > 1]
    fit = max(2, count * len(rows) // max(1, sum(map(len, rows))))
    none = np.zeros(0, int)
    return np.concatenate([none, *(rows[i] for i in spread_out(len(rows), fit))]) if rows else none


def strangers(people: Array, rows: Array, rng: np.random.Generator) -> Array:
    """For each of some pictures one of somebody else.

    Args:
      people: int [M], whose each picture is.
      rows: int [N].
      rng: draws.

    Returns:
      Rows int [N].
    """
    return np.array([rng.choice(np.flatnonzero(people != people[row])) for row in rows])


@dataclasses.dataclass(frozen=True, eq=False)
class People:
    """Pictures of people.

    Attributes:
      images: uint8 [M, 224, 224, 3], RGB.
      people: int [M], whose each is; no person of one data set has the number of another's.
      landmarks: float32 [M, 5, 2], pixels; NaN where the face model of rendered people has none.
    """

    images: Array
    people: Array
    landmarks: Array

    def __len__(self) -> int:
        return len(self.people)

    def part(self, rows: Array) -> People:
        """Some of them."""
        return People(self.images[rows], self.people[rows], self.landmarks[rows])


def load_people(
    sources: Sequence[Source],
    rendered: bool,
    part: str,
    renderer: FaceRenderer,
    identities: int,
    images_per_identity: int,
    minimum_images: int = 1,
) -> People:
    """The people of one part of all data sets.

    Args:
      sources: data sets of photographs.
      rendered: whether there are rendered people, too.
      part: `train`, `validation` or `test`.
      renderer: of pictures at 224x224.
      identities: rendered people.
      images_per_identity: pictures of each.
      minimum_images: people with fewer photographs are left out.

    Raises:
      InputError: a data set is missing or of another layout, or nobody is left.
    """
    parts: list[People] = []
    if rendered:
        settings = Settings(identities, images_per_identity, seed=IDENTITY_SEEDS[part])
        faces = RenderedFaces(renderer, settings)
        images = np.concatenate(
            [
                np.round(255.0 * faces.images(np.arange(i, min(i + 64, len(faces))))).astype(
                    np.uint8
                )
                for i in range(0, len(faces), 64)
            ]
        )
        parts.append(People(images, faces.labels, _five_landmarks(faces)))
    for source in sources:
        split = load_photographs(source.name, source.folder, renderer, SIZE, (part,))
        photographs = getattr(split, part)
        number = np.bincount(photographs.people, minlength=1)
        rows = np.flatnonzero(number[photographs.people] >= minimum_images)
        chosen = photographs.part(rows)
        parts.append(People(chosen.images, chosen.people, chosen.landmarks))
    people, offset = [], 0
    for each in parts:
        people.append(each.people + offset)
        offset += int(each.people.max(initial=-1)) + 1
    joined = People(
        np.concatenate([each.images for each in parts]),
        np.concatenate(people),
        np.concatenate([each.landmarks for each in parts]),
    )
    if not len(joined):
        raise InputError(
            f"Nobody with {minimum_images} photographs or more is left in the {part} part: lower "
            "--minimum_images or give more photographs."
        )
    return joined


def _five_landmarks(faces: RenderedFaces) -> Array:
    """float32 [M, 5, 2], pixels; NaN without landmarks of the face model."""
    if not faces.renderer.model.landmarks:
        return np.full([len(faces), 5, 2], np.nan, np.float32)
    everything = np.ones(len(faces.renderer.model.mean_shape), np.float32)
    return Measures(faces.renderer, everything).five(faces.codes)


def load_parts(
    sources: Sequence[Source],
    rendered: bool,
    renderer: FaceRenderer,
    values: dict[str, Any],
    minimum_images: int = 1,
) -> dict[str, People]:
    """The people to learn from, for validation and for the test, see `load_people`.

    Args:
      sources: data sets of photographs.
      rendered: whether there are rendered people, too.
      renderer: of pictures at 224x224.
      values: `identities`, `held_out_identities` and `images_per_identity` of a preset.
      minimum_images: people with fewer photographs are left out.
    """
    return {
        part: load_people(
            sources,
            rendered,
            part,
            renderer,
            values["identities" if part == "train" else "held_out_identities"],
            values["images_per_identity"],
            minimum_images,
        )
        for part in ("train", "validation", "test")
    }


def different_pairs(people: Array, count: int, seed: int) -> tuple[Array, Array]:
    """Pictures of different people, two by two.

    Args:
      people: int [M].
      count: wanted pairs.
      seed: of the draw.

    Returns:
      Rows of sources and of targets, int [count] each; no picture is a source twice.

    Raises:
      InputError: there are fewer pictures, or only one person.
    """
    if count > len(people):
        raise InputError(f"{count} pairs need as many pictures; there are {len(people)}.")
    if len(np.unique(people)) < 2:
        raise InputError("Pairs need two people or more.")
    rng = np.random.default_rng(seed)
    sources = rng.permutation(len(people))[:count]
    return sources, strangers(people, sources, rng)
