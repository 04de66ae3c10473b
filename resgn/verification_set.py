"""Pairs to verify, with their probes attacked: what Tables 1 and 2 are measured on."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from resgn.target import embed_all

COLUMNS = ("dodging", "impersonation", "legitimate")


@dataclasses.dataclass(frozen=True)
class VerificationSet:
    """Pairs that the target verifies correctly, and the attacked probe of each.

    Attributes:
      images: legitimate crops, uint8 `[I, H, W, 3]`.
      embeddings: the target's, float32 `[I, D]`.
      probe: int `[P]`, rows of `images`.
      reference: int `[P]`, rows of `images`.
      same: bool `[P]`; an attack on a pair of one person is dodging, on two people impersonation.
      adversarial: attacked probes as 8-bit files hold them, uint8 `[P, H, W, 3]`.
      threshold: of the target; "same" is a distance below it.
    """

    images: np.ndarray
    embeddings: np.ndarray
    probe: np.ndarray
    reference: np.ndarray
    same: np.ndarray
    adversarial: np.ndarray
    threshold: float

    def __len__(self) -> int:
        return len(self.same)

    def distances(self, probe_embeddings: np.ndarray) -> np.ndarray:
        """Squared distance `[P]` of probe embeddings `[P, D]` to those of the references."""
        difference = probe_embeddings - self.embeddings[self.reference]
        return np.sum(np.square(difference), axis=-1)

    def verified(self, probe_embeddings: np.ndarray) -> np.ndarray:
        """For each pair `[P]`: is it judged rightly?"""
        return (self.distances(probe_embeddings) < self.threshold) == self.same

    def outcomes(
        self, embed: Callable[[tf.Tensor], tf.Tensor], batch_size: int = 32
    ) -> dict[str, np.ndarray]:
        """Who is verified rightly behind a defence: the three columns of Table 1.

        Only the probe passes through the defence (reproduction: Figure 2 compares a cleaned probe
        with an untouched reference). Legitimate probes stand in several pairs and are seen once.

        Args:
          embed: the defended target, from float32 `[N, H, W, 3]` in [0, 1] to unit embeddings.
          batch_size: images for each call.

        Returns:
          Bool arrays: `dodging` over the pairs of one person, `impersonation` over those of two,
          `legitimate` over all.
        """
        return {
            **self.attacked_outcomes(embed, batch_size),
            "legitimate": self.legitimate_outcomes(embed, batch_size),
        }

    def attacked_outcomes(
        self, embed: Callable[[tf.Tensor], tf.Tensor], batch_size: int = 32
    ) -> dict[str, np.ndarray]:
        """The first two columns, `dodging` and `impersonation`, of `outcomes`."""
        attacked = self.verified(embed_all(embed, self.adversarial, batch_size))
        return {"dodging": attacked[self.same], "impersonation": attacked[~self.same]}

    def legitimate_outcomes(
        self, embed: Callable[[tf.Tensor], tf.Tensor], batch_size: int = 32
    ) -> np.ndarray:
        """The third column of `outcomes`, bool `[P]`; the same at every attack intensity."""
        probes, row = np.unique(self.probe, return_inverse=True)
        return self.verified(embed_all(embed, self.images[probes], batch_size)[row])
