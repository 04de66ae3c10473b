"""Where the Square attack begins and what it tries next, in each norm."""

from __future__ import annotations

import abc
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from attacks.norms import Norm, ascent, spread
from attacks.objective import Objective

_TILES = 5
"""Along the shorter side of the image, where the attack in L2 begins."""


class Moves(abc.ABC):
    """What one batch is changed by.

    Args:
      objective: the batch.
      epsilon: budgets `[N]`.
      areas: of the squares after none, one, two, ... halvings, as shares of the image.
    """

    smallest = 1
    """Side of the smallest square, pixels."""

    def __init__(self, objective: Objective, epsilon: tf.Tensor, areas: Sequence[float]) -> None:
        self.images, self.mask = objective.images, objective.mask
        self.count = tf.shape(self.images)[0]
        self.height, self.width = self.images.shape[1:3]
        self.epsilon = epsilon
        self.project = objective.ball(epsilon)
        self.sides = [self.side(area) for area in areas]

    def side(self, area: float) -> int:
        """Side of a square that covers this share of the image."""
        wanted = round(float(np.sqrt(area * self.height * self.width)))
        return min(max(wanted, self.smallest), self.height, self.width)

    @abc.abstractmethod
    def first(self, seed: tf.Tensor) -> tf.Tensor:
        """Where to begin, `[N, H, W, 3]`; `seed` int `[2]`."""

    @abc.abstractmethod
    def next(self, x: tf.Tensor, halved: tf.Tensor, seeds: tf.Tensor) -> tf.Tensor:
        """What to try after x, `[N, H, W, 3]`.

        Args:
          x: `[N, H, W, 3]`.
          halved: how often the area was halved, int.
          seeds: int `[2, 2]`.
        """

    def signs(self, shape: list[tf.Tensor | int], seed: tf.Tensor) -> tf.Tensor:
        """1 or -1 at random."""
        return tf.sign(tf.random.stateless_uniform(shape, seed) - 0.5)

    def corners(self, side: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """First row and column of a random square in each image, int `[N]` both.

        With a mask it is centred on one of the mask's pixels: elsewhere it would change little.
        """
        if self.mask is None:
            uniform = tf.random.stateless_uniform([2, self.count], seed)
            top, left = (
                tf.cast(tf.floor(draw * tf.cast(size - side + 1, tf.float32)), tf.int32)
                for draw, size in ((uniform[0], self.height), (uniform[1], self.width))
            )
            return top, left
        weights = tf.math.log(tf.reshape(self.mask, [self.count, -1]))
        pixel = tf.random.stateless_categorical(weights, 1, seed, tf.int32)[:, 0]
        return (
            tf.clip_by_value(pixel // self.width - side // 2, 0, self.height - side),
            tf.clip_by_value(pixel % self.width - side // 2, 0, self.width - side),
        )

    def window(self, corner: tuple[tf.Tensor, tf.Tensor], side: tf.Tensor) -> tf.Tensor:
        """Each image's square, bool `[N, H, W, 1]`."""

        def within(first: tf.Tensor, size: int) -> tf.Tensor:
            place = tf.range(size) - first[:, tf.newaxis]
            return (place >= 0) & (place < side)

        rows, columns = within(corner[0], self.height), within(corner[1], self.width)
        return (rows[:, :, tf.newaxis] & columns[:, tf.newaxis])[..., tf.newaxis]


class LinfMoves(Moves):
    """Algorithm 2: every pixel at the border of the ball."""

    def first(self, seed: tf.Tensor) -> tf.Tensor:
        """Vertical stripes of one pixel, each channel + or - epsilon."""
        stripes = self.signs([self.count, 1, self.width, 3], seed)
        return self.project(self.images + spread(self.epsilon) * stripes)

    def next(self, x: tf.Tensor, halved: tf.Tensor, seeds: tf.Tensor) -> tf.Tensor:
        """One square of one colour."""
        side = tf.gather(self.sides, halved)
        window = self.window(self.corners(side, seeds[0]), side)
        colour = spread(self.epsilon) * self.signs([self.count, 1, 1, 3], seeds[1])
        return self.project(tf.where(window, self.images + colour, x))


class L2Moves(Moves):
    """Algorithm 3: one square takes what another had spent of the budget."""

    smallest = 3

    def __init__(self, objective: Objective, epsilon: tf.Tensor, areas: Sequence[float]) -> None:
        super().__init__(objective, epsilon, areas)
        # Two bumps one above the other and beside each other, in the corner of an image of zeros.
        self.patterns = np.zeros((len(areas), 2, self.height, self.width), np.float32)
        for patterns, side in zip(self.patterns, self.sides, strict=True):
            patterns[:, :side, :side] = two_bumps(side), two_bumps(side).T

    def side(self, area: float) -> int:
        """An odd side, so that a bump has a middle."""
        odd = super().side(area) // 2 * 2 + 1
        return min(odd, self.height, self.width)

    def first(self, seed: tf.Tensor) -> tf.Tensor:
        """A grid of tiles, each one pattern, with a random sign in each channel."""
        side = max(1, min(self.height, self.width) // _TILES)
        rows, columns = self.height // side, self.width // side
        signs = self.signs([self.count, rows, columns, 3], seed)
        signs = tf.repeat(tf.repeat(signs, side, axis=1), side, axis=2)
        grid = signs * np.tile(two_bumps(side), (rows, columns))[..., np.newaxis]
        rest = [[0, 0], [0, self.height - rows * side], [0, self.width - columns * side], [0, 0]]
        grid = self._masked(tf.pad(grid, rest))
        return self.project(self.images + spread(self.epsilon) * ascent(grid, "l2"))

    def next(self, x: tf.Tensor, halved: tf.Tensor, seeds: tf.Tensor) -> tf.Tensor:
        """The budget of two squares, and what was left over, put into the first of them."""
        side = tf.gather(self.sides, halved)
        first, second = tf.unstack(tf.random.experimental.stateless_split(seeds[0], 2))
        here, there = self.corners(side, first), self.corners(side, second)
        gaining, losing = self.window(here, side), self.window(there, side)
        spent = x - self.images
        unused = spread(
            tf.maximum(tf.square(self.epsilon) - tf.reduce_sum(tf.square(spent), [1, 2, 3]), 0.0)
        )
        available = tf.sqrt(_energy(spent, gaining | losing) + unused / 3.0)
        first, second = tf.unstack(tf.random.experimental.stateless_split(seeds[1], 2))
        bumps = self._masked(self._placed(halved, here, first))
        signs = self.signs([self.count, 1, 1, 3], second)
        taken = _unit(tf.where(gaining, spent, 0.0)) + signs * _unit(bumps)
        moved = tf.where(gaining, available * _unit(taken), tf.where(losing, 0.0, spent))
        return self.project(self.images + moved)

    def _masked(self, perturbation: tf.Tensor) -> tf.Tensor:
        return perturbation if self.mask is None else perturbation * self.mask

    def _placed(
        self, halved: tf.Tensor, corner: tuple[tf.Tensor, tf.Tensor], seed: tf.Tensor
    ) -> tf.Tensor:
        """The two bumps in each image's square, `[N, H, W, 1]`."""
        beside = tf.cast(tf.random.stateless_uniform([self.count], seed) < 0.5, tf.int32)
        pattern = tf.gather(tf.gather(self.patterns, halved), beside)
        # Shifted round: what leaves at one border are zeros.
        rows = (tf.range(self.height) - corner[0][:, tf.newaxis]) % self.height
        columns = (tf.range(self.width) - corner[1][:, tf.newaxis]) % self.width
        placed = tf.gather(pattern, rows, axis=1, batch_dims=1)
        return tf.gather(placed, columns, axis=2, batch_dims=1)[..., tf.newaxis]


def two_bumps(side: int) -> np.ndarray:
    """Two bumps of opposite sign, the upper half and the lower: float32 `[side, side]`.

    Each is a sum of squares about its middle, the k-th smallest of weight 1 / k^2, of norm one.
    """
    upper, lower = _bump(side // 2, side), _bump(side - side // 2, side)
    return np.concatenate([upper, -lower]).astype(np.float32)


def _bump(height: int, width: int) -> np.ndarray:
    rows = np.abs(np.arange(height) - height // 2)[:, np.newaxis]
    columns = np.abs(np.arange(width) - width // 2)
    distance = np.maximum(rows, columns)  # the first square that reaches a pixel
    squares = 1.0 / (1.0 + np.arange(max(height, width) // 2 + 1)) ** 2
    # All squares from that one on cover it.
    bump = np.cumsum(squares[::-1])[::-1][distance]
    return bump / max(np.sqrt(np.sum(np.square(bump))), 1e-12)


def _energy(perturbation: tf.Tensor, window: tf.Tensor) -> tf.Tensor:
    """Sum of squares of each channel in a window, `[N, 1, 1, 3]`."""
    squares = tf.where(window, tf.square(perturbation), 0.0)
    return tf.reduce_sum(squares, axis=[1, 2], keepdims=True)


def _unit(perturbation: tf.Tensor) -> tf.Tensor:
    """Each channel at norm one; zero stays zero."""
    length = tf.sqrt(tf.reduce_sum(tf.square(perturbation), axis=[1, 2], keepdims=True))
    return tf.math.divide_no_nan(perturbation, length)


MOVES: dict[Norm, type[Moves]] = {"linf": LinfMoves, "l2": L2Moves}
