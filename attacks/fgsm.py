"""FGSM, the fast gradient sign method (Goodfellow et al. 2015; Su et al. 2019, Eq. 1)."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from attacks.base import Attack


class FGSM(Attack):
    """One step of size epsilon along the sign of the gradient, the same for every epsilon."""

    def perturb(
        self,
        loss: Callable[[tf.Tensor], tf.Tensor],
        images: tf.Tensor,
        epsilons: tf.Tensor,
    ) -> tf.Tensor:
        """Eq. 1: `x + epsilon * sign(grad loss(x))`, `[K, N, H, W, 3]`."""
        with tf.GradientTape() as tape:
            tape.watch(images)
            losses = loss(images)
        step = tf.sign(tape.gradient(losses, images))
        return images + tf.reshape(epsilons, [-1, 1, 1, 1, 1]) * step
