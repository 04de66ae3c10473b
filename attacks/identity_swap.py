"""When an attack on a face has changed the person (Teng 2021, Section 4.3)."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from attacks.criteria import Criterion, as_pairs


def cosine_similarity(outputs: tf.Tensor, references: tf.Tensor) -> tf.Tensor:
    """Eq. 8 for each row of embeddings `[N, D]`: `[N]`, in [-1, 1]."""
    outputs = tf.math.l2_normalize(outputs, axis=-1)
    return tf.reduce_sum(outputs * tf.math.l2_normalize(references, axis=-1), axis=-1)


class IdentitySwap(Criterion):
    """No longer accepted as the person one is, and accepted as the other person.

    Args:
      sources: embeddings of the untouched images, float `[N, D]`.
      targets: embeddings of the people to be taken for, float `[N, D]`.
      threshold: "same person" is a cosine similarity above it; in (-1, 1).

    Raises:
      ValueError: the shapes differ or the threshold is not in (-1, 1).
    """

    def __init__(
        self,
        sources: tf.Tensor | np.ndarray,
        targets: tf.Tensor | np.ndarray,
        threshold: float,
    ) -> None:
        sources, targets = as_pairs(sources, targets)
        if not -1.0 < threshold < 1.0:
            raise ValueError(f"threshold must lie in (-1, 1), got {threshold}.")
        self._sources, self._targets = sources, targets
        self._thresholds = tf.fill([len(sources)], tf.constant(threshold, tf.float32))

    def __len__(self) -> int:
        return int(self._sources.shape[0])

    def tensors(self) -> tuple[tf.Tensor, ...]:
        """Embeddings of sources and of targets, each `[N, D]`, and thresholds `[N]`."""
        return self._sources, self._targets, self._thresholds

    def loss(self, outputs: tf.Tensor, *data: tf.Tensor) -> tf.Tensor:
        """Similarity to the target minus similarity to the source."""
        return cosine_similarity(outputs, data[1]) - cosine_similarity(outputs, data[0])

    def margin(self, outputs: tf.Tensor, *data: tf.Tensor) -> tf.Tensor:
        """The smaller of what both comparisons have to spare."""
        accepted = cosine_similarity(outputs, data[1]) - data[2]
        rejected = data[2] - cosine_similarity(outputs, data[0])
        return tf.minimum(accepted, rejected)
