"""The baseline of reconstructions: the mean face, brought to a photograph by pose and light."""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow as tf

from mofa import code as codes
from mofa.arrays import Array
from mofa.encoder import output_scale
from mofa.face_renderer import FaceRenderer
from mofa.losses import AutoencoderLoss, Weights

POSE_AND_LIGHT = ("rotation", "translation", "light")


@dataclasses.dataclass(frozen=True)
class Descent:
    """How the fit descends.

    Attributes:
      iterations: steps of Adam.
      learning_rate: at its highest, in units of each number's usual spread; it falls along a
        cosine.
      batch: how many photographs at a time, at the most.
      photometric: see `AutoencoderLoss`.
    """

    iterations: int = 100
    learning_rate: float = 0.1
    batch: int = 16
    photometric: str = "vertex"


def fit_mean_face(
    renderer: FaceRenderer,
    photographs: Array,
    points: Array,
    descent: Descent | None = None,
) -> Array:
    """Bring the mean face to photographs by pose and light alone.

    Args:
      renderer: the decoder.
      photographs: float32 [N, H, W, 3] in [0, 1], of the camera's size.
      points: float32 [N, 5 or 68, 2], landmarks in pixels.
      descent: how.

    Returns:
      float32 [N, 257]; shape, expression and albedo are zero.
    """
    descent = descent or Descent()
    scale = np.zeros(codes.SIZE, np.float32)
    for name in POSE_AND_LIGHT:
        scale[codes.SLICES[name]] = output_scale("spread")[codes.SLICES[name]]
    loss = AutoencoderLoss(renderer, Weights(regulariser=0.0), descent.photometric)
    batch = min(descent.batch, len(photographs))
    free = tf.Variable(tf.zeros([batch, codes.SIZE]))
    rate = tf.keras.optimizers.schedules.CosineDecay(descent.learning_rate, descent.iterations)
    optimizer = tf.keras.optimizers.Adam(rate, jit_compile=False)
    optimizer.build([free])

    @tf.function(autograph=False)
    def step(images: tf.Tensor, places: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            # The terms are means over the batch; Adam does not mind the factor.
            total = tf.add_n(list(loss(free * scale, images, places).values()))
        optimizer.apply_gradients([(tape.gradient(total, free), free)])

    result = np.zeros([len(photographs), codes.SIZE], np.float32)
    for first in range(0, len(photographs), batch):
        # The last batch is filled up with photographs that have had their turn.
        rows = np.arange(first, first + batch) % len(photographs)
        for variable in (free, *optimizer.variables):
            variable.assign(tf.zeros_like(variable))
        images, places = tf.constant(photographs[rows]), tf.constant(points[rows])
        for _ in range(descent.iterations):
            step(images, places)
        result[rows] = free.numpy() * scale
    return result
