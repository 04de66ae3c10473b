"""Attacks made to transfer: MI-FGSM (Dong et al. 2018), DI (Xie et al. 2019), TI (Dong 2019)."""

from __future__ import annotations

import tensorflow as tf

from attacks.norms import ascent
from attacks.objective import Objective
from attacks.pgd import PGD
from attacks.transforms import blur, resize_and_pad


class MIFGSM(PGD):
    """BIM along an accumulated gradient: g <- decay g + gradient / its mean absolute value.

    The paper divides by the L1 norm; the mean differs by a constant factor, which the direction
    forgets. The last iterate is returned, as in the paper: what is best against the model at hand
    is not what transfers best.

    Args:
      steps: gradients.
      norm: `linf` or `l2`.
      decay: of what is accumulated, mu in the paper.
      relative_step: step size as a share of epsilon, 1 / steps by default (Dong et al. 2018).
      keep_best: see `PGD`.

    Raises:
      ValueError: `decay` is negative.
    """

    def __init__(
        self,
        steps: int = 10,
        norm: str = "linf",
        *,
        decay: float = 1.0,
        relative_step: float | None = None,
        keep_best: bool = False,
    ) -> None:
        relative_step = 1.0 / max(steps, 1) if relative_step is None else relative_step
        super().__init__(
            steps, norm, relative_step=relative_step, random_start=False, keep_best=keep_best
        )
        if not decay >= 0.0:
            raise ValueError(f"decay must not be negative, got {decay}.")
        self.decay = decay

    def memory(self, objective: Objective) -> tf.Tensor:
        """No gradient yet."""
        return tf.zeros_like(objective.images)

    def direction(
        self, objective: Objective, gradient: tf.Tensor, memory: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Along the accumulated gradient (Eqs. 6 and 7)."""
        size = tf.reduce_mean(tf.abs(gradient), axis=[1, 2, 3], keepdims=True)
        memory = self.decay * memory + tf.math.divide_no_nan(gradient, size)
        return ascent(memory, objective.norm), memory


class DIFGSM(MIFGSM):
    """MI-FGSM that shows the model a randomly shrunk and padded image, in a share of the steps.

    Args:
      steps: gradients.
      norm: `linf` or `l2`.
      probability: with which each image is transformed in each step.
      smallest: lower bound of the side of the shrunk image, as a share.
      decay: see `MIFGSM`.
      relative_step: see `MIFGSM`.

    Raises:
      ValueError: probability or smallest is not in (0, 1].
    """

    def __init__(
        self,
        steps: int = 10,
        norm: str = "linf",
        *,
        probability: float = 0.5,
        smallest: float = 0.9,
        decay: float = 1.0,
        relative_step: float | None = None,
    ) -> None:
        super().__init__(steps, norm, decay=decay, relative_step=relative_step)
        if not (0.0 < probability <= 1.0 and 0.0 < smallest <= 1.0):
            raise ValueError(
                f"probability and smallest must lie in (0, 1], got {probability} and {smallest}."
            )
        self.probability = probability
        self.smallest = smallest

    def look(self, x: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Shrunk and padded, or as it is."""
        return resize_and_pad(x, self.probability, self.smallest, seed)


class TIFGSM(DIFGSM):
    """DI with the gradient blurred by a Gaussian: the mean gradient over shifts of the image.

    Args:
      steps: gradients.
      norm: `linf` or `l2`.
      sigma: of the Gaussian, in pixels; the paper's kernel of 15 pixels ends at 3 sigma, hence
        7 / 3.
      probability: of input diversity; 0 leaves it out.
      smallest: see `DIFGSM`.
      decay: see `MIFGSM`.
      relative_step: see `MIFGSM`.

    Raises:
      ValueError: `sigma` is not positive.
    """

    def __init__(
        self,
        steps: int = 10,
        norm: str = "linf",
        *,
        sigma: float = 7.0 / 3.0,
        probability: float = 0.0,
        smallest: float = 0.9,
        decay: float = 1.0,
        relative_step: float | None = None,
    ) -> None:
        super().__init__(
            steps,
            norm,
            probability=probability or 1.0,
            smallest=smallest,
            decay=decay,
            relative_step=relative_step,
        )
        if not sigma > 0.0:
            raise ValueError(f"sigma must be positive, got {sigma}.")
        self.probability = probability
        self.sigma = sigma

    def look(self, x: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """As it is, unless input diversity was asked for."""
        return super().look(x, seed) if self.probability > 0.0 else x

    def direction(
        self, objective: Objective, gradient: tf.Tensor, memory: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Along the accumulated blurred gradient."""
        blurred = blur(gradient, self.sigma)
        if objective.mask is not None:
            blurred *= objective.mask
        return super().direction(objective, blurred, memory)
