"""Face verification: distance, score (Eq. 2) and verification loss (Eq. 5) of Su et al. 2019.

The distance is the *squared* Euclidean distance of unit embeddings, in [0, 4]: Eq. 2 needs a
maximum of 4, Figure 2 shows 2.33 where the plain distance ends at 2, and the code that the paper
cites computes it so. Two images show the same person where `distance < threshold`.
"""

from __future__ import annotations

import tensorflow as tf

MAXIMUM_DISTANCE = 4.0
PAPER_THRESHOLD = 1.1
"""The paper's threshold for FaceNet (Section 2.2), from Figure 1 of Schroff et al. 2015."""


def squared_distance(embeddings: tf.Tensor, references: tf.Tensor) -> tf.Tensor:
    """Squared Euclidean distance of unit embeddings.

    Args:
      embeddings: float `[..., D]`, of unit length.
      references: float, broadcastable against `embeddings`, of unit length.

    Returns:
      `[...]`, in [0, 4].
    """
    return tf.reduce_sum(tf.math.squared_difference(embeddings, references), axis=-1)


def score(distance: tf.Tensor, threshold: tf.Tensor | float) -> tf.Tensor:
    """Eq. 2: map a distance in [0, 4] to [0, 1], the threshold to 0.5; 0 is surely the same person.

    Eq. 2 leaves `distance == threshold` open; both branches give 0.5 there.

    Args:
      distance: float `[...]` in [0, 4].
      threshold: scalar in (0, 4).
    """
    threshold = tf.cast(threshold, distance.dtype)
    different = 0.5 + (distance - threshold) * 0.5 / (MAXIMUM_DISTANCE - threshold)
    return tf.where(distance > threshold, different, 0.5 * distance / threshold)


def verification_loss(distance: tf.Tensor, threshold: tf.Tensor | float) -> tf.Tensor:
    """Eq. 5 for each sample: `-log(1 - score)`.

    Args:
      distance: float `[N]`, between the embeddings of cleaned and legitimate image.
      threshold: scalar in (0, 4).

    Returns:
      `[N]`, at least 0. `1 - score` is kept above 1e-7, since the loss has no bound at distance 4.
    """
    return -tf.math.log(tf.maximum(1.0 - score(distance, threshold), 1e-7))
