"""Images as López's attack on FaceNet has them, which Su et al. 2019 cite: another image range.

His script whitens each crop as FaceNet wants it, then stretches all of them together to [0, 1] by
their common smallest and largest number, attacks there, and gives FaceNet the result as it is. One
unit is then the span of all whitened images, so that the same epsilon is a stronger attack on a
flat photograph than on plain images, and FaceNet works away from what it was trained on.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow as tf

from resgn.facenet import preprocess
from resgn.target import Target, to_float

_BATCH = 256


def whitened_to_unit(images: np.ndarray) -> np.ndarray:
    """Each image whitened, all of them stretched to [0, 1] together, in 8 bits.

    Args:
      images: uint8 `[N, H, W, 3]`.

    Returns:
      uint8, the same shape; 0 is the smallest number of any whitened image, 255 the largest.
    """
    batches = range(0, len(images), _BATCH)
    found = (_whitened(images[start : start + _BATCH]) for start in batches)
    ends = np.array([(batch.min(), batch.max()) for batch in found])
    low, high = float(ends[:, 0].min()), float(ends[:, 1].max())
    span = max(high - low, 1e-6)
    stretched = np.empty_like(images)
    for start in batches:
        unit = (_whitened(images[start : start + _BATCH]) - low) / span
        stretched[start : start + _BATCH] = np.round(255.0 * unit)
    return stretched


def without_preprocessing(target: Target) -> Target:
    """The same network, which takes images of [0, 1] as they are."""
    return dataclasses.replace(target, prepare=tf.identity)


def _whitened(images: np.ndarray) -> np.ndarray:
    return np.asarray(preprocess(to_float(images), "prewhiten"))
