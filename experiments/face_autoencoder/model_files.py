"""The encoder and the morphable model that settings name."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import tensorflow as tf

from experiments.face_autoencoder.settings import FaceSettings
from mofa import encoder, face_model_files
from mofa.face_renderer import Camera, FaceRenderer
from mofa.photographs import SIZE
from weights import made_for
from weights.errors import InputError


@dataclasses.dataclass(frozen=True)
class ModelFiles:
    """Encoder and decoder as files.

    Args:
      faces: the settings that may name them.
      own: the encoder where they name none.
    """

    faces: FaceSettings
    own: Path = encoder.DEFAULT_PATH

    @property
    def encoder(self) -> Path:
        """The encoder."""
        return Path(self.faces.encoder).expanduser() if self.faces.encoder else self.own

    @property
    def model(self) -> Path:
        """The morphable model that is named, or that of the encoder.

        Raises:
          InputError: the encoder was trained with one of the user's own, and none is named.
        """
        given = self.faces.model
        return Path(given).expanduser() if given else encoders_model(self.encoder)

    @property
    def content(self) -> made_for.Content:
        """What says which morphable model it is."""
        return face_model_files.content(self.model)

    def renderer(self, image_size: int = SIZE) -> FaceRenderer:
        """The decoder, of square pictures of this side."""
        return renderer_of(self.model, self.faces.landmarks, image_size)

    def network(self, other: str | None = None) -> tf.keras.Model:
        """The encoder, frozen, or another one for the same morphable model.

        Args:
          other: its file.

        Raises:
          InputError: it was trained with another morphable model.
        """
        return encoder.load(
            Path(other).expanduser() if other else self.encoder,
            used={"face_model": self.content},
            allow_mismatch=self.faces.allow_mismatch,
        )[0]


def renderer_of(path: str | Path, landmarks: str | None, image_size: int) -> FaceRenderer:
    """The decoder with one morphable model.

    Rendered faces need no landmarks; photographs do, and say so when they are cut out.
    """
    model = face_model_files.read(path, landmarks, require_landmarks=False)
    return FaceRenderer(model, Camera(image_size=(image_size, image_size)))


def encoders_model(path: Path) -> Path:
    """The morphable model that an encoder decodes with.

    Raises:
      InputError: it is none of those that come along.
    """
    name = encoder.face_model(path)
    if name not in face_model_files.OWN_MODELS:
        raise InputError(
            f"{path} was trained with another morphable model ({name}): give it with `model`."
        )
    return face_model_files.OWN_MODELS[name]
