"""A ResGN over images of any size: padded to its grid, and in tiles where they are large."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from resgn.generator import GeneratorConfig
from resgn.target import to_float

TILE = 512
"""Side in pixels of the part of an image that is cleaned at a time."""


class ImageCleaner:
    """Cleans batches of images of one size; compiled once for all sizes.

    Args:
      model: of `residual_generator(config)`.
      config: its size.
      tile: side of a tile in pixels, `TILE` by default.
    """

    def __init__(self, model: tf.keras.Model, config: GeneratorConfig, tile: int = TILE) -> None:
        self.traces = 0
        self._scale = config.scale
        self._margin = reach(config)
        self._tile = max(tile // config.scale, 1) * config.scale

        @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], tf.float32)])
        def clean(images: tf.Tensor) -> tf.Tensor:
            self.traces += 1
            return model(images, training=False)

        self._clean = clean

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Clean images.

        Args:
          images: uint8 RGB `[N, H, W, 3]`, any H and W.

        Returns:
          uint8 `[N, H, W, 3]`. Tiles overlap by as much as the network sees, so that they leave no
          seams.

        Raises:
          ValueError: another shape or type.
        """
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] != 3:
            raise ValueError(
                f"images: expected uint8 [N, H, W, 3], got {images.dtype} {list(images.shape)}"
            )
        height, width = images.shape[1:3]
        below, right = -height % self._scale, -width % self._scale
        padded = np.pad(images, [(0, 0), (0, below), (0, right), (0, 0)], mode="edge")
        cleaned = np.empty_like(padded)
        for top in range(0, padded.shape[1], self._tile):
            for left in range(0, padded.shape[2], self._tile):
                # A slice ends at the border by itself.
                y, x = max(top - self._margin, 0), max(left - self._margin, 0)
                bottom, end = top + self._tile, left + self._tile
                part = padded[:, y : bottom + self._margin, x : end + self._margin]
                result = np.rint(self._clean(to_float(part)).numpy() * 255.0).astype(np.uint8)
                cleaned[:, top:bottom, left:end] = result[
                    :, top - y : bottom - y, left - x : end - x
                ]
        return cleaned[:, :height, :width]


def reach(config: GeneratorConfig) -> int:
    """How far from a pixel, in pixels, lie those that its cleaned value depends on at most."""
    layers = config.in_kernel // 2 + 2 * config.blocks + 1 + config.out_kernel // 2
    return (layers + 1) * config.scale
