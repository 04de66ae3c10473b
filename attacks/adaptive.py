"""Attacks that know the defence: through the cleaner, and around what has no gradient."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from attacks.stochastic import Deterministic, Model, Stochastic


class Composition:
    """A cleaner before a target, as one differentiable model. Made by `through`."""

    def __init__(self, cleaner: Deterministic, target: Deterministic) -> None:
        self.cleaner = cleaner
        self.target = target

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        """`target(cleaner(images))`."""
        return self.target(self.cleaner(images))


def through(cleaner: Model, target: Model) -> Composition | Stochastic:
    """The target behind the cleaner, with the exact gradient of both.

    Keep what is returned: attacks compile once for each model object.

    Args:
      cleaner: images to images, `[N, H, W, 3]` in [0, 1]; a function, a Keras model, or
        `Stochastic`.
      target: images to outputs `[N, D]`; likewise.

    Returns:
      A `Composition`, or a `Stochastic` if one of the two is (wrap it in `EOT` to average).
    """
    if not isinstance(cleaner, Stochastic) and not isinstance(target, Stochastic):
        return Composition(cleaner, target)

    def both(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        seeds = tf.random.experimental.stateless_split(seed, 2)
        cleaned = _apply(cleaner, images, seeds[0])
        return _apply(target, cleaned, seeds[1])

    samples = max(part.samples for part in (cleaner, target) if isinstance(part, Stochastic))
    return Stochastic(both, samples)


def _apply(model: Model, images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    return model(images, seed) if isinstance(model, Stochastic) else model(images)


def bpda(
    forward: Callable[[tf.Tensor], tf.Tensor],
    backward: Callable[[tf.Tensor], tf.Tensor] | None = None,
) -> Deterministic:
    """Backward pass differentiable approximation (Athalye et al. 2018, Section 4.1).

    Args:
      forward: what is really computed, images to images of the same shape; needs no gradient.
      backward: a differentiable function whose gradient stands in for it, the identity by default
        (right for what moves images little: JPEG, 8-bit rounding, a small median filter).

    Returns:
      A function with the values of `forward` and the gradient of `backward`.
    """

    @tf.custom_gradient
    def approximated(
        images: tf.Tensor,
    ) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            if backward is None:
                return upstream
            with tf.GradientTape() as tape:
                tape.watch(images)
                stand_in = backward(images)
            return tape.gradient(stand_in, images, output_gradients=upstream)

        return forward(images), gradient

    return approximated
