"""An attack on what an optimiser finds, not a network: it walks beside the optimiser.

Where a defence fits numbers to each image anew, there is no network to differentiate and its steps
are too many to trace. Two things are enough: the numbers follow the image as it changes, one step
of the fit for each step of the attack, and at a least value the implicit function theorem gives
their derivative.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import Protocol

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from attacks.criteria import Criterion, check_rows
from attacks.described import Described
from attacks.eight_bits import stored
from attacks.images import check_epsilons, check_images
from attacks.outputs import loss_of, margin_of

Array = NDArray[np.floating]

_MARGIN = itemgetter(0)  # of a candidate, before its image


class Solver(Protocol):
    """What fits numbers [D] to an image [H, W, C]."""

    def follow(self, photograph: Array, code: Array, /) -> Array:
        """The numbers of an image from those of another one close by."""

    def pull_back(self, photograph: Array, code: Array, direction: Array, /) -> Array:
        """The gradient [H, W, C] of `direction . code` with respect to the image."""


class FixedPointAttack(Described):
    """Steps of the gradient's sign with momentum, within an L-infinity budget.

    The first quarter climbs the criterion's loss, the others its margin: of several conditions that
    success needs, the one that is furthest from being met. Where an image is still its own source
    the margin is flat.

    Args:
      steps: of the attack, and of the fit beside it.
      momentum: share of the gradient before that stays (Dong et al. 2018, Algorithm 1).
      starts: the first from the image, the others from anywhere within the budget; the best counts.
      inner: steps of the fit for each of the attack: the more, the nearer are the numbers to those
        that a fit from the beginning would find.
      candidates: images of each start that are tried on the whole fit, where there is one to ask.
      seed: of the starts.

    Raises:
      ValueError: a number is out of range.
    """

    def __init__(
        self,
        steps: int = 50,
        momentum: float = 0.9,
        *,
        starts: int = 1,
        inner: int = 1,
        seed: int = 0,
        candidates: int = 3,
    ) -> None:
        counts = {"steps": steps, "starts": starts, "inner": inner, "candidates": candidates}
        for name, number in counts.items():
            if number < 1:
                raise ValueError(f"{name} must be at least 1, got {number}.")
        if not 0.0 <= momentum < 1.0:
            raise ValueError(f"momentum must lie in [0, 1), got {momentum}.")
        self.steps, self.momentum = steps, momentum
        self.starts, self.inner, self.seed = starts, inner, seed
        self.candidates = candidates

    def craft(
        self,
        solver: Solver,
        images: Array,
        codes: Array,
        criterion: Criterion,
        epsilon: float,
        *,
        outputs: Callable[[tf.Tensor], tf.Tensor] = tf.identity,
        whole: Callable[[Array], Array] | None = None,
        on_image: Callable[[int], None] = lambda number: None,
    ) -> NDArray[np.float32]:
        """Attack images one after the other.

        The numbers that are followed are not quite those that a fit from the beginning finds, and
        files hold whole levels: `whole` says which image is the best.

        Args:
          solver: of the fit.
          images: float32 [N, H, W, C] in [0, 1].
          codes: what the fit finds for them, [N, D].
          criterion: of N rows; its margin is increased.
          epsilon: largest change of a pixel.
          outputs: from codes [N, D] to what the criterion judges.
          whole: the fit from the beginning, from images float32 [K, H, W, C] to codes [K, D]; None
            to go by the numbers that were followed.
          on_image: called with the number of images that are done.

        Returns:
          float32 [N, H, W, C]; of each image's steps from all starts that with the highest margin;
          with `whole`, of each start's `candidates` best that with the highest margin by it, as 8
          bits hold them.

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

            def slope(at: Array, early: bool, row: list[tf.Tensor] = row) -> tuple[float, Array]:
                margin, *directions = climb(tf.constant(at[None], tf.float32), *row)
                return float(margin[0]), directions[0 if early else 1][0].numpy()

            rng = np.random.default_rng([self.seed, number])
            found = [
                candidate
                for start in range(self.starts)
                for candidate in self._one(
                    solver,
                    image,
                    image if start == 0 else _within(image, epsilon, rng),
                    np.asarray(code, np.float64),
                    slope,
                    epsilon,
                )
            ]
            found.sort(key=_MARGIN, reverse=True)
            best = 0
            if whole is not None:
                in_files = _in_files(np.stack([x for _, x in found]), image, epsilon)
                judged = tf.cast(outputs(tf.constant(whole(in_files), tf.float32)), tf.float32)
                rows = tuple(tf.repeat(tensor, len(found), axis=0) for tensor in row)
                best = int(np.argmax(margin_of(criterion, judged, rows)))
            result[number] = found[best][1]
            on_image(number + 1)
        return result

    def _one(
        self,
        solver: Solver,
        image: Array,
        x: Array,
        code: Array,
        slope: Callable[[Array, bool], tuple[float, Array]],
        epsilon: float,
    ) -> list[tuple[float, Array]]:
        """From x on: the highest margins, as many as there are candidates, and where they were."""
        size = 2.5 * epsilon / self.steps  # as far as one and a quarter times across (Madry 2018)
        gathered = np.zeros_like(image)
        best: list[tuple[float, Array]] = []
        for step in range(self.steps + 1):
            for _ in range(self.inner):
                code = solver.follow(x, code)
            margin, direction = slope(code, step < self.steps // 4)
            if not np.isfinite(margin):
                raise FloatingPointError("The fit under attack gives numbers that are not finite.")
            best = sorted([*best, (margin, x)], key=_MARGIN, reverse=True)[: self.candidates]
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
    ) -> Callable[..., tuple[tf.Tensor, tf.Tensor, tf.Tensor]]:
        """From a code [1, D] and its row to the margin, and the gradients of loss and margin."""

        @tf.function(autograph=False)
        def climb(code: tf.Tensor, *row: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            with tf.GradientTape(persistent=True) as tape:
                tape.watch(code)
                found = tf.cast(outputs(code), tf.float32)
                loss, margin = loss_of(criterion, found, row), margin_of(criterion, found, row)
            return margin, tape.gradient(loss, code), tape.gradient(margin, code)

        return climb


def _in_files(candidates: Array, image: Array, epsilon: float) -> NDArray[np.float32]:
    """Attacked versions [K, H, W, C] of one image as 8 bits hold them, in [0, 1]."""
    levels = stored(candidates, np.broadcast_to(image, candidates.shape), epsilon)
    return levels.astype(np.float32) / np.float32(255.0)


def _within(image: Array, epsilon: float, rng: np.random.Generator) -> Array:
    """Anywhere in the budget around an image, and in [0, 1]."""
    moved = image + rng.uniform(-epsilon, epsilon, image.shape)
    return np.clip(moved, 0.0, 1.0).astype(np.float32)
