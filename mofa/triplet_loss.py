"""The triplet loss with semi-hard negatives (Schroff et al. 2015, Section 3.2).

tensorflow-addons has it and ends at Python 3.11; where it is not installed the same function
stands here.
"""

from __future__ import annotations

from importlib import util

import tensorflow as tf

_HAS_ADDONS = util.find_spec("tensorflow_addons") is not None


def triplet_loss(embeddings: tf.Tensor, labels: tf.Tensor, margin: float) -> tf.Tensor:
    """The mean of max(0, margin + d(a, p) - d(a, n)) over all pairs a, p of one person.

    The negative n of a pair is the nearest image of anybody else that is farther from a than p is;
    where all are nearer, the farthest of them. A batch in which nobody comes twice gives 0.

    Args:
      embeddings: float `[N, D]` of unit length.
      labels: int `[N]`, who it is.
      margin: by which n is to be farther than p.

    Returns:
      A scalar of the embeddings' dtype.
    """
    if not _HAS_ADDONS:
        return semihard_triplets(embeddings, labels, margin)
    import tensorflow_addons as tfa

    same = labels[:, tf.newaxis] == labels[tf.newaxis, :]
    # Without pairs tensorflow-addons divides by 0; the 0 keeps a gradient, of 0.
    return tf.cond(
        tf.math.count_nonzero(same) > tf.size(labels, tf.int64),
        lambda: tfa.losses.triplet_semihard_loss(labels, embeddings, margin=margin),
        lambda: tf.reduce_sum(tf.zeros_like(embeddings) * embeddings),
    )


def semihard_triplets(embeddings: tf.Tensor, labels: tf.Tensor, margin: float) -> tf.Tensor:
    """`triplet_loss` in TensorFlow alone; see there."""
    distances = _distances(tf.cast(embeddings, tf.float32))
    same = labels[:, tf.newaxis] == labels[tf.newaxis, :]
    # [a, p, n]: n is another person, farther from a than p.
    farther = ~same[:, tf.newaxis, :] & (distances[:, tf.newaxis, :] > distances[:, :, tf.newaxis])
    nearest = tf.reduce_min(tf.where(farther, distances[:, tf.newaxis, :], float("inf")), axis=2)
    farthest = tf.reduce_max(tf.where(same, 0.0, distances), axis=1, keepdims=True)
    negative = tf.where(tf.reduce_any(farther, axis=2), nearest, farthest)
    pairs = tf.linalg.set_diag(same, tf.zeros_like(labels, tf.bool))
    losses = tf.where(pairs, tf.nn.relu(margin + distances - negative), 0.0)
    count = tf.reduce_sum(tf.cast(pairs, tf.float32))
    mean = tf.reduce_sum(losses) / tf.maximum(count, 1.0)  # 0 without pairs
    return tf.cast(mean, embeddings.dtype)


def _distances(x: tf.Tensor) -> tf.Tensor:
    """Euclidean distances `[N, N]`; the gradient of a distance of 0 is 0."""
    lengths = tf.reduce_sum(x * x, axis=1)
    squared = lengths[:, tf.newaxis] - 2.0 * tf.matmul(x, x, transpose_b=True) + lengths
    apart = (squared > 0.0) & ~tf.eye(tf.shape(x)[0], dtype=tf.bool)
    return tf.where(apart, tf.sqrt(tf.where(apart, squared, 1.0)), 0.0)
