"""A ResGN that was trained on Gaussian noise, and what it may be used for."""

from __future__ import annotations

import dataclasses
import math
import os
from typing import Any

import tensorflow as tf

from resgn.generator import GeneratorConfig
from resgn.saved_generator import SavedGenerator, load_generator
from resgn.target import Target
from weights.errors import InputError


@dataclasses.dataclass(frozen=True, eq=False)
class Denoiser:
    """A ResGN for randomized smoothing.

    Attributes:
      model: from noisy images `[N, H, W, 3]` to images in [0, 1].
      sigma: standard deviation of the noise that it was trained on.
      threshold: of the target behind it, set on noisy training pairs.
      config: its size.
    """

    model: tf.keras.Model
    sigma: float
    threshold: float
    config: GeneratorConfig

    @staticmethod
    def about(sigma: float, threshold: float) -> dict[str, float]:
        """What a file says of a denoiser beside its target, for `save_generator`."""
        return {"sigma": float(sigma), "threshold": float(threshold)}


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
    return Denoiser(saved.model, learned, threshold, saved.config)


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
