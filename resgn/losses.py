"""The joint loss of ResGN: pixel (Eq. 3), texture (Eq. 4), verification (Eq. 5), joint (Eq. 6)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import tensorflow as tf

from resgn.verification import squared_distance, verification_loss

Network = Callable[[tf.Tensor], tf.Tensor]
Look = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]

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
class FurtherCritic:
    """A verification critic beside the target. Not in the paper.

    Attributes:
      look: images `[N, H, W, 3]` in [0, 1] and how it sees each, `[N, 2, 3]` (see
        `resgn.warp.warp`), to unit embeddings `[N, D]`; differentiable in the images.
      threshold: its own, in (0, 4).
    """

    look: Look
    threshold: float


@dataclasses.dataclass(frozen=True)
class JointLoss:
    """Eq. 6. The frozen critics see the cleaned image; their view of the legitimate one is given.

    With further verification critics the verification term is the mean of Eq. 5 over all of them,
    so that its weight means the same for any number.

    Attributes:
      weights: of the three terms.
      texture: VGG-Face, images `[N, H, W, 3]` in [0, 1] to features `[N, F]`.
      embed: target network, images `[N, H, W, 3]` in [0, 1] to unit embeddings `[N, D]`.
      threshold: of the target network, in (0, 4).
      further: verification critics beside the target.
    """

    weights: LossWeights
    texture: Network
    embed: Network
    threshold: float
    further: tuple[FurtherCritic, ...] = ()

    def __call__(
        self,
        cleaned: tf.Tensor,
        legitimate: tf.Tensor,
        legitimate_features: tf.Tensor,
        legitimate_embeddings: tf.Tensor,
        views: Sequence[tuple[tf.Tensor, tf.Tensor]] = (),
    ) -> dict[str, tf.Tensor]:
        """Each weighted term that counts, by name, for each sample `[N]`.

        Args:
          cleaned: ResGN's output, `[N, H, W, 3]` in [0, 1].
          legitimate: the image before the attack, same shape.
          legitimate_features: `texture(legitimate)`, `[N, F]`; unused without that term.
          legitimate_embeddings: `embed(legitimate)`, `[N, D]`; unused without that term.
          views: for each of `further` how it sees each image, `[N, 2, 3]`, and its embeddings of
            the legitimate ones so seen, `[N, D]`; unused without that term.
        """
        terms = {}
        if self.weights.pixel:
            terms["pixel"] = self.weights.pixel * pixel_loss(cleaned, legitimate)
        if self.weights.texture:
            features = self.texture(cleaned)
            terms["texture"] = self.weights.texture * texture_loss(features, legitimate_features)
        if self.weights.verification:
            losses = [self._eq_5(self.embed(cleaned), legitimate_embeddings, self.threshold)]
            for critic, (matrices, seen) in zip(self.further, views, strict=True):
                losses.append(self._eq_5(critic.look(cleaned, matrices), seen, critic.threshold))
            terms["verification"] = self.weights.verification * tf.add_n(losses) / len(losses)
        return terms

    @staticmethod
    def _eq_5(cleaned: tf.Tensor, legitimate: tf.Tensor, threshold: float) -> tf.Tensor:
        return verification_loss(squared_distance(cleaned, legitimate), threshold)
