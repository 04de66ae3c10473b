"""ResGN, the residual generative network (Su et al. 2019, Section 3.1, Figure 1a).

The layout is SRResNet's (Ledig et al. 2017) without its upscaling, which the paper cites as its
model: k9n64s1, residual blocks of two k3n64s1, one more k3n64s1 under a long skip, k9n3s1 and tanh.
"""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from weights.errors import InputError

layers = tf.keras.layers

# TensorLayer's defaults, with which the authors' code base was written, not Keras' 0.99 and 1e-3.
BATCH_NORM_MOMENTUM = 0.9
BATCH_NORM_EPSILON = 1e-5


@dataclasses.dataclass(frozen=True)
class GeneratorConfig:
    """What a ResGN looks like. The defaults are the paper's.

    Attributes:
      blocks: number of residual blocks.
      maps: feature maps of every convolution but the last.
      in_kernel: side of the first kernel (9 as in SRResNet; 3 as in tensorlayer/srgan).
      out_kernel: side of the last kernel (9 as in SRResNet; 1 as in tensorlayer/srgan).
      scale: 1 works at the image's resolution, as the paper does. s > 1 folds s x s pixels into
        channels first (space to depth) and unfolds them last (sub-pixel convolution): s * s times
        less work. Not in the paper.
      image_skip: add the input to the output of a last layer that starts at zero, so that training
        starts from the identity. Not in the paper.
    """

    blocks: int = 24
    maps: int = 64
    in_kernel: int = 9
    out_kernel: int = 9
    scale: int = 1
    image_skip: bool = False

    def __post_init__(self) -> None:
        for name in ("blocks", "maps", "in_kernel", "out_kernel", "scale"):
            if getattr(self, name) < 1:
                raise InputError(f"ResGN: `{name}` must be at least 1, got {getattr(self, name)}.")


def residual_generator(
    config: GeneratorConfig,
    precision: str = "float32",
    batch_norm_momentum: float = BATCH_NORM_MOMENTUM,
    synchronized: bool = False,
) -> tf.keras.Model:
    """Build a ResGN.

    Args:
      config: the network's size.
      precision: Keras policy of the hidden layers, e.g. `float32` or `mixed_bfloat16`. Variables
        and output are float32 in any case.
      batch_norm_momentum: of the moving statistics; 0 where they are to be measured anew.
      synchronized: BatchNorm takes the statistics of the batches of all replicas together.

    Returns:
      A model from float32 RGB `[N, H, W, 3]` in [0, 1] to the same shape and range, for any H and W
      that are multiples of `config.scale`. 24 blocks of 64 maps have 1,850,051 parameters, 6,272 of
      them moving statistics.
    """
    policy = tf.keras.mixed_precision.Policy(precision)

    def convolution(maps: int, kernel: int, **kwargs: object) -> tf.keras.layers.Layer:
        return layers.Conv2D(maps, kernel, padding="same", dtype=policy, **kwargs)

    def normalized(x: tf.Tensor, name: str) -> tf.Tensor:
        # No bias: BatchNorm's offset would take it up.
        x = convolution(config.maps, 3, use_bias=False, name=f"{name}_conv")(x)
        return layers.BatchNormalization(
            momentum=batch_norm_momentum,
            epsilon=BATCH_NORM_EPSILON,
            synchronized=synchronized,
            dtype=policy,
            name=f"{name}_bn",
        )(x)

    images = layers.Input((None, None, 3), dtype=tf.float32, name="images")
    x = layers.Rescaling(2.0, offset=-1.0, dtype=tf.float32, name="to_tanh_range")(images)
    if config.scale > 1:
        x = layers.Lambda(lambda t: tf.nn.space_to_depth(t, config.scale), name="fold")(x)
    x = convolution(config.maps, config.in_kernel, activation="relu", name="first")(x)
    first = x
    for block in range(1, config.blocks + 1):
        y = normalized(x, f"block{block}a")
        y = layers.ReLU(dtype=policy, name=f"block{block}_relu")(y)
        y = normalized(y, f"block{block}b")
        x = layers.Add(dtype=policy, name=f"block{block}_add")([x, y])
    x = normalized(x, "post")
    x = layers.Add(dtype=policy, name="long_skip")([x, first])
    x = convolution(
        3 * config.scale**2,
        config.out_kernel,
        name="last",
        kernel_initializer="zeros" if config.image_skip else "glorot_uniform",
    )(x)
    if config.scale > 1:
        x = layers.Lambda(lambda t: tf.nn.depth_to_space(t, config.scale), name="unfold")(x)
    x = layers.Activation("linear", dtype=tf.float32, name="to_float32")(x)
    return tf.keras.Model(
        images, _Output(config.image_skip, name="cleaned")([images, x]), name="resgn"
    )


class _Output(tf.keras.layers.Layer):
    """The last step into [0, 1]: tanh as in the paper, or input plus change, clipped."""

    def __init__(self, image_skip: bool, **kwargs: object) -> None:
        super().__init__(dtype=tf.float32, **kwargs)
        self._image_skip = image_skip

    def call(self, inputs: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        """Map (images, last convolution), both `[N, H, W, 3]`, to cleaned images in [0, 1]."""
        images, change = inputs
        if not self._image_skip:
            return (tf.tanh(change) + 1.0) / 2.0
        return clip_straight_through(images + change / 2.0)


@tf.custom_gradient
def clip_straight_through(images: tf.Tensor) -> tuple[tf.Tensor, object]:
    """Clip to [0, 1], with a gradient that leads back from outside.

    A plain clip has no gradient beyond its bounds, so that a pixel that left them never returns.
    Here a gradient that points further out is stopped and one that points back in passes.
    """

    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        # Descent moves against `upstream`.
        outward = ((images < 0.0) & (upstream > 0.0)) | ((images > 1.0) & (upstream < 0.0))
        return tf.where(outward, 0.0, upstream)

    return tf.clip_by_value(images, 0.0, 1.0), gradient
