"""The classification loss: away from the class that a classifier gives (Goodfellow et al. 2015)."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from attacks.criteria import Criterion


class Misclassification(Criterion):
    """Be given another class than the one that is named.

    Args:
      labels: int `[N]`, the class of each image: its true one, or what the classifier makes of the
        untouched image where it knows none.
      classes: how many there are.

    Raises:
      ValueError: a label is none of the classes, or there are fewer than two.
    """

    def __init__(self, labels: tf.Tensor | np.ndarray, classes: int) -> None:
        found = np.asarray(labels)
        if classes < 2:
            raise ValueError(f"classes must be at least 2, got {classes}.")
        if found.ndim != 1 or not np.issubdtype(found.dtype, np.integer):
            raise ValueError(f"labels must be int [N], got {found.dtype} of shape {found.shape}.")
        if len(found) and not (found.min() >= 0 and found.max() < classes):
            raise ValueError(f"labels must lie in [0, {classes}).")
        self._labels, self._classes = tf.constant(found, tf.int32), classes

    def __len__(self) -> int:
        return int(self._labels.shape[0])

    def tensors(self) -> tuple[tf.Tensor, ...]:
        """Labels int32 `[N]`."""
        return (self._labels,)

    def loss(self, outputs: tf.Tensor, *data: tf.Tensor) -> tf.Tensor:
        """The cross-entropy of logits `[N, P]` with the labels."""
        return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=data[0], logits=outputs)

    def margin(self, outputs: tf.Tensor, *data: tf.Tensor) -> tf.Tensor:
        """The largest logit of another class minus that of the label."""
        own = tf.one_hot(data[0], self._classes, on_value=True, off_value=False)
        others = tf.where(own, tf.fill(tf.shape(outputs), -np.inf), outputs)
        return tf.reduce_max(others, axis=-1) - tf.gather(outputs, data[0], batch_dims=1)
