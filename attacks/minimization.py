"""The frame of attacks that look for the smallest perturbation rather than fill a budget."""

from __future__ import annotations

import abc

import tensorflow as tf

from attacks.base import Attack
from attacks.objective import Objective


class MinimizationAttack(Attack):
    """Finds the nearest image that succeeds; a budget only cuts off what lies beyond it."""

    def perturb(self, objective: Objective, epsilons: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """The same image for every budget, `[K, N, H, W, 3]`; the frame projects it."""
        found = self.minimize(objective, seed)
        return tf.tile(found[tf.newaxis], [tf.shape(epsilons)[0], 1, 1, 1, 1])

    def perturb_within(
        self, objective: Objective, epsilon: tf.Tensor, seed: tf.Tensor
    ) -> tf.Tensor:
        """The nearest image that succeeds, whatever the budget."""
        return self.minimize(objective, seed)

    @abc.abstractmethod
    def minimize(self, objective: Objective, seed: tf.Tensor) -> tf.Tensor:
        """The nearest images found that succeed; where none does, the nearest to success."""
