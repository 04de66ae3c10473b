"""Photographs turned, shifted and scaled a little, each time anew, to learn from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from mofa.arrays import Array
from mofa.photographs import Photographs


class Jittered:
    """Batches of photographs under random similarity transforms.

    Args:
      photographs: the photographs.
      amount: standard deviation of the turn (radians), of the shift in x and y (parts of the side)
        and of the change of size (parts of it), cut at two deviations; 0 leaves all as it is.
      in_twos: two photographs of each person in a batch, see `Photographs.batches`.
    """

    def __init__(self, photographs: Photographs, amount: float, in_twos: bool = False) -> None:
        self._photographs, self._amount, self._in_twos = photographs, amount, in_twos

    def batches(self, batch_size: int, seed: int, first: int = 0) -> Iterator[tuple[Any, ...]]:
        """See `Photographs.batches`."""
        still = self._photographs.batches(batch_size, seed, first, in_twos=self._in_twos)
        if not self._amount:
            yield from still
            return
        for number, (images, points) in enumerate(still, first):
            rng = np.random.default_rng([seed, number, 1])
            matrices = similarities(batch_size, images.shape[1], self._amount, rng)
            yield moved(images, matrices), tf.constant(moved_points(points.numpy(), matrices))


def similarities(count: int, size: int, amount: float, rng: np.random.Generator) -> Array:
    """Random similarity transforms about the middle of a picture.

    Args:
      count: N.
      size: side of the pictures, pixels.
      amount: see `Jittered`.
      rng: draws.

    Returns:
      float32 [N, 2, 3], from pixels before to pixels after.
    """
    turn, grow, right, down = amount * np.clip(rng.standard_normal((4, count)), -2.0, 2.0)
    rotation = np.stack((np.cos(turn), -np.sin(turn), np.sin(turn), np.cos(turn)), axis=-1)
    linear = (1.0 + grow)[:, None, None] * rotation.reshape(-1, 2, 2)
    middle = np.full(2, 0.5 * (size - 1))
    shift = middle - linear @ middle + size * np.stack((right, down), axis=-1)
    return np.concatenate((linear, shift[:, :, None]), axis=2).astype(np.float32)


def moved(images: tf.Tensor, matrices: Array) -> tf.Tensor:
    """Pictures under transforms; what comes from outside is filled with the border.

    Args:
      images: float32 [N, S, S, 3].
      matrices: float32 [N, 2, 3], from pixels before to pixels after.

    Returns:
      float32 [N, S, S, 3].
    """
    # The op asks where each pixel comes from.
    linear = np.linalg.inv(matrices[:, :, :2].astype(np.float64))
    shift = -(linear @ matrices[:, :, 2:])
    rows = np.concatenate((linear, shift), axis=2).reshape(-1, 6)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.constant(np.pad(rows, ((0, 0), (0, 2))), tf.float32),
        output_shape=tf.shape(images)[1:3],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="NEAREST",
    )


def moved_points(points: Array, matrices: Array) -> Array:
    """Points float32 [N, K, 2] under transforms float32 [N, 2, 3]."""
    return points @ matrices[:, :, :2].transpose(0, 2, 1) + matrices[:, None, :, 2]
