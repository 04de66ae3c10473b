"""The joint loss of ResGN: pixel (Eq. 3), texture (Eq. 4), verification (Eq. 5), joint (Eq. 6)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import tensorflow as tf

from resgn.verification import squared_distance, verification_loss

Network = Callable[[tf.Tensor], tf.Tensor]

TERMS = ("pixel", "texture", "verification")


@dataclasses.dataclass(frozen=True)
class LossWeights:
    """Weights of Eq. 6. A weight of 0 leaves the term, and its network, out."""

    pixel: float = 1.0
    texture: float = 1e-8
    verification: float = 1e-3

    def active(self) -> tuple[str, ...]:
        """Names of the terms that count."""
        return tuple(term for term in TERMS if getattr(self, term) > 0.0)

    def only(self, terms: tuple[str, ...]) -> LossWeights:
        """The same weights with every other term left out; a term alone weighs 1 (Table 1)."""
        if len(terms) == 1:
            return LossWeights(**{term: float(term in terms) for term in TERMS})
        return LossWeights(**{t: getattr(self, t) if t in terms else 0.0 for t in TERMS})


PAPER_WEIGHTS = LossWeights()


def pixel_loss(cleaned: tf.Tensor, legitimate: tf.Tensor) -> tf.Tensor:
    """Eq. 3: mean squared difference of two images `[N, H, W, 3]` in [0, 1], for each sample `[N]`.

    The scale is [-1, 1], that of the network's tanh, and the mean runs over H, W and colours: the
    reading under which Eq. 6 balances (a colour vector for each pixel would triple it).
    """
    return 4.0 * tf.reduce_mean(tf.math.squared_difference(cleaned, legitimate), axis=[1, 2, 3])


def texture_loss(cleaned_features: tf.Tensor, legitimate_features: tf.Tensor) -> tf.Tensor:
    """Eq. 4: mean squared difference of VGG-Face's fc7 `[N, F]`, for each sample `[N]`."""
    return tf.reduce_mean(
        tf.math.squared_difference(cleaned_features, legitimate_features), axis=-1
    )


@dataclasses.dataclass(frozen=True)
class JointLoss:
    """Eq. 6. The frozen critics see the cleaned image; their view of the legitimate one is given.

    Attributes:
      weights: of the three terms.
      texture: VGG-Face, images `[N, H, W, 3]` in [0, 1] to features `[N, F]`.
      embed: target network, images `[N, H, W, 3]` in [0, 1] to unit embeddings `[N, D]`.
      threshold: of the target network, in (0, 4).
    """

    weights: LossWeights
    texture: Network
    embed: Network
    threshold: float

    def __call__(
        self,
        cleaned: tf.Tensor,
        legitimate: tf.Tensor,
        legitimate_features: tf.Tensor,
        legitimate_embeddings: tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        """Each weighted term that counts, by name, for each sample `[N]`.

        Args:
          cleaned: ResGN's output, `[N, H, W, 3]` in [0, 1].
          legitimate: the image before the attack, same shape.
          legitimate_features: `texture(legitimate)`, `[N, F]`; unused without that term.
          legitimate_embeddings: `embed(legitimate)`, `[N, D]`; unused without that term.
        """
        terms = {}
        if self.weights.pixel:
            terms["pixel"] = self.weights.pixel * pixel_loss(cleaned, legitimate)
        if self.weights.texture:
            features = self.texture(cleaned)
            terms["texture"] = self.weights.texture * texture_loss(features, legitimate_features)
        if self.weights.verification:
            distance = squared_distance(self.embed(cleaned), legitimate_embeddings)
            loss = verification_loss(distance, self.threshold)
            terms["verification"] = self.weights.verification * loss
        return terms
