"""Randomization (Xie et al. 2018), the baseline of Table 1: random resizing, then random padding.

The original draws a side in [299, 331), resizes (nearest neighbour) and pads with zeros to 331 at a
random place, in the input space of a 299 network. Here the same proportions: [160, 177) to 177 for
a network of 160, [150, 166) to 166 for one of 150. The paper does not say which sides it took for
FaceNet; the wide range is the original's literal 32 pixels, [160, 192) to 192.
"""

from __future__ import annotations

import tensorflow as tf

ORIGINAL_PIXELS = 32
"""By which the original's largest side is above its input's."""


def randomized_size(input_size: int, wide: bool = False) -> int:
    """Side of the padded input for a network of `input_size`: 331 for 299.

    Args:
      input_size: side of the network's own input.
      wide: as many pixels more as in the original, not as large a share.
    """
    if wide:
        return input_size + ORIGINAL_PIXELS
    return round(331 / 299 * input_size)


def randomize(
    inputs: tf.Tensor, output_size: int, padding: tuple[float, ...], seed: tf.Tensor
) -> tf.Tensor:
    """Resize and pad each image in its own random way; differentiable in the pixels.

    Args:
      inputs: float `[N, S, S, C]`, the network's own input (after its standardisation).
      output_size: side of the result, above S.
      padding: colour of the padding, one number or C.
      seed: int `[2]`; the same seed gives the same draw (stateless).

    Returns:
      `[N, output_size, output_size, C]`.

    Raises:
      ValueError: `output_size` is not above S, or `inputs` is not square.
    """
    size = inputs.shape[1]
    if inputs.shape.rank != 4 or inputs.shape[2] != size or output_size <= size:
        raise ValueError(
            f"inputs must be [N, S, S, C] with S < output_size = {output_size}, got {inputs.shape}."
        )
    count = tf.shape(inputs)[0]
    seeds = tf.random.experimental.stateless_split(seed, 2)
    side = tf.random.stateless_uniform([count], seeds[0], size, output_size, tf.int32)
    uniform = tf.random.stateless_uniform([2, count], seeds[1])
    free = tf.cast(output_size - side, tf.float32) + 1.0
    offsets = tf.cast(tf.floor(uniform * free), tf.int32)

    def source(offset: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """For each output row or column `[N, output_size]`: its source, and whether it has one."""
        place = tf.range(output_size)[None] - offset[:, None]
        inside = (place >= 0) & (place < side[:, None])
        return tf.clip_by_value(place * size // side[:, None], 0, size - 1), inside

    rows, rows_inside = source(offsets[0])
    columns, columns_inside = source(offsets[1])
    resized = tf.gather(
        tf.gather(inputs, rows, axis=1, batch_dims=1), columns, axis=2, batch_dims=1
    )
    inside = rows_inside[:, :, None, None] & columns_inside[:, None, :, None]
    return tf.where(inside, resized, tf.constant(padding, inputs.dtype))
