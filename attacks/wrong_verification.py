"""Dodging and impersonation in one batch, so that one compiled attack serves both."""

from __future__ import annotations

import copy

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from attacks.criteria import Criterion, check_references, squared_distance


class WrongVerification(Criterion):
    """Have a pair judged wrongly: `Dodging` for pairs of one person, `Impersonation` for two.

    Args:
      references: embeddings of the untouched reference faces, float `[N, D]`.
      same: bool `[N]`, one person or two.
      threshold: "same person" is a squared distance below it; in (0, 4).

    Raises:
      ValueError: the shapes do not fit or the threshold is not in (0, 4).
    """

    def __init__(
        self, references: tf.Tensor | np.ndarray, same: np.ndarray, threshold: float
    ) -> None:
        references, thresholds = check_references(references, threshold)
        if np.shape(same) != (len(references),):
            raise ValueError(
                f"same must be [N], one for each of {len(references)} references; got shape "
                f"{np.shape(same)}."
            )
        signs = tf.constant(np.where(same, 1.0, -1.0), tf.float32)
        self._data: tuple[tf.Tensor, ...] = (references, signs, thresholds)

    def __len__(self) -> int:
        return int(self._data[1].shape[0])

    def select(self, rows: slice | NDArray[np.integer]) -> WrongVerification:
        """The same for some of the samples, in the order of `rows`."""
        chosen = copy.copy(self)
        numbers = np.arange(len(self))[rows]
        chosen._data = tuple(tf.gather(tensor, numbers) for tensor in self._data)
        return chosen

    def tensors(self) -> tuple[tf.Tensor, ...]:
        """Reference embeddings `[N, D]`, signs `[N]` (1 for one person) and thresholds `[N]`."""
        return self._data

    def loss(self, outputs: tf.Tensor, *data: tf.Tensor) -> tf.Tensor:
        """The distance to the reference for one person, minus it for two."""
        return data[1] * squared_distance(outputs, data[0])

    def margin(self, outputs: tf.Tensor, *data: tf.Tensor) -> tf.Tensor:
        """By how much the distance lies beyond the threshold, on the wrong side."""
        return data[1] * (squared_distance(outputs, data[0]) - data[2])

    def success(self, outputs: tf.Tensor, *data: tf.Tensor) -> tf.Tensor:
        """The distance has reached the threshold (one person), or fallen below it (two)."""
        margin = self.margin(outputs, *data)
        return (margin > 0.0) | ((margin == 0.0) & (data[1] > 0.0))
