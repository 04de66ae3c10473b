"""The people of MoFA's experiments: photographs and rendered faces, by part."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from experiments.face_autoencoder.photographs import load_photographs
from mofa.arrays import Array
from mofa.face_renderer import FaceRenderer
from mofa.measures import Measures
from mofa.photographs import SIZE, Photographs
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


def load_people(
    sources: Sequence[Source],
    rendered: bool,
    part: str,
    renderer: FaceRenderer,
    identities: int,
    images_per_identity: int,
    minimum_images: int = 1,
) -> Photographs:
    """The people of one part of all data sets.

    Args:
      sources: data sets of photographs.
      rendered: whether there are rendered people, too.
      part: `train`, `validation` or `test`.
      renderer: of pictures at 224x224.
      identities: rendered people.
      images_per_identity: pictures of each.
      minimum_images: people with fewer photographs are left out.

    Returns:
      Pictures at 224x224 with five landmarks each, NaN where the face model of rendered people has
      none; no person of one data set has the number of another's.

    Raises:
      InputError: a data set is missing or of another layout, or nobody is left.
    """
    parts: list[Photographs] = []
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
        parts.append(Photographs(images, _five_landmarks(faces), faces.labels))
    for source in sources:
        split = load_photographs(source.name, source.folder, renderer, SIZE, (part,))
        photographs = getattr(split, part)
        number = np.bincount(photographs.people, minlength=1)
        parts.append(photographs.part(number[photographs.people] >= minimum_images))
    joined = Photographs.joined(parts)
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
) -> dict[str, Photographs]:
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
