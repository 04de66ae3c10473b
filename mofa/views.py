"""Pictures that show what a code says of a photograph."""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from mofa import code as codes
from mofa.arrays import Array
from mofa.face_renderer import FaceRenderer, default_light
from mofa.losses import draw_region
from mofa.rendering import spherical_harmonics

NAMES = ("overlay", "reconstruction", "geometry", "albedo", "frontal")
_GREY = 0.75
_BACKGROUND = 0.92


class Views:
    """Draws codes in several ways.

    Args:
      renderer: the decoder.
      region: float32 [V], the part of the face that is laid over photographs, see
        `mofa.face_region`.
    """

    def __init__(self, renderer: FaceRenderer, region: Array) -> None:
        self._renderer, self._region = renderer, tf.constant(region)
        self._light = default_light()
        height, width = renderer.camera.image_size
        self._draw = tf.function(
            self._draw_batch,
            autograph=False,
            input_signature=[
                tf.TensorSpec([None, codes.SIZE], tf.float32),
                tf.TensorSpec([None, height, width, 3], tf.float32),
            ],
        )

    def __call__(self, code: Array, photographs: Array, batch: int = 8) -> dict[str, Array]:
        """Draw a batch of codes.

        Args:
          code: float32 [N, 257].
          photographs: float32 [N, H, W, 3] in [0, 1], of the camera's size.
          batch: how many at a time.

        Returns:
          Name to float32 [N, H, W, 3] in [0, 1]: `overlay` (the face over the photograph),
          `reconstruction` (the whole head), `geometry` (its shape in grey), `albedo` (without
          light) and `frontal` (facing the camera in the default light).
        """
        parts = [
            self._draw(code[i : i + batch], photographs[i : i + batch])
            for i in range(0, len(code), batch)
        ]
        return {name: tf.concat([part[name] for part in parts], 0).numpy() for name in NAMES}

    def _draw_batch(self, code: tf.Tensor, photographs: tf.Tensor) -> dict[str, tf.Tensor]:
        face = self._renderer.face(code)
        image, shown = draw_region(self._renderer, face, self._region)
        shown = shown[..., None]
        grey = tf.fill(tf.shape(face.albedo), _GREY) * spherical_harmonics.shade(
            face.normals, tf.tile(self._light[None], [tf.shape(code)[0], 1, 1])
        )
        parts = codes.split(code)
        still = tf.zeros_like(parts.rotation)
        facing = codes.join(
            dataclasses.replace(
                parts, rotation=still, translation=still, light=tf.zeros_like(parts.light)
            )
        )

        def drawn(colours: tf.Tensor) -> tf.Tensor:
            return self._renderer.draw(dataclasses.replace(face, colours=colours)).over(_BACKGROUND)

        return {
            "overlay": tf.clip_by_value(image * shown + photographs * (1.0 - shown), 0.0, 1.0),
            "reconstruction": drawn(face.colours),
            "geometry": drawn(grey),
            "albedo": drawn(face.albedo),
            "frontal": self._renderer.render(facing).over(_BACKGROUND),
        }
