"""The relational term: codes are alike where a face network finds the people alike.

A face network knows who is like whom far better than colours and landmarks say. Relational
distillation (Park et al. 2019; Tung and Mori 2019) teaches the relations within a batch and leaves
the place of each code free: the cosines of all codes' shapes and albedos, two by two, are drawn to
those of the network's embeddings of the photographs.
"""

from __future__ import annotations

import tensorflow as tf

from mofa import code as codes
from mofa.identity_term import Embed

IDENTITY = ("shape", "albedo")
"""The parts of a code that say who it is."""


class RelationalTerm:
    """How far the likeness of codes is from that of the photographs.

    Args:
      embed: a frozen face network as a function of the photographs.
    """

    def __init__(self, embed: Embed) -> None:
        self._embed = embed

    def __call__(self, code: tf.Tensor, photographs: tf.Tensor) -> tf.Tensor:
        """Mean squared difference of cosines to all others of the batch, in [0, 4].

        Both sides are centred on the batch's mean first: what all faces have in common says nothing
        of who is who.

        Args:
          code: float32 [N, 257].
          photographs: float32 [N, H, W, 3] in [0, 1].

        Returns:
          float32 [N]; 0 where there is but one.
        """
        parts = [code[:, codes.SLICES[name]] for name in IDENTITY]
        found = _cosines(tf.concat(parts, axis=1))
        wanted = tf.stop_gradient(_cosines(self._embed(photographs)))
        others = tf.cast(tf.shape(code)[0] - 1, tf.float32)
        # Each is as like itself on both sides, which counts nothing.
        squared = tf.reduce_sum(tf.square(found - wanted), axis=1)
        return tf.math.divide_no_nan(squared, others)


def _cosines(vectors: tf.Tensor) -> tf.Tensor:
    """Of all with all: [N, D] to [N, N]."""
    centred = vectors - tf.reduce_mean(vectors, axis=0)
    unit = tf.math.l2_normalize(centred, axis=1, epsilon=1e-9)
    return tf.matmul(unit, unit, transpose_b=True)
