"""One perturbation for all images (Moosavi-Dezfooli et al. 2017), learned by sign gradients.

As in Shafahi et al. 2020, Section 3: stochastic ascent on the mean loss of mini-batches, each step
along the sign of the gradient and projected into the ball.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from attacks.compiled import Compiled, CompiledPerModel
from attacks.criteria import Criterion, check_rows
from attacks.described import Described
from attacks.images import check_epsilons, check_images
from attacks.objective import Objective
from attacks.stochastic import Model


class UniversalPerturbation(Described):
    """Learns a perturbation on some images that is then added to others.

    Args:
      steps: mini-batches.
      batch_size: images of each.
      relative_step: step size as a share of epsilon.

    Raises:
      ValueError: a number is out of range.
    """

    def __init__(
        self, steps: int = 100, batch_size: int = 16, *, relative_step: float = 0.1
    ) -> None:
        if steps < 1 or batch_size < 1:
            raise ValueError(f"steps and batch_size must be at least 1: {steps}, {batch_size}.")
        if not 0.0 < relative_step < float("inf"):
            raise ValueError(f"relative_step must be positive and finite, got {relative_step}.")
        self.steps, self.batch_size, self.relative_step = steps, batch_size, relative_step
        self._compiled = CompiledPerModel(self._build)

    @property
    def traces(self) -> int:
        """How often this attack was traced."""
        return self._compiled.traces

    def learn(
        self,
        model: Model,
        images: np.ndarray | tf.Tensor,
        criterion: Criterion,
        *,
        epsilon: float,
        seed: int = 0,
    ) -> NDArray[np.float32]:
        """The perturbation.

        Args:
          model: from images `[N, H, W, 3]` to outputs `[N, D]`.
          images: float32 `[N, H, W, 3]` in [0, 1], or uint8: those to learn from.
          criterion: whose mean loss over the images is climbed, with one row for each.
          epsilon: its largest entry, in (0, 1].
          seed: of the mini-batches.

        Returns:
          float32 `[H, W, 3]`, to be added to any image and clipped to [0, 1], see `add`.

        Raises:
          ValueError: shapes, range or budget are not as above.
        """
        images = check_images(images)
        check_rows(criterion, len(images))
        (epsilon,) = check_epsilons([epsilon], "linf")
        run, data = self._compiled(model, criterion), criterion.tensors()
        rng = np.random.default_rng(seed)
        perturbation = tf.zeros(images.shape[1:])
        order = np.concatenate(
            [rng.permutation(len(images)) for _ in range(-(-self._rows // len(images)))]
        )
        for number in range(self.steps):
            rows = order[number * self.batch_size : (number + 1) * self.batch_size]
            perturbation = run(
                perturbation,
                tf.constant(images[rows]),
                tf.constant(epsilon),
                tf.constant([seed, number]),
                *(tf.gather(tensor, rows) for tensor in data),
            )
        return np.asarray(perturbation.numpy())

    @property
    def _rows(self) -> int:
        return self.steps * self.batch_size

    def _build(self, model: Model, criterion: Criterion) -> Compiled:
        def step(
            perturbation: tf.Tensor,
            images: tf.Tensor,
            epsilon: tf.Tensor,
            seed: tf.Tensor,
            *data: tf.Tensor,
        ) -> tf.Tensor:
            objective = Objective(model, criterion, data, images, None, "linf")
            attacked = tf.clip_by_value(images + perturbation, 0.0, 1.0)
            _, gradient = objective.gradient(attacked, seed)
            climb = tf.sign(tf.reduce_mean(gradient, axis=0))
            return tf.clip_by_value(
                perturbation + self.relative_step * epsilon * climb, -epsilon, epsilon
            )

        return step


def add(images: np.ndarray, perturbation: np.ndarray) -> NDArray[np.float32]:
    """Images `[N, H, W, 3]` in [0, 1] with one perturbation `[H, W, 3]` on each."""
    return np.clip(check_images(images) + perturbation, 0.0, 1.0).astype(np.float32)
