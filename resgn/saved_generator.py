"""A trained ResGN as one file: its weights, and the network that they belong to."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from resgn.generator import GeneratorConfig, residual_generator
from resgn.target import Target
from weights import keras_h5, made_for, network_attributes
from weights.errors import InputError

_HERE = Path(keras_h5.__file__).parent
PACKAGED = {"facenet": _HERE / "resgn_facenet.h5", "dlib": _HERE / "resgn_dlib.h5"}
"""The small ResGNs that the project trained itself, by their target; the first is the default."""

NETWORK = "resgn"

_LARGEST = {"blocks": 256, "maps": 1024, "in_kernel": 31, "out_kernel": 31, "scale": 16}
"""No ResGN is larger; a damaged file could ask for any size."""


@dataclasses.dataclass(frozen=True, eq=False)
class SavedGenerator:
    """A ResGN that came out of a file.

    Attributes:
      model: frozen, from images `[N, H, W, 3]` in [0, 1] to the same.
      config: its size.
      about: what else the file says, e.g. how it was trained.
      path: the file.
    """

    model: tf.keras.Model
    config: GeneratorConfig
    about: dict[str, Any]
    path: Path

    def told_of(self, target: Target) -> str | None:
        """A sentence if it was trained for another target or crop, or does not say for which.

        ResGN may clean for a network that it has never seen; figures then say so.
        """
        wanted = made_for.read(self.path).get("target")
        if wanted is None:
            return f"{self.path.name} does not say which target network it was trained for."
        if target.content is None or wanted.digest != target.content.digest:
            return (
                f"{self.path.name} was trained for {wanted.name}, not for "
                f"{target.content.name if target.content else target.name}."
            )
        crop = self.about.get("crop")
        if crop is not None and crop != target.crop:
            return f"{self.path.name} was trained on another crop ({crop}, not {target.crop})."
        return None


def save_generator(
    model: tf.keras.Model,
    config: GeneratorConfig,
    path: str | os.PathLike[str],
    about: Mapping[str, str | int | float] | None = None,
    beside: keras_h5.LayerWeights | None = None,
) -> None:
    """Write a ResGN as a Keras `.h5` whose attributes say how large it is; whole or not at all.

    Args:
      model: of `residual_generator(config)`.
      config: its size.
      path: the file; it is replaced if it exists.
      about: what else the file should say, see `about_target`.
      beside: arrays that belong to it, as further layers.

    Raises:
      OSError: the file cannot be written.
    """
    attributes = dataclasses.asdict(config) | {"network": NETWORK} | dict(about or {})
    keras_h5.save_layer_weights(keras_h5.layer_weights(model) | (beside or {}), path, attributes)


def about_target(target: Target) -> dict[str, str]:
    """What a file should say of the target that its ResGN was trained for."""
    goes_with = {} if target.content is None else {"target": target.content}
    return {"target": target.name, "crop": target.crop, **made_for.attributes(goes_with)}


def packaged(target: Target) -> Path:
    """The small ResGN for a target; the default one for a network that has none."""
    return PACKAGED.get(target.name, next(iter(PACKAGED.values())))


def load_generator(
    path: str | os.PathLike[str] | None = None, precision: str = "float32"
) -> SavedGenerator:
    """Read a file of `save_generator`.

    Args:
      path: the file; None for the first of `PACKAGED`.
      precision: Keras policy of the hidden layers.

    Raises:
      InputError: the file is missing, damaged, or of another network.
    """
    path = next(iter(PACKAGED.values())) if path is None else Path(path).expanduser()
    about = network_attributes.attributes_of(
        path,
        NETWORK,
        "not a ResGN that this project saved; training leaves them as cleaners/<row>.h5 in the "
        "folder of a run.",
    )
    config = _config(about, path)
    model = residual_generator(config, precision)
    keras_h5.load_weights(model, path)
    model.trainable = False
    return SavedGenerator(model, config, about, path)


def _config(about: dict[str, Any], path: Path) -> GeneratorConfig:
    values: dict[str, Any] = {}
    for field in dataclasses.fields(GeneratorConfig):
        value = about.pop(field.name, None)
        largest = _LARGEST.get(field.name)
        fits = isinstance(value, bool) if largest is None else type(value) is int
        if not fits or (largest is not None and not 1 <= value <= largest):
            raise InputError(f"{path}: {field.name} is {value!r}; the file is damaged.")
        values[field.name] = value
    return GeneratorConfig(**values)
