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
        of who is who. The batch is the whole one, where replicas of a strategy hold parts of it.

        Args:
          code: float32 [N, 257], this replica's.
          photographs: float32 [N, H, W, 3] in [0, 1].

        Returns:
          float32 [N]; 0 where the batch is but one.
        """
        count = tf.shape(code)[0]
        parts = [code[:, codes.SLICES[name]] for name in IDENTITY]
        found, first = _of_whole_batch(tf.concat(parts, axis=1))
        known, _ = _of_whole_batch(tf.stop_gradient(self._embed(photographs)))
        others = tf.cast(tf.shape(found)[0] - 1, tf.float32)
        # Each is as like itself on both sides, which counts nothing.
        squared = tf.reduce_sum(tf.square(_cosines(found) - _cosines(known)), axis=1)
        return tf.math.divide_no_nan(squared[first : first + count], others)


def _of_whole_batch(vectors: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | int]:
    """All replicas' [N, D], differentiably, and where this replica's begin among them."""
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return vectors, 0
    first = context.replica_id_in_sync_group * tf.shape(vectors)[0]
    return context.all_gather(vectors, axis=0), first


def _cosines(vectors: tf.Tensor) -> tf.Tensor:
    """Of all with all: [N, D] to [N, N]."""
    centred = vectors - tf.reduce_mean(vectors, axis=0)
    unit = tf.math.l2_normalize(centred, axis=1, epsilon=1e-9)
    return tf.matmul(unit, unit, transpose_b=True)
