"""A second network as judge: what was attacked and cleaned for one network, seen by another.

It looks at the images of the run through a fixed warp into its own crop, has its own threshold, and
knows references by its own crop of their photographs, as it would in use.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from resgn.calibration import calibrate_threshold
from resgn.faces.alignment import aligned_faces
from resgn.legitimate_pairs import LegitimatePairs
from resgn.target import Target, embed_all
from resgn.verification_set import VerificationSet
from resgn.warp import warp

Clean = Callable[[tf.Tensor], tf.Tensor]
"""From images `[N, H, W, 3]` in [0, 1] to images."""


@dataclasses.dataclass(frozen=True, eq=False)
class Judge:
    """Another network than the one under attack.

    Attributes:
      target: the network.
      views: float32 `[I, 2, 3]`, from its crop to the one at hand, for each legitimate image.
      references: float32 `[I, D]`, its embedding of each legitimate image, in its own crop.
      threshold: its own; "same" is a distance below it.
    """

    target: Target
    views: np.ndarray
    references: np.ndarray
    threshold: float

    @classmethod
    def of(cls, target: Target, legitimate: LegitimatePairs) -> Judge:
        """A judge whose threshold is the best one on the pairs drawn for training.

        Args:
          target: the network.
          legitimate: pairs of another target.

        Raises:
          ValueError: the pairs are not of photographs.
        """
        faces, dataset, drawn = legitimate.faces, legitimate.dataset, legitimate.drawn
        if faces is None or dataset is None or drawn is None:
            raise ValueError("legitimate: a judge needs pairs of photographs.")
        own = faces
        if target.crop != faces.crop:
            own = aligned_faces(dataset, faces.indices, faces.images.shape[1], crop=target.crop)
        references = embed_all(target.compiled, own.images)
        judge = cls(target, faces.views(target.crop), references, threshold=1.0)
        rows = np.unique(drawn.probe)
        seen = np.zeros_like(references)
        seen[rows] = judge.embeddings(tf.identity, legitimate.images[rows], rows)
        distances = judge.distances(seen[drawn.probe], drawn.reference)
        return dataclasses.replace(judge, threshold=calibrate_threshold(distances, drawn.same))

    def look(self, images: tf.Tensor, views: tf.Tensor) -> tf.Tensor:
        """Unit embeddings `[N, D]` of images in the crop at hand; differentiable in the pixels."""
        return self.target(warp(images, views))

    def embeddings(
        self, clean: Clean, images: np.ndarray, rows: np.ndarray, batch_size: int = 32
    ) -> np.ndarray:
        """What it makes of images that a defence has cleaned, `[N, D]`.

        Args:
          clean: the defence.
          images: uint8 `[N, H, W, 3]`, in the crop at hand.
          rows: int `[N]`, the legitimate image that each was made of.
          batch_size: images for each call.
        """
        return self._seen(self._looking(clean), images, rows, batch_size)

    def _looking(self, clean: Clean) -> Callable[..., tf.Tensor]:
        """Compiled, from images and views to embeddings behind a defence."""
        return tf.function(lambda batch, views: self.look(clean(batch), views))

    def _seen(
        self,
        look: Callable[..., tf.Tensor],
        images: np.ndarray,
        rows: np.ndarray,
        batch_size: int,
    ) -> np.ndarray:
        return embed_all(look, images, batch_size, [self.views[rows]])

    def distances(self, probes: np.ndarray, reference: np.ndarray) -> np.ndarray:
        """Squared distance `[P]` of embeddings `[P, D]` to the references' rows `[P]`."""
        return np.sum(np.square(probes - self.references[reference]), axis=-1)

    def outcomes(
        self, clean: Clean, pairs: VerificationSet, batch_size: int = 32
    ) -> dict[str, np.ndarray]:
        """Whom it verifies rightly behind a defence: the columns of `VerificationSet.outcomes`."""
        look = self._looking(clean)  # compiled once for both
        attacked = self._seen(look, pairs.adversarial, pairs.probe, batch_size)
        probes, row = np.unique(pairs.probe, return_inverse=True)
        legitimate = self._seen(look, pairs.images[probes], probes, batch_size)[row]
        right = self._right(attacked, pairs)
        return {
            "dodging": right[pairs.same],
            "impersonation": right[~pairs.same],
            "legitimate": self._right(legitimate, pairs),
        }

    def _right(self, probes: np.ndarray, pairs: VerificationSet) -> np.ndarray:
        return (self.distances(probes, pairs.reference) < self.threshold) == pairs.same
