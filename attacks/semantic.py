"""The perturbation attack on a face autoencoder (Teng 2021, Section 3.2, Algorithm 1)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from attacks import adam
from attacks.base import Attack
from attacks.batches import full_size, rows_of_batches
from attacks.compiled import Compiled, CompiledPerModel
from attacks.criteria import Criterion, check_rows
from attacks.eight_bits import stored
from attacks.images import as_floats, check_epsilons, check_images
from attacks.norms import spread
from attacks.objective import Objective
from attacks.pgd import fold_in
from attacks.stochastic import Model


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Trace:
    """How an attack went, step by step.

    Attributes:
      perturbed: float32 `[N, H, W, 3]` in [0, 1], what the attack arrived at.
      losses: float32 `[steps, N]`, the loss of Eq. 1 before each update of d: the first row is that
        of the untouched images.
      distances: float32 `[steps, N]`, of it what the criterion says: Delta.
    """

    perturbed: NDArray[np.float32]
    losses: NDArray[np.float32]
    distances: NDArray[np.float32]

    def __repr__(self) -> str:
        steps, count = self.losses.shape
        first, last = self.losses[0].mean(), self.losses[-1].mean()
        return f"Trace({count} images, {steps} steps, mean loss {first:.4g} to {last:.4g})"


class PerturbationAttack(Attack):
    """Adam on a distortion d, of which epsilon times what lies in [L, U] is added to the image.

    The budget of a call is epsilon of Algorithm 1, a factor on d and not a bound: no pixel changes
    by more than epsilon * max(-L, U). The paper gives a cap of 0.02 and an epsilon of 0.05 and does
    not say what the cap is on. By default it is on the change of a pixel, so that U = -L = 0.4;
    `literal` puts it on d. A sweep over epsilon keeps L and U, a sweep over caps moves them.

    Instead of clipping d in the forward pass, which stops every gradient beyond the cap, d itself
    is projected after each step, into [L, U] and to where the image stays in [0, 1].

    Args:
      steps: of Adam.
      learning_rate: of Adam, in the unit of d.
      max_perturbation: cap on the change of a pixel at `reference_epsilon`, in the unit of images
        in [0, 1].
      reference_epsilon: see `max_perturbation`.
      lower: L, instead of the cap; not above 0.
      upper: U, instead of the cap; not below 0.
      perturbation_weight: lambda_pert, on the mean of |d| over the entries of an image. The paper
        has the sum and does not give the weight; this one is ours.
      project: see above; False clips in the forward pass, as Algorithm 1 is printed.

    Raises:
      ValueError: a number is out of range.
    """

    def __init__(
        self,
        steps: int = 50,
        learning_rate: float = 0.1,
        *,
        max_perturbation: float = 0.02,
        reference_epsilon: float = 0.05,
        lower: float | None = None,
        upper: float | None = None,
        perturbation_weight: float = 1e-3,
        project: bool = True,
    ) -> None:
        super().__init__("linf")
        if steps < 1:
            raise ValueError(f"steps must be at least 1, got {steps}.")
        numbers = {
            "learning_rate": learning_rate,
            "max_perturbation": max_perturbation,
            "reference_epsilon": reference_epsilon,
        }
        for name, value in numbers.items():
            if not 0.0 < value < float("inf"):
                raise ValueError(f"{name} must be positive and finite, got {value}.")
        if not 0.0 <= perturbation_weight < float("inf"):
            raise ValueError(f"perturbation_weight must not be negative, got {perturbation_weight}")
        cap = max_perturbation / reference_epsilon
        self.lower = -cap if lower is None else lower
        self.upper = cap if upper is None else upper
        if not -float("inf") < self.lower <= 0.0 <= self.upper < float("inf"):
            raise ValueError(
                f"d needs lower <= 0 <= upper, both finite; got {self.lower} and {self.upper}."
            )
        if self.lower == self.upper:
            raise ValueError("lower and upper are both 0, which leaves nothing to perturb.")
        self.steps = steps
        self.learning_rate = learning_rate
        self.perturbation_weight = perturbation_weight
        self.project = project
        self._compiled_trace = CompiledPerModel(self._build_trace)

    @classmethod
    def literal(
        cls, cap: float = 0.02, steps: int = 50, *, perturbation_weight: float = 1e-3
    ) -> PerturbationAttack:
        """Algorithm 1 as it is printed, with the cap on d and Clip in the forward pass.

        The first step of Adam takes every entry to 0.1, beyond the cap, where Clip has no gradient:
        what remains is one step of FGSM of size epsilon * cap, 0.001 at the paper's own numbers.

        Args:
          cap: U = -L.
          steps: of Adam.
          perturbation_weight: lambda_pert.
        """
        return cls(
            steps, lower=-cap, upper=cap, perturbation_weight=perturbation_weight, project=False
        )

    @property
    def traces(self) -> int:
        """How often this attack was traced, with and without losses."""
        return super().traces + self._compiled_trace.traces

    def check_budgets(self, epsilons: Sequence[float]) -> tuple[float, ...]:
        """Any positive factor: the change is bounded by L and U, and the image by [0, 1]."""
        return check_epsilons(epsilons, "l2")

    def radii(self, epsilons: tf.Tensor) -> tf.Tensor:
        """The largest change of a pixel: epsilon * max(-L, U)."""
        return epsilons * max(-self.lower, self.upper)

    def stored(
        self,
        perturbed: np.ndarray,
        images: np.ndarray | tf.Tensor,
        epsilons: Sequence[float] | np.ndarray,
    ) -> NDArray[np.uint8]:
        """As every attack has it, with epsilon * L and epsilon * U each bounding its own side."""
        epsilons = np.asarray(epsilons, np.float64)
        down, up = (
            stored(perturbed, images, epsilons * reach, self.norm)
            for reach in (-self.lower, self.upper)
        )
        darker = perturbed < as_floats(np.asarray(images))
        return np.where(darker, down, up)

    def perturb_within(
        self, objective: Objective, epsilon: tf.Tensor, seed: tf.Tensor
    ) -> tf.Tensor:
        """The images after the last step, `[N, H, W, 3]`."""
        return self._optimise(objective, epsilon, seed)[0]

    def trace(
        self,
        model: Model,
        images: np.ndarray | tf.Tensor,
        criterion: Criterion,
        *,
        epsilon: float,
        batch_size: int = 32,
        seed: int = 0,
    ) -> Trace:
        """The attack for one epsilon, with the loss of every step.

        Args:
          model: see `Attack.__call__`, as all the others.
          images: likewise.
          criterion: likewise.
          epsilon: one factor.
          batch_size: likewise.
          seed: likewise.

        Raises:
          ValueError: as `Attack.__call__` does.
        """
        images = check_images(images)
        count = len(images)
        check_rows(criterion, count)
        (epsilon,) = self.check_budgets([epsilon])
        run = self._compiled_trace(model, criterion)
        perturbed = np.empty(images.shape, np.float32)
        losses = np.empty((self.steps, count), np.float32)
        distances = np.empty_like(losses)
        full = full_size(count, batch_size)
        for start, size, rows in rows_of_batches(count, full):
            found = run(
                tf.constant(images[rows]),
                tf.fill([full], epsilon),
                tf.constant([seed, start], tf.int32),
                *(tf.gather(tensor, rows) for tensor in criterion.tensors()),
            )
            done = slice(start, start + size)
            perturbed[done] = found[0][:size]
            losses[:, done], distances[:, done] = found[1][:, :size], found[2][:, :size]
        return Trace(perturbed, losses, distances)

    def _optimise(
        self, objective: Objective, epsilon: tf.Tensor, seed: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Algorithm 1: images `[N, H, W, 3]`, losses and what the criterion says, `[steps, N]`."""
        images, factor = objective.images, spread(epsilon)
        lower, upper = self._bounds(images, factor)
        count = tf.cast(tf.size(images[0]), tf.float32)

        def attacked(d: tf.Tensor) -> tf.Tensor:
            clipped = d if self.project else tf.clip_by_value(d, self.lower, self.upper)
            return tf.clip_by_value(images + factor * clipped, 0.0, 1.0)

        def advance(
            i: tf.Tensor,
            d: tf.Tensor,
            moments: adam.Moments,
            losses: tf.TensorArray,
            distances: tf.TensorArray,
        ) -> tuple[tf.Tensor, tf.Tensor, adam.Moments, tf.TensorArray, tf.TensorArray]:
            climbed, gradient = objective.loss_and_gradient(attacked(d), fold_in(seed, i))
            descent = -factor * gradient
            if not self.project:  # Clip passes no gradient where it clips
                descent = tf.where((d >= lower) & (d <= upper), descent, 0.0)
            descent += self.perturbation_weight * tf.sign(d) / count
            losses = losses.write(i, self._loss(climbed, d))
            distances = distances.write(i, -climbed)

            d, moments = adam.descend(d, descent, moments, i, self.learning_rate)
            if self.project:
                d = tf.clip_by_value(d, lower, upper)
            return i + 1, d, moments, losses, distances

        start = tf.zeros_like(images)
        rows = tf.TensorArray(tf.float32, self.steps, element_shape=epsilon.shape)
        again = tf.TensorArray(tf.float32, self.steps, element_shape=epsilon.shape)
        _, d, _, losses, distances = tf.while_loop(
            lambda i, *_: i < self.steps,
            advance,
            (tf.constant(0), start, adam.no_moments(images), rows, again),
            parallel_iterations=1,
        )
        return attacked(d), losses.stack(), distances.stack()

    def _bounds(self, images: tf.Tensor, factor: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Where d may be, `[N, H, W, 3]` each: in [L, U], and the image in [0, 1]."""
        lower = tf.maximum(self.lower, -images / factor)
        upper = tf.minimum(self.upper, (1.0 - images) / factor)
        return lower, upper

    def _loss(self, climbed: tf.Tensor, d: tf.Tensor) -> tf.Tensor:
        """Eq. 1, `[N]`."""
        return self.perturbation_weight * tf.reduce_mean(tf.abs(d), axis=[1, 2, 3]) - climbed

    def _build_trace(self, model: Model, criterion: Criterion) -> Compiled:
        def run(
            images: tf.Tensor, epsilons: tf.Tensor, seed: tf.Tensor, *data: tf.Tensor
        ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            objective = Objective(model, criterion, data, images, None, self.norm)
            return self._optimise(objective, epsilons, seed)

        return run
