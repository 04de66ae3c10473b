"""An attack on what an optimiser finds, not a network: it walks beside the optimiser.

Where a defence fits numbers to each image anew, there is no network to differentiate and its steps
are too many to trace. Two things are enough: the numbers follow the image as it changes, one step
of the fit for each step of the attack, and at a least value the implicit function theorem gives
their derivative.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from attacks.criteria import Criterion, check_rows
from attacks.described import Described
from attacks.images import check_epsilons, check_images
from attacks.outputs import loss_of

Array = NDArray[np.floating]


class Solver(Protocol):
    """What fits numbers [D] to an image [H, W, C]."""

    def follow(self, photograph: Array, code: Array, /) -> Array:
        """The numbers of an image from those of another one close by."""

    def pull_back(self, photograph: Array, code: Array, direction: Array, /) -> Array:
        """The gradient [H, W, C] of `direction . code` with respect to the image."""


class FixedPointAttack(Described):
    """Steps of the gradient's sign with momentum, within an L-infinity budget.

    Args:
      steps: of the attack, and of the fit beside it.
      momentum: share of the gradient before that stays (Dong et al. 2018, Algorithm 1).

    Raises:
      ValueError: a number is out of range.
    """

    def __init__(self, steps: int = 50, momentum: float = 0.9) -> None:
        if steps < 1:
            raise ValueError(f"steps must be at least 1, got {steps}.")
        if not 0.0 <= momentum < 1.0:
            raise ValueError(f"momentum must lie in [0, 1), got {momentum}.")
        self.steps, self.momentum = steps, momentum

    def craft(
        self,
        solver: Solver,
        images: Array,
        codes: Array,
        criterion: Criterion,
        epsilon: float,
        *,
        outputs: Callable[[tf.Tensor], tf.Tensor] = tf.identity,
        on_image: Callable[[int], None] = lambda number: None,
    ) -> NDArray[np.float32]:
        """Attack images one after the other.

        Args:
          solver: of the fit.
          images: float32 [N, H, W, C] in [0, 1].
          codes: what the fit finds for them, [N, D].
          criterion: of N rows; its loss is increased.
          epsilon: largest change of a pixel.
          outputs: from codes [N, D] to what the criterion judges.
          on_image: called with the number of images that are done.

        Returns:
          float32 [N, H, W, C]; of each image's steps that with the highest loss.

        Raises:
          ValueError: images, epsilon, codes or criterion do not fit.
          FloatingPointError: the fit gives numbers that are not finite.
        """
        images = np.asarray(check_images(images))
        (epsilon,) = check_epsilons([epsilon], "linf")
        check_rows(criterion, len(images))
        if len(codes) != len(images):
            raise ValueError(f"codes must be [{len(images)}, D], got shape {np.shape(codes)}.")
        climb = self._climb(criterion, outputs)
        result = np.array(images, np.float32)
        for number, (image, code) in enumerate(zip(images, codes, strict=True)):
            row = [tensor[number : number + 1] for tensor in criterion.tensors()]

            def slope(at: Array, row: list[tf.Tensor] = row) -> tuple[float, Array]:
                loss, direction = climb(tf.constant(at[None], tf.float32), *row)
                return float(loss[0]), direction[0].numpy()

            result[number] = self._one(solver, image, np.asarray(code, np.float64), slope, epsilon)
            on_image(number + 1)
        return result

    def _one(
        self,
        solver: Solver,
        image: Array,
        code: Array,
        slope: Callable[[Array], tuple[float, Array]],
        epsilon: float,
    ) -> Array:
        size = 2.5 * epsilon / self.steps  # as far as one and a quarter times across (Madry 2018)
        x, gathered = image, np.zeros_like(image)
        best, highest = image, -np.inf
        for step in range(self.steps + 1):
            code = solver.follow(x, code)
            loss, direction = slope(code)
            if not np.isfinite(loss):
                raise FloatingPointError("The fit under attack gives numbers that are not finite.")
            if loss > highest:
                best, highest = x, loss
            if step == self.steps:
                break
            gradient = solver.pull_back(x, code, direction)
            gathered = self.momentum * gathered + gradient / max(np.abs(gradient).mean(), 1e-30)
            x = np.clip(x + size * np.sign(gathered), image - epsilon, image + epsilon)
            x = np.clip(x, 0.0, 1.0).astype(np.float32)
        return best

    @staticmethod
    def _climb(
        criterion: Criterion, outputs: Callable[[tf.Tensor], tf.Tensor]
    ) -> Callable[..., tuple[tf.Tensor, tf.Tensor]]:
        @tf.function(autograph=False)
        def climb(code: tf.Tensor, *row: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            with tf.GradientTape() as tape:
                tape.watch(code)
                loss = loss_of(criterion, tf.cast(outputs(code), tf.float32), row)
            return loss, tape.gradient(loss, code)

        return climb
