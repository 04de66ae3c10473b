"""Principal components of normal images: the best linear code of a given length.

Kept to an image's low frequencies (`band.py`), where the covariance is small enough to be
diagonalised in seconds. They are what the detector's network begins with, and a reconstruction to
measure it by.
"""

from __future__ import annotations

import dataclasses
from typing import TypeAlias

import numpy as np
import scipy.linalg
import tensorflow as tf
from numpy.typing import NDArray

from detector.band import Band
from detector.images import Images
from weights.errors import InputError

SMALLEST_DEVIATION = 1e-3
"""Of a component, relative to that of the first or to 1, whichever is more. What varies less is
rounding, whose directions differ from run to run."""

_BATCH = 128

Array: TypeAlias = NDArray[np.float32]


@dataclasses.dataclass(frozen=True, eq=False)
class PrincipalComponents:
    """The main directions in which images differ.

    Attributes:
      mean: of the band's numbers, float32 `[D]`.
      components: orthonormal, the one of the largest variance first, float32 `[Q, D]`; zero where
        there are no more directions in which images differ.
      deviations: standard deviations along them, float32 `[Q]`, above 0.
    """

    mean: Array
    components: Array
    deviations: Array

    def __repr__(self) -> str:
        """How many, not the numbers."""
        return f"<{len(self.components)} principal components of {len(self.mean)} numbers>"


def principal_components(
    images: Images, band: Band, count: int, mirror: bool = False
) -> PrincipalComponents:
    """The first principal components of images.

    The images are read in batches; what is held is their covariance, `[D, D]`.

    Args:
      images: uint8 `[M, 224, 224, 3]`.
      band: what is looked at.
      count: Q, how many.
      mirror: let every image count mirrored as well.

    Raises:
      InputError: no image, or more components than the band has numbers.
    """
    if not len(images):
        raise InputError("Principal components need images; there are none.")
    check_count(band, count)
    analyse = tf.function(band.analyse, autograph=False, reduce_retracing=True)
    size = len(band)
    start, total, moments = np.zeros(size, np.float32), np.zeros(size), np.zeros([size, size])
    for first in range(0, len(images), _BATCH):
        rows = np.arange(first, min(first + _BATCH, len(images)))
        numbers: Array = analyse(tf.constant(images[rows], tf.float32) / 255.0).numpy()
        if mirror:
            numbers = np.concatenate([numbers, numbers * band.mirrored])
        # Near their mean single precision is enough for the products.
        if not first:
            start = numbers.mean(axis=0)
        numbers -= start
        total += numbers.sum(axis=0)
        moments += numbers.T @ numbers
    shown = len(images) * (2 if mirror else 1)
    offset = total / shown
    covariance = moments / shown - np.outer(offset, offset)
    variances, vectors = scipy.linalg.eigh(
        covariance, overwrite_a=True, subset_by_index=[size - count, size - 1]
    )
    components = vectors.T[::-1]
    # A component and its negative are one; the largest entry is made positive.
    largest = np.abs(components).argmax(axis=1)
    components = components * np.sign(components[np.arange(count), largest])[:, None]
    deviations = np.sqrt(np.maximum(variances[::-1], 0.0))
    smallest = SMALLEST_DEVIATION * max(float(deviations[0]), 1.0)
    components[deviations < smallest] = 0.0
    return PrincipalComponents(
        (start + offset).astype(np.float32),
        components.astype(np.float32),
        np.maximum(deviations, smallest).astype(np.float32),
    )


def check_count(band: Band, count: int) -> None:
    """Refuse a code that is longer than what it is a code of.

    Raises:
      InputError: it is.
    """
    if not 1 <= count <= len(band):
        raise InputError(
            f"A band of {band.radius} has {len(band)} numbers, a code of 1 to as many can be made "
            f"of them; got {count}. Raise `band` or lower `code`."
        )


class LinearCode(tf.keras.layers.Layer):
    """Principal components as a layer: images to codes in standard deviations, and back.

    Called with images `[N, 224, 224, 3]` in [0, 1] it gives codes float32 `[N, Q]`; called with
    codes and a `side`, images `[N, side, side, 3]`, not clipped. Both directions share their
    weights, which training leaves as they are.

    Args:
      band: what is looked at.
      count: Q.
      name: of the layer.

    Raises:
      InputError: more components than the band has numbers.
    """

    def __init__(self, band: Band, count: int, name: str = "linear") -> None:
        super().__init__(name=name, dtype="float32", trainable=False)
        check_count(band, count)
        self._band = band
        size = len(band)
        self.mean = self._fixed("mean", [size], "zeros")
        self.components = self._fixed("components", [count, size], "orthogonal")
        self.deviations = self._fixed("deviations", [count], "ones")

    def _fixed(self, name: str, shape: list[int], initial: str) -> tf.Variable:
        return self.add_weight(name, shape, initializer=initial, trainable=False)

    def begin_with(self, found: PrincipalComponents) -> None:
        """Take principal components over."""
        for name in ("mean", "components", "deviations"):
            getattr(self, name).assign(getattr(found, name))

    def call(self, inputs: tf.Tensor, side: int | None = None) -> tf.Tensor:
        """See the class."""
        if side is None:
            centred = self._band.analyse(inputs) - self.mean
            return tf.matmul(centred, self.components, transpose_b=True) / self.deviations
        numbers = tf.matmul(inputs * self.deviations, self.components) + self.mean
        return self._band.synthesise(numbers, side)

    def reconstruct(self, images: tf.Tensor, count: int | None = None) -> tf.Tensor:
        """What the first components, all by default, keep of images; the same shape, in [0, 1].

        Raises:
          ValueError: there are not so many.
        """
        there = int(self.components.shape[0])
        count = there if count is None else count
        if not 1 <= count <= there:
            raise ValueError(f"count must lie from 1 to {there}, got {count}.")
        code = self(images) * tf.cast(tf.range(there) < count, tf.float32)
        return tf.clip_by_value(self(code, side=images.shape[1]), 0.0, 1.0)
