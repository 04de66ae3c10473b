"""The people of MoFA's experiments: photographs and rendered faces, by part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from experiments.face_autoencoder.photographs import Source, load_photographs
from experiments.face_autoencoder.pictures import JoinedPictures, Pictures, RenderedPictures
from mofa.face_renderer import FaceRenderer
from mofa.photographs import SIZE
from mofa.rendered_faces import RenderedFaces, Settings
from weights.errors import InputError

EXPERIMENT_SEED = 0
TRAINING_SEED, TEST_SEED = 1000, 2000
"""Seeds of rendered people: for experiments, never trained on; for the encoder's training and its
test."""
IDENTITY_SEEDS = {"train": 3000, "validation": 3001, "test": EXPERIMENT_SEED}
"""Seeds of rendered people for each part of the identity classifiers' data, and the detector's."""


def load_people(
    sources: Sequence[Source],
    rendered: bool,
    part: str,
    renderer: FaceRenderer,
    identities: int,
    images_per_identity: int,
    minimum_images: int = 1,
    may_be_nobody: bool = False,
) -> Pictures:
    """The people of one part of all data sets.

    Args:
      sources: data sets of photographs.
      rendered: whether there are rendered people, too.
      part: `train`, `validation` or `test`.
      renderer: of pictures at 224x224.
      identities: rendered people.
      images_per_identity: pictures of each.
      minimum_images: people with fewer photographs are left out.
      may_be_nobody: give none where nobody is left.

    Returns:
      Pictures at 224x224 with five landmarks each, NaN where the face model of rendered people has
      none; no person of one data set has the number of another's. They are read when asked for.

    Raises:
      InputError: a data set is missing or of another layout, or nobody is left.
    """
    parts: list[Pictures] = []
    if rendered:
        settings = Settings(identities, images_per_identity, seed=IDENTITY_SEEDS[part])
        parts.append(RenderedPictures(RenderedFaces(renderer, settings)))
    for source in sources:
        split = load_photographs(source, renderer, SIZE, (part,))
        parts.append(getattr(split, part).with_images(minimum_images))
    joined = JoinedPictures(parts)
    if not len(joined) and not may_be_nobody:
        raise InputError(
            f"Nobody with {minimum_images} photographs or more is left in the {part} part: lower "
            "`minimum_images`, give more photographs, or say that nobody in them was trained on "
            "(`new_people`)."
        )
    return joined


def load_parts(
    sources: Sequence[Source],
    rendered: bool,
    renderer: FaceRenderer,
    values: dict[str, Any],
    minimum_images: int = 1,
) -> dict[str, Pictures]:
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
