"""What an attack wants: dodging and impersonation (Su et al. 2019, Section 2.2)."""

from __future__ import annotations

import abc

import numpy as np
import tensorflow as tf


def squared_distance(outputs: tf.Tensor, references: tf.Tensor) -> tf.Tensor:
    """Squared Euclidean distance `[N]`, in [0, 4], of embeddings `[N, D]` scaled to unit length."""
    outputs = tf.math.l2_normalize(outputs, axis=-1)
    references = tf.math.l2_normalize(references, axis=-1)
    return tf.reduce_sum(tf.math.squared_difference(outputs, references), axis=-1)


def as_pairs(
    sources: tf.Tensor | np.ndarray, targets: tf.Tensor | np.ndarray
) -> tuple[tf.Tensor, tf.Tensor]:
    """Outputs for source and target images, both float32 `[N, D]`.

    Raises:
      ValueError: they are not `[N, D]` or their shapes differ.
    """
    sources, targets = (
        tf.cast(tf.convert_to_tensor(each), tf.float32) for each in (sources, targets)
    )
    if sources.shape.rank != 2 or sources.shape != targets.shape:
        raise ValueError(
            f"sources and targets must be [N, D], got shapes {sources.shape} and {targets.shape}."
        )
    return sources, targets


class Criterion(abc.ABC):
    """When an attack has succeeded, and which way leads there.

    A criterion holds one row of data for each sample; `tensors` gives that data to a compiled
    function and the other methods take it back, so that new data never retraces.
    """

    @abc.abstractmethod
    def __len__(self) -> int:
        """Number of samples."""

    @abc.abstractmethod
    def tensors(self) -> tuple[tf.Tensor, ...]:
        """The data, each `[N, ...]`."""

    @abc.abstractmethod
    def loss(self, outputs: tf.Tensor, *data: tf.Tensor) -> tf.Tensor:
        """For each sample `[N]`, what the attack increases."""

    @abc.abstractmethod
    def margin(self, outputs: tf.Tensor, *data: tf.Tensor) -> tf.Tensor:
        """For each sample `[N]`, by how much the attack has succeeded; below 0 it has not."""

    def success(self, outputs: tf.Tensor, *data: tf.Tensor) -> tf.Tensor:
        """For each sample, bool `[N]`: has the attack succeeded? By default, margin above 0."""
        return self.margin(outputs, *data) > 0.0


def check_rows(criterion: Criterion, count: int) -> None:
    """Refuse a criterion for another number of images.

    Raises:
      ValueError: `criterion` has not `count` rows.
    """
    if len(criterion) != count:
        raise ValueError(
            f"criterion has {len(criterion)} rows for {count} images; it needs one each."
        )


def check_references(
    references: tf.Tensor | np.ndarray, threshold: float
) -> tuple[tf.Tensor, tf.Tensor]:
    """Embeddings of references float32 `[N, D]` and the threshold of each `[N]`.

    Raises:
      ValueError: they are not `[N, D]` or the threshold is not in (0, 4).
    """
    references = tf.cast(tf.convert_to_tensor(references), tf.float32)
    if references.shape.rank != 2:
        raise ValueError(f"references must be [N, D], got shape {references.shape}.")
    if not 0.0 < threshold < 4.0:
        raise ValueError(f"threshold must lie in (0, 4), got {threshold}.")
    return references, tf.fill([len(references)], tf.constant(threshold, tf.float32))


class _Verification(Criterion):
    """An attack on the distance to a reference face.

    The loss is the distance itself. The cross-entropy of the scores of Eq. 2, with which the paper
    writes its attack, grows and falls with the distance whatever the threshold, so that the sign of
    the gradient (Eq. 1) is the same; unlike it, the distance never saturates.

    Args:
      references: embeddings of the untouched reference faces, float `[N, D]`.
      threshold: "same person" is a squared distance below it; in (0, 4).

    Raises:
      ValueError: the embeddings are not `[N, D]` or the threshold is not in (0, 4).
    """

    def __init__(self, references: tf.Tensor | np.ndarray, threshold: float) -> None:
        self._references, self._thresholds = check_references(references, threshold)

    def __len__(self) -> int:
        return int(self._references.shape[0])

    def tensors(self) -> tuple[tf.Tensor, ...]:
        """Reference embeddings `[N, D]` and thresholds `[N]`."""
        return self._references, self._thresholds


class Dodging(_Verification):
    """Be no longer recognised as the person on the reference image."""

    def loss(self, outputs: tf.Tensor, *data: tf.Tensor) -> tf.Tensor:
        """The distance to the reference."""
        return squared_distance(outputs, data[0])

    def margin(self, outputs: tf.Tensor, *data: tf.Tensor) -> tf.Tensor:
        """The distance minus the threshold."""
        return squared_distance(outputs, data[0]) - data[1]

    def success(self, outputs: tf.Tensor, *data: tf.Tensor) -> tf.Tensor:
        """The distance has reached the threshold."""
        return self.margin(outputs, *data) >= 0.0


class Impersonation(_Verification):
    """Be recognised as the other person on the reference image."""

    def loss(self, outputs: tf.Tensor, *data: tf.Tensor) -> tf.Tensor:
        """Minus the distance to the reference."""
        return -squared_distance(outputs, data[0])

    def margin(self, outputs: tf.Tensor, *data: tf.Tensor) -> tf.Tensor:
        """The threshold minus the distance."""
        return data[1] - squared_distance(outputs, data[0])
