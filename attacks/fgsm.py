"""FGSM, the fast gradient sign method (Goodfellow et al. 2015; Su et al. 2019, Eq. 1)."""

from __future__ import annotations

import tensorflow as tf

from attacks.base import Attack
from attacks.norms import ascent, spread
from attacks.objective import Objective


class FGSM(Attack):
    """One step of size epsilon along the sign of the gradient, the same for every epsilon.

    In L2 the step goes along the gradient itself, scaled to length epsilon.
    """

    def perturb(self, objective: Objective, epsilons: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """All budgets share one gradient, `[K, N, H, W, 3]`."""
        _, gradient = objective.gradient(objective.images, seed)
        return objective.images + spread(epsilons) * ascent(gradient, objective.norm)

    def perturb_within(
        self, objective: Objective, epsilon: tf.Tensor, seed: tf.Tensor
    ) -> tf.Tensor:
        """Eq. 1: `x + epsilon * sign(grad loss(x))`."""
        return self.perturb(objective, epsilon[tf.newaxis], seed)[0]
