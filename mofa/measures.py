"""How well codes describe pictures of faces."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from mofa import code as codes
from mofa.arrays import Array
from mofa.face_renderer import FaceRenderer
from mofa.losses import draw_region


class Measures:
    """Measures codes against photographs of the camera's size.

    Args:
      renderer: the decoder.
      region: float32 [V], the part of the face in which colours are compared.
    """

    def __init__(self, renderer: FaceRenderer, region: Array) -> None:
        self._renderer, self._region = renderer, tf.constant(region)
        self._errors = tf.function(self._photometric_batch, autograph=False, reduce_retracing=True)
        self._geometry = tf.function(
            lambda code: (renderer.vertices(code), self._landmarks(code)),
            autograph=False,
            reduce_retracing=True,
        )

    def photometric(self, code: Array, photographs: Array, batch: int = 8) -> Array:
        """Mean absolute difference of colours inside the face: float32 [N], grey levels of 255.

        Args:
          code: float32 [N, 257].
          photographs: float32 [N, H, W, 3] in [0, 1].
          batch: how many at a time.
        """
        return np.concatenate(
            [
                self._errors(code[i : i + batch], photographs[i : i + batch]).numpy()
                for i in range(0, len(code), batch)
            ]
        )

    def landmark(self, code: Array, points: Array) -> Array:
        """Mean distance of the five landmarks by the distance of the eyes: float32 [N].

        Args:
          code: float32 [N, 257].
          points: float32 [N, 5, 2] in pixels of the camera.
        """
        found = self.five(code)
        apart = np.linalg.norm(points[:, 0] - points[:, 1], axis=-1)
        return np.asarray(np.linalg.norm(found - points, axis=-1).mean(axis=-1) / apart)

    def five(self, code: Array) -> Array:
        """Where the five landmarks of codes lie: float32 [N, 5, 2], pixels; NaN without them."""
        return np.concatenate(
            [self._geometry(code[i : i + 32])[1].numpy() for i in range(0, len(code), 32)]
        )

    def vertices(self, code: Array, truth: Array) -> Array:
        """Mean distance of vertices from their true places in the head: float32 [N], mm.

        Pose is left out: a face that is right but farther away is right.

        Args:
          code: float32 [N, 257].
          truth: float32 [N, 257].
        """
        result = []
        for i in range(0, len(code), 32):
            pair = []
            for each in (code[i : i + 32], truth[i : i + 32]):
                still = np.array(each)
                still[:, codes.SLICES["rotation"]] = 0.0
                still[:, codes.SLICES["translation"]] = 0.0
                pair.append(self._geometry(still)[0].numpy())
            result.append(np.linalg.norm(pair[0] - pair[1], axis=-1).mean(axis=-1))
        return np.concatenate(result)

    def _photometric_batch(self, code: tf.Tensor, photographs: tf.Tensor) -> tf.Tensor:
        image, shown = draw_region(self._renderer, self._renderer.face(code), self._region)
        error = tf.reduce_mean(tf.abs(tf.clip_by_value(image, 0.0, 1.0) - photographs), axis=-1)
        return 255.0 * tf.math.divide_no_nan(
            tf.reduce_sum(error * shown, axis=[1, 2]), tf.reduce_sum(shown, axis=[1, 2])
        )

    def _landmarks(self, code: tf.Tensor) -> tf.Tensor:
        return self._renderer.five_landmarks(self._renderer.face(code))


def code_errors(code: Array, truth: Array, spread: Array) -> dict[str, float]:
    """Root mean square error of each part of the code, in units of its spread.

    Args:
      code: float32 [N, 257].
      truth: float32 [N, 257].
      spread: float32 [257], the standard deviation of each number.

    Returns:
      A number for each part; 1 is what the mean code would do.
    """
    relative = (code - truth) / np.maximum(spread, 1e-6)
    return {
        name: float(np.sqrt(np.mean(np.square(relative[:, part]))))
        for name, part in codes.SLICES.items()
    }
