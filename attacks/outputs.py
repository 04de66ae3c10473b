"""What models and criteria give, as attacks compute with it: float32, one row for each image."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from attacks.criteria import Criterion
from attacks.stochastic import Model, Stochastic


class OutputsError(ValueError):
    """A model or a criterion gives what no attack can use."""


def outputs_of(model: Model, x: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """The model's outputs, float32 `[N, D]`, whatever floating-point type it computes in.

    Args:
      model: as an attack takes it.
      x: `[N, H, W, 3]`.
      seed: int `[2]`, for a random model.

    Raises:
      OutputsError: they are no floating-point numbers `[N, D]`.
    """
    found: Any = model(x, seed) if isinstance(model, Stochastic) else model(x)
    wanted = "A model under attack must return one tensor of floating-point outputs [N, D]"
    try:
        outputs = tf.convert_to_tensor(found) if not isinstance(found, (list, tuple)) else None
    except (TypeError, ValueError):
        outputs = None
    if outputs is None:
        raise OutputsError(
            f"{wanted}, got a {type(found).__name__}: wrap it in a function that picks one."
        )
    if not outputs.dtype.is_floating:
        raise OutputsError(
            f"{wanted}, got {outputs.dtype.name}, which has no gradient: attack the embedding or "
            "the scores that it is made from."
        )
    if outputs.shape.rank not in (2, None):
        raise OutputsError(f"{wanted}, got shape {outputs.shape}: flatten it to two dimensions.")
    if not outputs.shape[:1].is_compatible_with(x.shape[:1]):
        raise OutputsError(f"{wanted}, got shape {outputs.shape} for {x.shape[0]} images.")
    return tf.cast(outputs, tf.float32)


def loss_of(criterion: Criterion, outputs: tf.Tensor, data: tuple[tf.Tensor, ...]) -> tf.Tensor:
    """The criterion's loss, float32 `[N]`.

    Raises:
      OutputsError: it has another shape.
    """
    found = criterion.loss(outputs, *data)
    return tf.cast(_per_image(found, outputs, criterion, "loss"), tf.float32)


def margin_of(criterion: Criterion, outputs: tf.Tensor, data: tuple[tf.Tensor, ...]) -> tf.Tensor:
    """Its margin, float32 `[N]`.

    Raises:
      OutputsError: it has another shape.
    """
    found = criterion.margin(outputs, *data)
    return tf.cast(_per_image(found, outputs, criterion, "margin"), tf.float32)


def success_of(criterion: Criterion, outputs: tf.Tensor, data: tuple[tf.Tensor, ...]) -> tf.Tensor:
    """Whether it is reached, bool `[N]`.

    Raises:
      OutputsError: it has another shape.
    """
    found = criterion.success(outputs, *data)
    return tf.cast(_per_image(found, outputs, criterion, "success"), tf.bool)


def _per_image(found: Any, outputs: tf.Tensor, criterion: Criterion, name: str) -> tf.Tensor:
    found = tf.convert_to_tensor(found)
    if not found.shape.is_compatible_with(outputs.shape[:1]):
        raise OutputsError(
            f"{name} of {type(criterion).__name__} must be [N], one number for each of "
            f"{outputs.shape[0]} images; got shape {found.shape}."
        )
    return found
