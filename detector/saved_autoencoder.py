"""A trained detector as one file: its weights, and the network that they belong to."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from detector.autoencoder import AutoencoderConfig, autoencoder
from detector.resnet50 import scaled
from weights import keras_h5, made_for, network_attributes

NETWORK = "detector"


@dataclasses.dataclass(frozen=True, eq=False)
class SavedAutoencoder:
    """A detector that came out of a file.

    Attributes:
      model: frozen, from images `[N, 224, 224, 3]` in [0, 1] to reconstructions.
      config: its size.
      about: what else the file says, e.g. how it was trained.
    """

    model: tf.keras.Model
    config: AutoencoderConfig
    about: dict[str, Any]

    def __repr__(self) -> str:
        """Its size and origin."""
        return f"<detector of {self.config}, {self.about.get('source', 'of unknown origin')}>"


def save_autoencoder(
    model: tf.keras.Model,
    config: AutoencoderConfig,
    path: str | os.PathLike[str],
    about: Mapping[str, str | int | float] | None = None,
    float16: bool = False,
) -> None:
    """Write a detector as a Keras `.h5` whose attributes say how large it is; whole or not at all.

    Args:
      model: of `autoencoder(config)`.
      config: its size.
      path: the file; it is replaced if it exists.
      about: what else the file should say, e.g. `made_for.attributes`.
      float16: half precision, half the size.

    Raises:
      OSError: the file cannot be written.
    """
    attributes = dataclasses.asdict(config) | {"network": NETWORK} | dict(about or {})
    keras_h5.save_weights(model, path, attributes, float16)


def load_autoencoder(
    path: str | os.PathLike[str],
    precision: str = "float32",
    used: Mapping[str, Path | made_for.Content] | None = None,
    allow_mismatch: bool = False,
) -> SavedAutoencoder:
    """Read a file of `save_autoencoder`.

    Args:
      path: the file.
      precision: Keras policy of the hidden layers.
      used: what it is to go with, which is then compared with what it was trained for, see
        `weights.made_for`.
      allow_mismatch: take others with a warning.

    Raises:
      InputError: the file is missing, damaged, of another network, or does not fit `used`.
    """
    path = Path(path).expanduser()
    about = network_attributes.attributes_of(
        path,
        NETWORK,
        "not a detector that this project saved; experiments.train_detector leaves them as "
        "detector.h5 in the folder of a run.",
    )
    with network_attributes.stating_its_size(path):
        width = float(about.pop("decoder_width"))
        config = AutoencoderConfig(
            width=float(about.pop("width")),
            decoder_width=width,
            # Files of before these were settings of their own.
            first_width=float(about.pop("first_width", width)),
            code=int(about.pop("code", 4 * scaled(256, width))),
            band=int(about.pop("band", 0)),
            encoder_size=int(about.pop("encoder_size")),
        )
    made_for.check(path, used or {}, allow_mismatch)
    model = autoencoder(config, precision)
    keras_h5.load_weights(model, path)
    model.trainable = False
    return SavedAutoencoder(model, config, about)
