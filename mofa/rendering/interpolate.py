"""Vertex attributes at the pixels of a framebuffer."""

from __future__ import annotations

import tensorflow as tf

from mofa.rendering import shapes
from mofa.rendering.framebuffer import Framebuffer


def interpolate_vertex_attribute(
    attribute: tf.Tensor,
    framebuffer: Framebuffer,
    background_value: tf.Tensor | None = None,
    name: str = "interpolate_vertex_attribute",
) -> tf.Tensor:
    """Interpolate one more attribute after rasterising.

    Args:
      attribute: float32 [A1, ..., An, V, K].
      framebuffer: of images [A1, ..., An, H, W].
      background_value: [K], what uncovered pixels get; zeros if None.
      name: name of the operation.

    Returns:
      float32 [A1, ..., An, H, W, K].

    Raises:
      ValueError: shapes do not fit.
    """
    with tf.name_scope(name):
        attribute = tf.convert_to_tensor(attribute, dtype=tf.float32)
        shapes.check("attribute", attribute, [None, None])
        shapes.check_batch(
            {"attribute": attribute, "framebuffer.barycentrics": framebuffer.barycentrics},
            {"attribute": 2, "framebuffer.barycentrics": 3},
        )
        batch = tf.reduce_prod(tf.shape(attribute)[:-2])
        count, channels = tf.shape(attribute)[-2], tf.shape(attribute)[-1]
        image = tf.shape(framebuffer.vertex_ids)
        index = tf.reshape(framebuffer.vertex_ids, [batch, -1])
        index += tf.range(batch)[:, None] * count
        corners = tf.gather(tf.reshape(attribute, [-1, channels]), tf.reshape(index, [-1]))
        corners = tf.reshape(corners, tf.concat((image, [channels]), axis=0))
        value = tf.reduce_sum(framebuffer.barycentrics[..., None] * corners, axis=-2)
        if background_value is not None:
            background = tf.convert_to_tensor(background_value, tf.float32)
            value += (1.0 - framebuffer.foreground_mask) * background
        value.set_shape([*framebuffer.barycentrics.shape[:-1], attribute.shape[-1]])
        return value
