"""The people of MoFA's experiments: photographs and rendered faces, by part."""

from __future__ import annotations

import dataclasses

from experiments.face_autoencoder.photographs import load_photographs
from experiments.face_autoencoder.pictures import JoinedPictures, Pictures, RenderedPictures
from experiments.face_autoencoder.settings import FaceSettings
from experiments.running.settings import check_at_least
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
    faces: FaceSettings,
    part: str,
    renderer: FaceRenderer,
    identities: int,
    images_per_identity: int,
    minimum_images: int = 1,
    may_be_nobody: bool = False,
    whole: bool = False,
) -> Pictures:
    """The people of one part of all data sets.

    Args:
      faces: names the data sets.
      part: `train`, `validation` or `test`.
      renderer: of pictures at 224x224.
      identities: rendered people.
      images_per_identity: pictures of each.
      minimum_images: people with fewer photographs are left out.
      may_be_nobody: give none where nobody is left.
      whole: see `load_photographs`.

    Returns:
      Pictures at 224x224 with five landmarks each, NaN where the face model of rendered people has
      none; no person of one data set has the number of another's. They are read when asked for.

    Raises:
      InputError: a data set is missing or of another layout, or nobody is left.
    """
    parts: list[Pictures] = []
    if faces.rendered:
        settings = Settings(identities, images_per_identity, seed=IDENTITY_SEEDS[part])
        parts.append(RenderedPictures(RenderedFaces(renderer, settings)))
    for source in faces.sources:
        split = load_photographs(source, renderer, SIZE, (part,), whole=whole)
        parts.append(getattr(split, part).with_images(minimum_images))
    joined = JoinedPictures(parts)
    if not len(joined) and not may_be_nobody:
        raise InputError(
            f"Nobody with {minimum_images} photographs or more is left in the {part} part: lower "
            "`minimum_images`, give more photographs, or say that nobody in them was trained on "
            "(`new_people`)."
        )
    return joined


@dataclasses.dataclass(frozen=True)
class RenderedPeople:
    """How many rendered people there are. The defaults are as many as the paper's data sets have.

    Attributes:
      identities: to learn from.
      images_per_identity: pictures of each.
      held_out_identities: for validation, and as many for the test.
    """

    identities: int = 8000
    images_per_identity: int = 20
    held_out_identities: int = 1000

    def __post_init__(self) -> None:
        check_at_least(self, 1, "identities", "images_per_identity", "held_out_identities")


def load_parts(
    faces: FaceSettings, renderer: FaceRenderer, rendered: RenderedPeople, minimum_images: int = 1
) -> dict[str, Pictures]:
    """The people to learn from, for validation and for the test, see `load_people`."""
    return {
        part: load_people(
            faces,
            part,
            renderer,
            rendered.identities if part == "train" else rendered.held_out_identities,
            rendered.images_per_identity,
            minimum_images,
        )
        for part in ("train", "validation", "test")
    }
