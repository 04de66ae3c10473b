"""What a rasteriser leaves behind at every pixel."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Framebuffer:
    """The visible triangle and the place inside it, for images of any batch shape.

    Attributes:
      barycentrics: float32 [A1, ..., An, H, W, 3], perspective-correct.
      triangle_id: int32 [A1, ..., An, H, W, 1].
      vertex_ids: int32 [A1, ..., An, H, W, 3], the corners of that triangle.
      foreground_mask: float32 [A1, ..., An, H, W, 1].
    """

    barycentrics: tf.Tensor
    triangle_id: tf.Tensor
    vertex_ids: tf.Tensor
    foreground_mask: tf.Tensor

    @classmethod
    def from_rasterized(cls, result: Mapping[str, tf.Tensor], triangles: tf.Tensor) -> Framebuffer:
        """The framebuffer of a call of `triangle_rasterizer.rasterize`.

        Args:
          result: what it returned.
          triangles: [T, 3] int32, what it was given.

        Returns:
          The framebuffer.
        """
        index = result["triangle_indices"]
        return cls(
            barycentrics=result["barycentrics"],
            triangle_id=index,
            vertex_ids=tf.gather(tf.cast(triangles, tf.int32), index[..., 0]),
            foreground_mask=result["mask"],
        )
