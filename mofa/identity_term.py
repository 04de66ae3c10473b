"""The identity term: a face network takes the drawn face for the person in the photograph.

Colours and landmarks say little about who it is. As Deng et al. 2019 (Deep3DFaceReconstruction,
Section 3.1) do with a network of their own, the drawn face is laid over the photograph, a frozen
network embeds both, and what counts is one minus the cosine of the two.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from mofa.face_region import face_region
from mofa.face_renderer import FaceRenderer
from mofa.losses import draw_region

Embed = Callable[[tf.Tensor], tf.Tensor]
"""From images [N, H, W, 3] in [0, 1] to unit embeddings [N, D], differentiable."""


class IdentityTerm:
    """How far the drawn face is from the person, for each photograph.

    Args:
      renderer: the decoder; its camera's size is that of the photographs.
      embed: a frozen face network as a function of photographs of this size.
    """

    def __init__(self, renderer: FaceRenderer, embed: Embed) -> None:
        region = face_region(renderer)
        self._renderer, kept = renderer.around(region > 0.0)
        self._region = tf.constant(region[kept])
        self._embed = embed

    def __call__(self, code: tf.Tensor, photographs: tf.Tensor) -> tf.Tensor:
        """One minus the cosine between photograph and overlay, in [0, 2].

        Args:
          code: float32 [N, 257].
          photographs: float32 [N, H, W, 3] in [0, 1].

        Returns:
          float32 [N]. The gradient goes by way of the colours that are drawn.
        """
        wanted = tf.stop_gradient(self._embed(photographs))
        found = self._embed(self.overlay(code, photographs))
        return 1.0 - tf.reduce_sum(wanted * found, axis=-1)

    def overlay(self, code: tf.Tensor, photographs: tf.Tensor) -> tf.Tensor:
        """The face proper, drawn over photographs: float32 [N, H, W, 3] in [0, 1]."""
        drawn, shown = draw_region(self._renderer, self._renderer.face(code), self._region)
        shown = shown[..., None]
        return tf.clip_by_value(drawn * shown + photographs * (1.0 - shown), 0.0, 1.0)
