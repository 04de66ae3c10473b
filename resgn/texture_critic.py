"""The default texture critic: VGG-Face's layout at reduced width, trained on face identities.

VGG-16 is hard to train from random weights as it stands, so BatchNorm follows every layer while
it learns; afterwards it is folded into the layer, which leaves VGG-Face's own layout.
"""

from __future__ import annotations

import dataclasses
import os

import tensorflow as tf

from weights import keras_h5
from weights.batch_norm import fold_batch_norm
from weights.errors import InputError
from weights.vgg_face_layout import BLOCKS, DENSE_UNITS, MEAN_RGB, scaled

layers = tf.keras.layers

SHIFT = 5
SMALLEST_INPUT = 32
"""Pixels; five pools halve the side."""


@dataclasses.dataclass(frozen=True)
class CriticConfig:
    """The size of a critic. The defaults are those of `weights/vgg_face_small.h5`.

    Attributes:
      width: factor on VGG-16's maps and units, in (0, 1].
      input_size: side of the images that it sees, pixels.
    """

    width: float = 0.125
    input_size: int = 160

    def __post_init__(self) -> None:
        if not 0.0 < self.width <= 1.0:
            raise InputError(f"`width` must lie in (0, 1], got {self.width}.")
        if self.input_size < SMALLEST_INPUT:
            raise InputError(
                f"`input_size` must be at least {SMALLEST_INPUT}, got {self.input_size}."
            )


def identity_classifier(config: CriticConfig, classes: int) -> tf.keras.Model:
    """The critic with BatchNorm and a softmax layer on top, as it is trained.

    Args:
      config: its size.
      classes: number of people.

    Returns:
      A model from float32 RGB `[N, S, S, 3]` in [0, 1] to logits `[N, classes]`.
    """
    width = config.width
    images = layers.Input((config.input_size, config.input_size, 3))
    x = layers.Rescaling(255.0, offset=[-value for value in MEAN_RGB])(images)
    for block, convolutions, maps in BLOCKS:
        for index in range(1, convolutions + 1):
            name = f"conv{block}_{index}"
            x = layers.Conv2D(scaled(maps, width), 3, padding="same", use_bias=False, name=name)(x)
            x = layers.ReLU()(layers.BatchNormalization(name=f"{name}_bn")(x))
        x = layers.MaxPool2D()(x)
    x = layers.Flatten()(x)
    for name in ("fc6", "fc7"):
        x = layers.Dense(scaled(DENSE_UNITS, width), use_bias=False, name=name)(x)
        x = layers.ReLU(name=f"{name}_relu")(layers.BatchNormalization(name=f"{name}_bn")(x))
    return tf.keras.Model(images, layers.Dense(classes, name="fc8")(x), name="identity_classifier")


def augment(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Mirror, shift by a few pixels, vary light and contrast, sometimes drop the colour.

    Args:
      images: float32 `[N, S, S, 3]` in [0, 1].
      seed: int `[2]`.
    """
    seeds = tf.random.experimental.stateless_split(seed, 5)
    shape = tf.shape(images)
    images = tf.image.stateless_random_flip_left_right(images, seeds[0])
    padded = tf.pad(images, [[0, 0], [SHIFT, SHIFT], [SHIFT, SHIFT], [0, 0]], mode="SYMMETRIC")
    images = tf.image.stateless_random_crop(padded, shape, seeds[1])
    each = [shape[0], 1, 1, 1]
    contrast = tf.random.stateless_uniform(each, seeds[2], 0.7, 1.3)
    light = tf.random.stateless_uniform(each, seeds[3], -0.15, 0.15)
    grey = tf.random.stateless_uniform(each, seeds[4]) < 0.2
    images = tf.where(grey, tf.image.rgb_to_grayscale(images), images)
    return tf.clip_by_value((images - 0.5) * contrast + 0.5 + light, 0.0, 1.0)


def save_critic(
    model: tf.keras.Model, config: CriticConfig, path: str | os.PathLike[str], source: str
) -> None:
    """Fold BatchNorm away and write what `resgn.vgg_face` reads.

    Args:
      model: of `identity_classifier`, trained.
      config: its size.
      path: the file.
      source: where the weights come from, in a sentence.
    """
    attributes = {
        "source": source,
        "width": config.width,
        "input_size": config.input_size,
        "channel_order": "RGB",
        "mean": list(MEAN_RGB),
    }
    keras_h5.save_layer_weights(fold_batch_norm(model), path, attributes)
