"""The attack of Carlini and Wagner (2017, Section V-A) with the distance in place of the logits."""

from __future__ import annotations

import tensorflow as tf

from attacks import adam
from attacks.minimization import MinimizationAttack
from attacks.norms import size_of, spread
from attacks.objective import Objective
from attacks.pgd import fold_in

_INSIDE = 0.999999  # tanh reaches 1 only at infinity


class CarliniWagner(MinimizationAttack):
    """Adam on ||x - image||^2 + c max(confidence - margin, 0) over w, where x = (tanh w + 1) / 2.

    The weight c is found for each image by bisection: smaller after a success, larger without.

    Args:
      steps: of Adam for each c.
      searches: values of c tried.
      first_weight: the c tried first.
      learning_rate: of Adam.
      confidence: margin to be reached, kappa in the paper; 0 is the boundary.

    Raises:
      ValueError: a number is not positive, or `confidence` is negative.
    """

    def __init__(
        self,
        steps: int = 100,
        searches: int = 6,
        *,
        first_weight: float = 1.0,
        learning_rate: float = 0.02,
        confidence: float = 0.0,
    ) -> None:
        super().__init__("l2")
        if min(steps, searches) < 1 or not min(first_weight, learning_rate) > 0.0:
            raise ValueError(
                "steps, searches, first_weight and learning_rate must be positive, got "
                f"{steps}, {searches}, {first_weight} and {learning_rate}."
            )
        if not confidence >= 0.0:
            raise ValueError(f"confidence must not be negative, got {confidence}.")
        self.steps = steps
        self.searches = searches
        self.first_weight = first_weight
        self.learning_rate = learning_rate
        self.confidence = confidence

    def minimize(self, objective: Objective, seed: tf.Tensor) -> tf.Tensor:
        """The nearest success over all c; where there was none, the largest margin."""
        count = tf.shape(objective.images)[:1]

        def search(
            i: tf.Tensor, low: tf.Tensor, high: tf.Tensor, weight: tf.Tensor, best: _Best
        ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, _Best]:
            best, broken = self._descend(objective, weight, fold_in(seed, i), best)
            high = tf.where(broken, tf.minimum(high, weight), high)
            low = tf.where(broken, low, tf.maximum(low, weight))
            weight = tf.where(tf.math.is_finite(high), (low + high) / 2.0, weight * 10.0)
            return i + 1, low, high, weight, best

        infinite = tf.fill(count, float("inf"))
        start = (
            tf.constant(0),
            tf.zeros(count),
            infinite,
            tf.fill(count, self.first_weight),
            (objective.images, infinite, -infinite),
        )
        *_, best = tf.while_loop(
            lambda i, *_: i < self.searches, search, start, parallel_iterations=1
        )
        return best[0]

    def _descend(
        self, objective: Objective, weight: tf.Tensor, seed: tf.Tensor, best: _Best
    ) -> tuple[_Best, tf.Tensor]:
        """Adam for one c of each image: the best so far, and whether this c broke it."""
        images = objective.images
        first = tf.atanh((2.0 * images - 1.0) * _INSIDE)

        def image_of(w: tf.Tensor) -> tf.Tensor:
            x = 0.5 * (tf.tanh(w) + 1.0)
            return x if objective.mask is None else tf.where(objective.mask > 0.0, x, images)

        def advance(
            i: tf.Tensor, w: tf.Tensor, moments: adam.Moments, best: _Best, broken: tf.Tensor
        ) -> tuple[tf.Tensor, tf.Tensor, adam.Moments, _Best, tf.Tensor]:
            x = image_of(w)
            margin, gradient = objective.gradient(x, fold_in(seed, i), of_margin=True)
            won = (margin > 0.0) & (margin >= self.confidence)
            best = _nearer(x, size_of(x - images, "l2"), margin, won, best)

            wanting = tf.cast(margin <= self.confidence, tf.float32) * weight
            downhill = 2.0 * (x - images) - spread(wanting) * gradient
            downhill *= 0.5 * (1.0 - tf.square(tf.tanh(w)))
            w, moments = adam.descend(w, downhill, moments, i, self.learning_rate)
            return i + 1, w, moments, best, broken | won

        nobody = tf.fill(tf.shape(weight), False)
        *_, best, broken = tf.while_loop(
            lambda i, *_: i < self.steps,
            advance,
            (tf.constant(0), first, adam.no_moments(images), best, nobody),
            parallel_iterations=1,
        )
        return best, broken


_Best = tuple[tf.Tensor, tf.Tensor, tf.Tensor]
"""Images `[N, H, W, 3]`, their distance (infinite without success) and their margin, `[N]`."""


def _nearer(
    x: tf.Tensor, distance: tf.Tensor, margin: tf.Tensor, won: tf.Tensor, best: _Best
) -> _Best:
    """Success before none, then the nearer; without any success the larger margin."""
    images, nearest, largest = best
    never = tf.math.is_inf(nearest)
    take = (won & (distance < nearest)) | (~won & never & (margin > largest))
    return (
        tf.where(spread(take), x, images),
        tf.where(take & won, distance, nearest),
        tf.where(take, margin, largest),
    )
