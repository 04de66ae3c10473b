"""A verifier that decides by the votes of noisy copies of the probe."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from resgn.smoothing.certificate import Certificates, Draws, certify, predict
from resgn.smoothing.noise import check_sigma
from resgn.target import to_float
from resgn.verification import squared_distance

SELECTION, CERTIFICATION, ENROLMENT = 0, 1, -1
"""Streams of draws that have nothing in common."""

DRAW_BATCH = 50
"""Noisy copies for each call of the network."""

_STREAMS = 1 << 40
_SEEDS = 1 << 32


def seed_of(seed: int, row: int) -> int:
    """The seed of the noisy copies of one image, by its place among the images of a run."""
    return seed * _SEEDS + row


@dataclasses.dataclass(frozen=True, eq=False)
class SmoothedVerifier:
    """Decides on pairs by the majority of noisy probes; references are nobody's to change.

    Attributes:
      embed: denoiser and target, from float32 images `[N, H, W, 3]`, not clipped, to unit
        embeddings `[N, D]`. It must treat each image by itself: batch statistics would void the
        certificate.
      threshold: "same" is a squared distance below it.
      sigma: standard deviation of the noise, in images of [0, 1].
      batch_size: noisy copies for each call of `embed`; memory follows it.
    """

    embed: Callable[[tf.Tensor], tf.Tensor]
    threshold: float
    sigma: float
    batch_size: int = DRAW_BATCH

    def __post_init__(self) -> None:
        check_sigma(self.sigma)

    def votes(
        self, probe: np.ndarray, references: np.ndarray, draws: int, seed: int, stream: int
    ) -> np.ndarray:
        """How many noisy copies of a probe are taken for each reference's person.

        The same copies serve all references: each certificate holds by itself.

        Args:
          probe: uint8, or float32 in [0, 1], `[H, W, 3]`.
          references: unit embeddings `[R, D]`.
          draws: noisy copies.
          seed: of the copies; another one for each probe.
          stream: `SELECTION` or `CERTIFICATION`.

        Returns:
          int64 `[R]`, at most `draws`.
        """
        image = to_float(probe)
        count = self._counter(image.shape, references.shape[1])
        total = np.zeros(len(references), np.int64)
        for number, start in enumerate(range(0, draws, self.batch_size)):
            place = tf.constant([seed, stream * _STREAMS + number], tf.int64)
            wanted = tf.constant(min(self.batch_size, draws - start))
            total += count(image, tf.constant(references, tf.float32), place, wanted).numpy()
        return total

    def reference(self, image: np.ndarray, draws: int, seed: int) -> NDArray[np.float32]:
        """The mean direction of a reference's noisy copies, which is what a probe's are like.

        A reference is nobody's to change: what is made of it once is as fixed as its photograph.

        Args:
          image: uint8, or float32 in [0, 1], `[H, W, 3]`.
          draws: noisy copies.
          seed: of the copies; another one for each reference.

        Returns:
          float32 `[D]`, of length 1.
        """
        key = image.shape, draws
        if key not in self._enrolments:
            signature = [tf.TensorSpec(image.shape, tf.float32), tf.TensorSpec([2], tf.int64)]
            self._enrolments[key] = tf.function(
                functools.partial(self._mean_direction, draws), input_signature=signature
            )
        place = tf.constant([seed, ENROLMENT * _STREAMS], tf.int64)
        return np.asarray(self._enrolments[key](to_float(image), place))

    def certify(
        self, probe: np.ndarray, references: np.ndarray, draws: Draws, seed: int = 0
    ) -> Certificates:
        """CERTIFY for one probe and R references, see `votes`."""
        selection = self.votes(probe, references, draws.selection, seed, SELECTION)
        others = self.votes(probe, references, draws.certification, seed, CERTIFICATION)
        return certify(selection, others, self.sigma, draws)

    def predict(
        self, probe: np.ndarray, references: np.ndarray, draws: Draws, seed: int = 0
    ) -> np.ndarray:
        """PREDICT for one probe and R references, int `[R]`, with the draws of a certification."""
        votes = self.votes(probe, references, draws.certification, seed, CERTIFICATION)
        return predict(votes, draws.certification, draws.confidence)

    @functools.cached_property
    def _counters(self) -> dict[tuple[tf.TensorShape, int], Callable[..., tf.Tensor]]:
        return {}

    @functools.cached_property
    def _enrolments(self) -> dict[tuple[tuple[int, ...], int], Callable[..., tf.Tensor]]:
        return {}

    def _counter(self, shape: tf.TensorShape, dimensions: int) -> Callable[..., tf.Tensor]:
        """Compiled once for images of a shape, whatever the number of references."""
        key = tuple(shape), dimensions
        if key not in self._counters:
            signature = [
                tf.TensorSpec(shape, tf.float32),
                tf.TensorSpec([None, dimensions], tf.float32),
                tf.TensorSpec([2], tf.int64),
                tf.TensorSpec([], tf.int32),
            ]
            self._counters[key] = tf.function(self._count, input_signature=signature)
        return self._counters[key]

    def _count(
        self, image: tf.Tensor, references: tf.Tensor, seed: tf.Tensor, wanted: tf.Tensor
    ) -> tf.Tensor:
        embeddings = self._noisy(image, seed, self.batch_size)
        near = squared_distance(embeddings[:, tf.newaxis], references) < self.threshold
        counted = tf.range(self.batch_size)[:, tf.newaxis] < wanted
        return tf.reduce_sum(tf.cast(near & counted, tf.int64), axis=0)

    def _mean_direction(self, draws: int, image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        mean = tf.reduce_mean(self._noisy(image, seed, draws), axis=0)
        return tf.math.l2_normalize(mean, epsilon=1e-10)

    def _noisy(self, image: tf.Tensor, seed: tf.Tensor, draws: int) -> tf.Tensor:
        """Embeddings `[draws, D]` of noisy copies."""
        noise = tf.random.stateless_normal([draws, *image.shape], seed, stddev=self.sigma)
        return self.embed(image + noise)
