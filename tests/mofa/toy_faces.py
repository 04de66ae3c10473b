"""Random faces and a tiny encoder, to train on in a moment."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from mofa import code as codes
from mofa import encoder

SIZE = encoder.EncoderConfig(
    width=1 / 32, dense_units=8, input_size=32, batch_norm=True, scaling="spread"
)


class Faces:
    """Random pictures and codes, or landmarks."""

    def __init__(self, truth: tuple[int, ...], broken_from: int = 10**9) -> None:
        self._truth, self._broken_from = truth, broken_from

    def batches(
        self, batch_size: int, seed: int, first: int = 0
    ) -> Iterator[tuple[tf.Tensor, ...]]:
        number = first
        while True:
            rng = np.random.default_rng([seed, number])
            images = rng.random((batch_size, 32, 32, 3), np.float32)
            truth = rng.random((batch_size, *self._truth), np.float32)
            if number >= self._broken_from:
                truth[:] = np.inf
            yield tf.constant(images), tf.constant(truth)
            number += 1


def posed_codes() -> np.ndarray:
    """Three mean faces in other places, turns and lights: float32 [3, 257]."""
    code = np.zeros((3, codes.SIZE), np.float32)
    code[:, codes.SLICES["translation"]] = [(5, -4, 60), (-6, 3, -50), (2, 5, 0)]
    code[:, codes.SLICES["rotation"].start + 1] = (0.3, -0.2, 0.1)
    code[:, codes.SLICES["light"].start] = (0.2, -0.2, 0.1)
    return code
