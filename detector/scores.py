"""Detection scores: how much an autoencoder of normal faces changes an image.

L1, L2 and L-infinity of the reconstruction error (Teng 2021, Eq. 3), and the Jensen-Shannon
divergence of an identity classifier's outputs on image and reconstruction (Eq. 4 to 6). The higher
a score, the more an image looks attacked.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from detector.divergence import jensen_shannon, probabilities

Network = Callable[[tf.Tensor], tf.Tensor]

NORMS = ("l1", "l2", "linf")
SCORES = (*NORMS, "js")


def reconstruction_norms(images: tf.Tensor, reconstructions: tf.Tensor) -> dict[str, tf.Tensor]:
    """Eq. 3 for p = 1, 2 and infinity, over all numbers of an image; differentiable.

    Args:
      images: `[N, H, W, 3]`.
      reconstructions: the same shape.

    Returns:
      Under `l1`, `l2` and `linf` float32 `[N]`.
    """
    error = tf.abs(tf.cast(images, tf.float32) - tf.cast(reconstructions, tf.float32))
    squares = tf.reduce_sum(tf.square(error), axis=[1, 2, 3])
    return {
        "l1": tf.reduce_sum(error, axis=[1, 2, 3]),
        # At a perfect reconstruction the root has no gradient; 0 stands for it.
        "l2": tf.where(squares == 0.0, 0.0, tf.sqrt(tf.where(squares == 0.0, 1.0, squares))),
        "linf": tf.reduce_max(error, axis=[1, 2, 3]),
    }


class DetectionScores:
    """The scores of images under one autoencoder and one classifier.

    Args:
      reconstruct: from images `[N, H, W, 3]` in [0, 1] to the same; differentiable if the scores
        are to be attacked.
      classify: from images to the identity classifier's logits `[N, C]`; None leaves `js` out.
      temperature: of the softmax over the logits.

    Raises:
      ValueError: the temperature is not above 0.
    """

    def __init__(
        self, reconstruct: Network, classify: Network | None = None, temperature: float = 1.0
    ) -> None:
        if not 0.0 < temperature < math.inf:
            raise ValueError(f"temperature must be above 0, got {temperature}")
        self.names: tuple[str, ...] = SCORES if classify is not None else NORMS
        self.traces = 0
        self._reconstruct, self._classify = reconstruct, classify
        self._temperature = temperature
        self._compiled = tf.function(self._traced, autograph=False)

    def __repr__(self) -> str:
        """Which scores."""
        return f"<scores {', '.join(self.names)}>"

    def __call__(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Every score of a batch, differentiable.

        Args:
          images: float32 `[N, H, W, 3]` in [0, 1].

        Returns:
          Score name -> float32 `[N]`.
        """
        reconstructions = self._reconstruct(images)
        scores = reconstruction_norms(images, reconstructions)
        if self._classify is not None:
            # One call for both, so that a network meets one batch.
            logits = self._classify(tf.concat([images, reconstructions], axis=0))
            p, q = tf.split(probabilities(logits, self._temperature), 2)
            scores["js"] = jensen_shannon(p, q)
        return scores

    def divergence(self, images: tf.Tensor) -> tf.Tensor:
        """The score `js` of a batch alone, float32 `[N]`; differentiable."""
        return self(images)["js"]

    def measure(
        self,
        images: np.ndarray,
        batch_size: int = 32,
        on_batch: Callable[[int], object] = lambda count: None,
    ) -> dict[str, np.ndarray]:
        """The scores of many images, in compiled batches of one shape.

        Args:
          images: uint8, or floating point in [0, 1], `[N, H, W, 3]`; at least one.
          batch_size: images at a time.
          on_batch: called after each batch with the number of its images.

        Returns:
          Score name -> float32 `[N]`.

        Raises:
          ValueError: another shape, or no image.
        """
        return in_batches(self._compiled, images, batch_size, on_batch)

    def _traced(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        self.traces += 1
        return self(images)


def in_batches(
    compiled: Callable[[tf.Tensor], dict[str, tf.Tensor]],
    images: np.ndarray,
    batch_size: int = 32,
    on_batch: Callable[[int], object] = lambda count: None,
) -> dict[str, np.ndarray]:
    """What a compiled function says of many images, in batches of one shape.

    Args:
      compiled: from images float32 `[n, H, W, 3]` in [0, 1] to numbers `[n]` by name.
      images: see `DetectionScores.measure`, as the others and what is raised.
      batch_size: likewise.
      on_batch: likewise.

    Returns:
      Name -> float32 `[N]`.
    """
    if images.ndim != 4 or images.shape[-1] != 3 or not len(images):
        raise ValueError(f"images: expected [N, H, W, 3] with N > 0, got {list(images.shape)}")
    parts: list[dict[str, np.ndarray]] = []
    for start in range(0, len(images), batch_size):
        batch = images[start : start + batch_size]
        count = len(batch)
        # A short rest is filled up: one shape, one trace.
        rows = np.minimum(np.arange(min(batch_size, len(images))), count - 1)
        scale = 255.0 if batch.dtype == np.uint8 else 1.0
        scores = compiled(tf.constant(batch[rows], tf.float32) / scale)
        parts.append({name: value.numpy()[:count] for name, value in scores.items()})
        on_batch(count)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
