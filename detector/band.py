"""The low frequencies of an image, as a cosine transform gives them.

The detector's linear part and the principal components work on these numbers instead of on pixels:
the transform is orthonormal, so that errors are the same in both, and what faces show lies almost
whole in a hundredth of them.
"""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from weights.errors import InputError

IMAGE_SIDE = 224

# Grey, red against blue, and green against both; orthonormal.
_COLOURS = np.array([[1.0, 1.0, 1.0], [1.0, 0.0, -1.0], [0.5, -1.0, 0.5]])
_COLOURS /= np.linalg.norm(_COLOURS, axis=1, keepdims=True)


def cosines(frequencies: int, side: int) -> NDArray[np.float32]:
    """The first rows of the orthonormal cosine transform (DCT-II): `[frequencies, side]`."""
    places = (np.arange(side) + 0.5) / side
    rows = np.sqrt(2.0 / side) * np.cos(np.pi * np.arange(frequencies)[:, None] * places)
    rows[0] /= np.sqrt(2.0)
    return rows.astype(np.float32)


@dataclasses.dataclass(frozen=True)
class Band:
    """Frequencies below a radius: half cycles an image, for colours half as many as for grey.

    Attributes:
      radius: of grey; a frequency (row, column) is kept where its Euclidean norm is below.
    """

    radius: int

    def __post_init__(self) -> None:
        if not 2 <= self.radius <= IMAGE_SIDE:
            raise InputError(f"`band` must lie from 2 to {IMAGE_SIDE}, got {self.radius}.")

    def __len__(self) -> int:
        """How many numbers are kept of an image."""
        return int(self._kept.sum())

    @functools.cached_property
    def _kept(self) -> NDArray[np.bool_]:
        distance = np.hypot(*np.indices([self.radius, self.radius]))
        colour = distance < self.radius / 2
        return np.stack([distance < self.radius, colour, colour], axis=-1)

    @functools.cached_property
    def mirrored(self) -> NDArray[np.float32]:
        """What each number is multiplied by when the image is mirrored: 1 or -1, `[D]`."""
        signs = np.broadcast_to((-1.0) ** np.arange(self.radius)[None, :, None], self._kept.shape)
        return signs[self._kept].astype(np.float32)

    def analyse(self, images: tf.Tensor) -> tf.Tensor:
        """The numbers of float32 images `[N, 224, 224, 3]`: float32 `[N, D]`; differentiable."""
        rows = cosines(self.radius, IMAGE_SIDE)
        # Columns first: the smaller product comes last.
        x = tf.einsum("lw,nhwc->nhlc", rows, images)
        x = tf.einsum("kh,nhlc->nklc", rows, x)
        x = tf.einsum("dc,nklc->nkld", _COLOURS.astype(np.float32), x)
        flat = tf.reshape(x, [-1, self._kept.size])
        return tf.gather(flat, np.flatnonzero(self._kept), axis=1)

    def synthesise(self, numbers: tf.Tensor, side: int = IMAGE_SIDE) -> tf.Tensor:
        """The image of numbers `[N, D]`, not clipped, at any size: float32 `[N, side, side, 3]`.

        At a smaller side it is sampled there, without the frequencies that do not fit.
        """
        places = np.full(self._kept.size, len(self), np.int64)
        places[self._kept.ravel()] = np.arange(len(self))
        flat = tf.gather(tf.pad(numbers, [[0, 0], [0, 1]]), places, axis=1)
        x = tf.reshape(flat, [-1, self.radius, self.radius, 3])
        fits = min(self.radius, side)
        rows = cosines(fits, side) * np.float32(np.sqrt(side / IMAGE_SIDE))
        x = tf.einsum("nkld,dc->nklc", x[:, :fits, :fits], _COLOURS.astype(np.float32))
        x = tf.einsum("nklc,kh->nhlc", x, rows)
        return tf.einsum("nhlc,lw->nhwc", x, rows)
