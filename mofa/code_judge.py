"""Tells people apart by MoFA's codes alone, without a trained classifier."""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow as tf

from mofa import code as codes
from mofa.arrays import Array
from mofa.code_similarity import unit_parts
from mofa.identity import balanced_threshold, pair_similarities

PARTS = ("shape", "albedo")


@dataclasses.dataclass(frozen=True, eq=False)
class CodeJudge:
    """Cosines of the shape and albedo coefficients.

    Attributes:
      centre: mean code, float32 [257].
      threshold: cosine similarity above which two codes are one person's.
    """

    centre: Array
    threshold: float

    @classmethod
    def calibrated(cls, code: Array, people: Array) -> CodeJudge:
        """The one whose threshold separates codes [M, 257] of people [M] best.

        Raises:
          ValueError: there are no two pictures of one person, or no two people.
        """
        found = unit_parts(code, PARTS)
        threshold, _ = balanced_threshold(*pair_similarities(found, people))
        return cls(code.mean(axis=0), threshold)

    def embed(self, code: tf.Tensor) -> tf.Tensor:
        """Unit vectors float32 [N, 160] of codes float32 [N, 257]."""
        centred = code - self.centre
        chosen = [centred[:, codes.SLICES[name]] for name in PARTS]
        return tf.math.l2_normalize(tf.concat(chosen, axis=-1), axis=-1)

    def similarities(self, code: Array, others: Array) -> Array:
        """Cosines of codes [N, 257] with others, [N]."""
        first, second = (self.embed(tf.constant(each)) for each in (code, others))
        return np.asarray(tf.reduce_sum(first * second, axis=-1))
