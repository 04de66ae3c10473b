"""A detector that knows faces with noise from faces without, and has seen no attack.

Wang et al. (IJCAI 2023) train XceptionNet to tell real faces from self-perturbed ones. Here a few
convolutions look at what smoothing takes away from an image, where small changes are not drowned by
the face; the mean over the image decides, since the attacks of Teng 2021 change all of it (theirs
takes the largest of 7x7 places).
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from detector.scores import in_batches
from detector.self_perturbation import SelfPerturbation
from weights import keras_h5, made_for, network_attributes
from weights.errors import InputError

layers = tf.keras.layers

NETWORK = "self_perturbed"
SCORE = "self_perturbed"

SMALLEST_CROP = 32
_SMOOTHED = (3, 9)
# A residual of so many grey levels is squashed to three quarters: the shape of noise counts, and
# hair and edges do not count as much more.
_SQUASHED_FROM = 4.0


@dataclasses.dataclass(frozen=True)
class PerturbationDetectorConfig:
    """The size of the classifier.

    Attributes:
      filters: maps of the first convolution; the others have two and four times as many.
    """

    filters: int = 16

    def __post_init__(self) -> None:
        if not 1 <= self.filters <= 256:
            raise InputError(f"`filters` must lie from 1 to 256, got {self.filters}.")


def classifier(
    config: PerturbationDetectorConfig | None = None,
    precision: str = "float32",
    momentum: float = 0.99,
) -> tf.keras.Model:
    """A classifier with random weights.

    Args:
      config: its size.
      precision: Keras policy of the hidden layers.
      momentum: of BatchNorm's moving statistics.

    Returns:
      A model from float32 RGB images `[N, H, W, 3]` in [0, 1], of any size from 32 pixels on, to
      logits float32 `[N, 1]`: above 0 for faces with noise.
    """
    filters = (config or PerturbationDetectorConfig()).filters
    images = tf.keras.Input((None, None, 3), name="images", dtype="float32")
    x = residuals(images)
    for number, (maps, stride) in enumerate(((1, 2), (2, 2), (4, 2), (4, 1)), 1):
        x = layers.Conv2D(
            maps * filters,
            3,
            stride,
            padding="same",
            use_bias=False,
            dtype=precision,
            name=f"conv{number}",
        )(x)
        x = layers.BatchNormalization(momentum=momentum, dtype=precision, name=f"bn{number}")(x)
        x = layers.ReLU(dtype=precision, name=f"relu{number}")(x)
    x = layers.GlobalAveragePooling2D(dtype="float32", name="mean")(x)
    logits = layers.Dense(1, dtype="float32", name="logit")(x)
    return tf.keras.Model(images, logits, name="perturbation_detector")


def residuals(images: tf.Tensor) -> tf.Tensor:
    """What smoothing over 3 and from there over 9 pixels takes away, squashed into (-1, 1).

    Args:
      images: `[N, H, W, 3]` in [0, 1].

    Returns:
      `[N, H, W, 6]`.
    """
    found, rest = [], images
    for side in _SMOOTHED:
        smooth = tf.nn.avg_pool2d(rest, side, 1, "SAME")
        found.append(tf.tanh((255.0 / _SQUASHED_FROM) * (rest - smooth)))
        rest = smooth
    return tf.concat(found, axis=-1)


class TellingApart:
    """To tell faces as they are from the same faces perturbed: a `Lesson` of `detector.training`.

    Args:
      perturb: gives the faces their noise.
      crop: side of the square that is cut out of each image, anywhere, in training; what is learned
        goes for whole images too, since it is a mean over places.

    Raises:
      InputError: `crop` is too small.
    """

    watched = "cross-entropy"

    def __init__(self, perturb: SelfPerturbation, crop: int) -> None:
        if crop < SMALLEST_CROP:
            raise InputError(f"`crop` must be at least {SMALLEST_CROP}, got {crop}.")
        self._perturb, self._crop = perturb, crop

    def shown(self, batch: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Squares of the images and the same perturbed: uint8 `[N, 2, crop, crop, 3]`.

        Raises:
          InputError: the images are smaller than `crop`.
        """
        crop, sides = self._crop, batch.shape[1:3]
        if crop > min(sides):
            raise InputError(f"`crop` must be at most {min(sides)}, got {crop}.")
        corners = rng.integers(0, np.array(sides) - crop + 1, (len(batch), 2))
        down, right = (corners[:, axis, None] + np.arange(crop) for axis in (0, 1))
        every = np.arange(len(batch))[:, None, None]
        squares = batch[every, down[:, :, None], right[:, None, :]]
        return np.stack([squares, self._perturb(squares, rng)], axis=1)

    def losses(self, model: tf.keras.Model, shown: tf.Tensor, training: bool) -> tf.Tensor:
        """The cross-entropy of each pair, the mean of both images."""
        images = tf.concat(tf.unstack(shown, axis=1), axis=0)
        normal, perturbed = tf.split(model(images, training=training)[:, 0], 2)
        return (tf.nn.softplus(normal) + tf.nn.softplus(-perturbed)) / 2.0

    def minimised(self, losses: tf.Tensor) -> tf.Tensor:
        """Their mean."""
        return tf.reduce_mean(losses)


class PerturbationDetector:
    """The score of images by a classifier: the higher, the more they look perturbed.

    Attributes:
      about: what its file says, e.g. how it was trained.

    Args:
      model: of `classifier`.
      about: see above.
    """

    def __init__(self, model: tf.keras.Model, about: Mapping[str, Any] | None = None) -> None:
        self._model, self.about = model, dict(about or {})
        self._compiled = tf.function(lambda images: {SCORE: self(images)}, autograph=False)

    def __repr__(self) -> str:
        """Where it is from."""
        origin = self.about.get("source", "of unknown origin")
        return f"<detector of perturbed faces, {origin}>"

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        """Logits float32 `[N]` of images float32 `[N, H, W, 3]` in [0, 1]; differentiable."""
        return self._model(images, training=False)[:, 0]

    def measure(
        self,
        images: np.ndarray,
        batch_size: int = 32,
        on_batch: Callable[[int], object] = lambda count: None,
    ) -> np.ndarray:
        """The score of many images, float32 `[N]`: see `DetectionScores.measure`."""
        return in_batches(self._compiled, images, batch_size, on_batch)[SCORE]


def save_perturbation_detector(
    model: tf.keras.Model,
    config: PerturbationDetectorConfig,
    path: str | os.PathLike[str],
    about: Mapping[str, str | int | float] | None = None,
    float16: bool = False,
) -> None:
    """Write a classifier as a Keras `.h5` that says how large it is; whole or not at all.

    Args:
      model: of `classifier(config)`.
      config: its size.
      path: the file; it is replaced if it exists.
      about: what else the file should say, e.g. `made_for.attributes`.
      float16: half precision, half the size.

    Raises:
      OSError: the file cannot be written.
    """
    attributes = dataclasses.asdict(config) | {"network": NETWORK} | dict(about or {})
    keras_h5.save_weights(model, path, attributes, float16)


def load_perturbation_detector(
    path: str | os.PathLike[str],
    used: Mapping[str, Path | made_for.Content] | None = None,
    allow_mismatch: bool = False,
) -> PerturbationDetector:
    """Read a file of `save_perturbation_detector`.

    Args:
      path: the file.
      used: what it is to go with, see `weights.made_for`.
      allow_mismatch: take others with a warning.

    Raises:
      InputError: the file is missing, damaged, of another network, or does not fit `used`.
    """
    path = Path(path).expanduser()
    about = network_attributes.attributes_of(
        path,
        NETWORK,
        "not a detector that learned from self-perturbed faces; "
        "`python -m experiments.train_detector` with `kind=self_perturbed` leaves them as "
        "self_perturbed.h5 in the folder of a run.",
    )
    with network_attributes.stating_its_size(path):
        config = PerturbationDetectorConfig(int(about.pop("filters")))
    made_for.check(path, used or {}, allow_mismatch)
    model = classifier(config)
    keras_h5.load_weights(model, path)
    model.trainable = False
    return PerturbationDetector(model, about)
