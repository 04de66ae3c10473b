"""The balls that bound a perturbation: L-infinity and L2, over all pixels and channels of an image.

Everything takes radii `[N]`, one for each image, so that every sample may have its own budget.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import tensorflow as tf

Norm = Literal["linf", "l2"]

NORMS: tuple[Norm, ...] = ("linf", "l2")

_TINY = 1e-12


def check_norm(norm: str) -> Norm:
    """Return the norm.

    Raises:
      ValueError: it is none of `NORMS`.
    """
    for known in NORMS:
        if norm == known:
            return known
    raise ValueError(f"norm must be one of {', '.join(NORMS)}; got {norm!r}.")


def size_of(perturbation: tf.Tensor, norm: Norm) -> tf.Tensor:
    """The norm of each perturbation: `[..., H, W, C]` to `[...]`."""
    if norm == "linf":
        return tf.reduce_max(tf.abs(perturbation), axis=[-3, -2, -1])
    return tf.sqrt(tf.reduce_sum(tf.square(perturbation), axis=[-3, -2, -1]))


def ascent(gradient: tf.Tensor, norm: Norm) -> tf.Tensor:
    """The perturbation of norm one that climbs fastest: the sign, or the unit vector.

    Args:
      gradient: `[N, H, W, C]`.
      norm: of the ball.

    Returns:
      `[N, H, W, C]`; zero where the gradient is.
    """
    if norm == "linf":
        return tf.sign(gradient)
    # By the largest entry first: squares of tiny gradients vanish in float32.
    largest = tf.reduce_max(tf.abs(gradient), axis=[-3, -2, -1], keepdims=True)
    scaled = tf.math.divide_no_nan(gradient, largest)
    length = tf.sqrt(tf.reduce_sum(tf.square(scaled), axis=[-3, -2, -1], keepdims=True))
    return tf.math.divide_no_nan(scaled, length)


def where_finite(values: tf.Tensor, otherwise: tf.Tensor | float) -> tf.Tensor:
    """The values, and others where they are not finite; the sum tells cheaply if any is not.

    Args:
      values: of any shape.
      otherwise: a shape that spreads to it.
    """
    return tf.cond(
        tf.math.is_finite(tf.reduce_sum(values)),
        lambda: values,
        lambda: tf.where(tf.math.is_finite(values), values, otherwise),
    )


def projection(
    images: tf.Tensor, radii: tf.Tensor, norm: Norm, mask: tf.Tensor | None = None
) -> Callable[[tf.Tensor], tf.Tensor]:
    """Moves candidates into the ball around the images, into [0, 1], and to them outside a mask.

    What can be computed once is, so that a step of an attack costs little beside its gradient.

    Args:
      images: `[N, H, W, C]` in [0, 1].
      radii: `[N]`, or `[K, N]` for several balls around each image.
      norm: of the ball.
      mask: None, or `[N, H, W, 1]`, 1 where pixels may be changed and 0 elsewhere.

    Returns:
      A function from `[N, H, W, C]`, or `[K, N, H, W, C]`, to the same. In L2 the cube comes last,
      which only brings a point nearer to an image that lies within it.
    """
    radii = spread(radii)
    if norm == "linf":
        reach = radii if mask is None else tf.where(mask > 0.0, radii, 0.0)
        low, high = tf.maximum(images - reach, 0.0), tf.minimum(images + reach, 1.0)
        return lambda candidates: tf.clip_by_value(candidates, low, high)

    def project(candidates: tf.Tensor) -> tf.Tensor:
        if mask is not None:
            candidates = tf.where(mask > 0.0, candidates, images)
        difference = candidates - images
        length = spread(size_of(difference, norm))
        candidates = images + difference * tf.minimum(1.0, radii / tf.maximum(length, _TINY))
        return tf.clip_by_value(candidates, 0.0, 1.0)

    return project


def random_start(images: tf.Tensor, radii: tf.Tensor, norm: Norm, seed: tf.Tensor) -> tf.Tensor:
    """A uniform draw from the ball around each image, `[N, H, W, C]`; may leave [0, 1].

    Args:
      images: `[N, H, W, C]`.
      radii: `[N]`.
      norm: of the ball.
      seed: int `[2]`, stateless.
    """
    if norm == "linf":
        noise = tf.random.stateless_uniform(tf.shape(images), seed, -1.0, 1.0)
        return images + spread(radii) * noise
    seeds = tf.random.experimental.stateless_split(seed, 2)
    direction = ascent(tf.random.stateless_normal(tf.shape(images), seeds[0]), norm)
    dimensions = tf.cast(tf.reduce_prod(tf.shape(images)[1:]), tf.float32)
    # In D dimensions the share of the ball within radius r is r^D.
    uniform = tf.random.stateless_uniform(tf.shape(radii), seeds[1])
    return images + spread(radii * tf.pow(uniform, 1.0 / dimensions)) * direction


def spread(values: tf.Tensor) -> tf.Tensor:
    """`[..., ]` to `[..., 1, 1, 1]`, to meet images."""
    return values[..., tf.newaxis, tf.newaxis, tf.newaxis]
