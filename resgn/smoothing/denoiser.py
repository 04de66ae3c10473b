"""A ResGN that was trained on Gaussian noise, and what it may be used for."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow as tf

from resgn.generator import GeneratorConfig
from resgn.saved_generator import SavedGenerator, load_generator
from resgn.smoothing.smoothed_verifier import DRAW_BATCH, SmoothedVerifier
from resgn.smoothing.whitening import Whitening
from resgn.target import Target
from weights import keras_h5
from weights.errors import InputError

WHITENING = "whitening"
"""What the map of embeddings is called in a file, beside the layers of the network."""

_MOST_DRAWS = 10_000


@dataclasses.dataclass(frozen=True, eq=False)
class Denoiser:
    """A ResGN for randomized smoothing.

    Attributes:
      model: from noisy images `[N, H, W, 3]` to images in [0, 1].
      sigma: standard deviation of the noise that it was trained on.
      threshold: of the target behind it, set on noisy training pairs.
      config: its size.
      whitening: of the target's embeddings behind it; None leaves them as they are.
      reference_draws: noisy copies behind it whose mean embedding a reference has; with 0 it has
        the target's own of the untouched photograph.
    """

    model: tf.keras.Model
    sigma: float
    threshold: float
    config: GeneratorConfig
    whitening: Whitening | None = None
    reference_draws: int = 0

    @staticmethod
    def about(sigma: float, threshold: float, reference_draws: int = 0) -> dict[str, float]:
        """What a file says of a denoiser beside its target, for `save_generator`."""
        told = {"sigma": float(sigma), "threshold": float(threshold)}
        return told | ({"reference_draws": reference_draws} if reference_draws else {})

    def before(self, target: Callable[[tf.Tensor], tf.Tensor]) -> Callable[[tf.Tensor], tf.Tensor]:
        """Denoiser, target and whitening: from noisy images `[N, H, W, 3]` to unit embeddings."""

        def embed(images: tf.Tensor) -> tf.Tensor:
            embeddings = target(self.model(images, training=False))
            return embeddings if self.whitening is None else self.whitening(embeddings)

        return embed

    def verifier(
        self, target: Callable[[tf.Tensor], tf.Tensor], batch_size: int = DRAW_BATCH
    ) -> SmoothedVerifier:
        """Decides by noisy copies with this denoiser before a target, at its threshold."""
        return SmoothedVerifier(self.before(target), self.threshold, self.sigma, batch_size)


def load_denoiser(
    path: str | os.PathLike[str],
    target: Target,
    sigma: float | None = None,
    precision: str = "float32",
) -> Denoiser:
    """Read a denoiser that was trained for a target.

    Args:
      path: a file of `make certify`, `cleaners/sigma=....h5` in the folder of a run.
      target: the network that stands behind it.
      sigma: the noise that is to be used; by default the noise that it was trained on.
      precision: Keras policy of the hidden layers.

    Raises:
      InputError: the file is missing, damaged, or of another network; it was not trained on
        Gaussian noise, on noise of another strength, or for another target.
    """
    saved = load_generator(path, precision)
    learned, threshold = _number(saved.about, "sigma"), _number(saved.about, "threshold")
    if learned is None or threshold is None:
        raise InputError(
            f"{saved.path} was not trained on Gaussian noise: give a denoiser that certify trained."
        )
    if sigma is not None and not math.isclose(sigma, learned, rel_tol=1e-6):
        raise InputError(
            f"{saved.path} was trained on noise of sigma {learned:g}, not {sigma:g}: its threshold "
            f"and what it makes of other noise are not known. Give `sigma={learned:g}` or another "
            "denoiser."
        )
    if told := _told_of(saved, target):
        raise InputError(f"{saved.path}: {told} Its threshold does not fit; train one for it.")
    draws = saved.about.get("reference_draws", 0)
    if not (isinstance(draws, int) and 0 <= draws <= _MOST_DRAWS):
        raise InputError(f"{saved.path}: reference_draws is {draws!r}; the file is damaged.")
    return Denoiser(saved.model, learned, threshold, saved.config, _whitening(saved.path), draws)


def _whitening(path: Path) -> Whitening | None:
    shapes = keras_h5.file_shapes(path).get(WHITENING)
    if shapes is None:
        return None
    found = shapes.get("directions", ())
    size, left = found if len(found) == 2 else (0, 0)
    wanted = {"centre": (size,), "directions": (size, left)}
    layers, _ = keras_h5.read_layer_weights(path, {WHITENING: wanted})
    return Whitening(**layers[WHITENING])


def _told_of(saved: SavedGenerator, target: Target) -> str | None:
    """A sentence if a denoiser was trained for another target; one's own is known by its name."""
    if target.content is not None:
        return saved.told_of(target)
    name = saved.about.get("target")
    return None if name == target.name else f"it was trained for {name}, not for {target.name}."


def _number(about: dict[str, Any], name: str) -> float | None:
    value = about.get(name)
    if isinstance(value, float | int) and math.isfinite(value) and value > 0:
        return float(value)
    return None
