"""ResNet-50 (He et al. 2016), the detector's encoder, at any width.

Layers carry the names that `tf.keras.applications` gives them, so that the ImageNet weights that
Keras ships fit at width 1.
"""

from __future__ import annotations

import tensorflow as tf

from weights.imagenet_files import MEAN_BGR

layers = tf.keras.layers

_FIRST_MAPS = 64
# Stage, blocks, maps of the inner convolutions at width 1, stride of the first block.
_STAGES = ((2, 3, 64, 1), (3, 4, 128, 2), (4, 6, 256, 2), (5, 3, 512, 2))
_BATCH_NORM_EPSILON = 1.001e-5


def scaled(maps: int, width: float) -> int:
    """The number of maps at a reduced width, at least 1."""
    return max(1, round(maps * width))


def resnet50(
    images: tf.Tensor, width: float = 1.0, precision: str = "float32", momentum: float = 0.99
) -> tf.Tensor:
    """Pooled features of images.

    The normalisation inside is the one that Keras' ImageNet weights were trained with: BGR over
    0-255 minus a mean, not divided by a standard deviation.

    Args:
      images: float32 `[N, H, W, 3]`, RGB in [0, 1].
      width: factor on all feature maps.
      precision: Keras policy of the layers.
      momentum: of BatchNorm.

    Returns:
      `[N, 2048 width]`, in the policy's arithmetic.
    """

    def convolution(
        x: tf.Tensor, name: str, maps: int, side: int, stride: int = 1, relu: bool = True
    ) -> tf.Tensor:
        x = layers.Conv2D(
            maps,
            side,
            stride,
            padding="same" if stride == 1 else "valid",
            kernel_initializer="he_normal",
            dtype=precision,
            name=f"{name}_conv",
        )(x)
        x = layers.BatchNormalization(
            epsilon=_BATCH_NORM_EPSILON, momentum=momentum, dtype=precision, name=f"{name}_bn"
        )(x)
        return layers.ReLU(dtype=precision, name=f"{name}_relu")(x) if relu else x

    def block(x: tf.Tensor, name: str, maps: int, stride: int, widen: bool) -> tf.Tensor:
        shortcut = convolution(x, f"{name}_0", 4 * maps, 1, stride, relu=False) if widen else x
        x = convolution(x, f"{name}_1", maps, 1, stride)
        x = convolution(x, f"{name}_2", maps, 3)
        x = convolution(x, f"{name}_3", 4 * maps, 1, relu=False)
        x = layers.Add(dtype=precision, name=f"{name}_add")([shortcut, x])
        return layers.ReLU(dtype=precision, name=f"{name}_out")(x)

    bgr = tf.reverse(images, axis=[-1])
    x = layers.Rescaling(
        255.0, offset=[-mean for mean in MEAN_BGR], dtype="float32", name="normalise"
    )(bgr)
    x = layers.ZeroPadding2D(3, dtype=precision, name="conv1_pad")(x)
    x = convolution(x, "conv1", scaled(_FIRST_MAPS, width), 7, 2)
    x = layers.ZeroPadding2D(1, dtype=precision, name="pool1_pad")(x)
    x = layers.MaxPool2D(3, 2, dtype=precision, name="pool1_pool")(x)
    for stage, blocks, maps, stride in _STAGES:
        for number in range(1, blocks + 1):
            first = number == 1
            name = f"conv{stage}_block{number}"
            x = block(x, name, scaled(maps, width), stride if first else 1, widen=first)
    return layers.GlobalAveragePooling2D(dtype=precision, name="avg_pool")(x)
