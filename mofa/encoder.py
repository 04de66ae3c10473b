"""MoFA's encoder: from a photograph of a face to its code of 257 numbers.

VGG-19 (Simonyan and Zisserman 2015) in the layout of `tf.keras.applications`, or AlexNet in the
layout of Krizhevsky 2014, "One weird trick", without the pooling of later ports; both with a last
layer of 257 that starts at zero, so that training begins with the mean face (Tewari et al. 2017,
Section 3; Teng 2021, Section 4.1). At full width VGG-19 has 140,623,169 parameters.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from mofa import code as codes
from mofa.area_resize import area_resize
from mofa.arrays import Array
from weights import keras_h5, made_for
from weights.batch_norm import fold_batch_norm
from weights.errors import InputError, brief
from weights.imagenet_files import MEAN_BGR, read_imagenet

NETWORKS = ("vgg19", "alexnet")
SCALINGS = ("lineage", "spread")
DOWNSCALINGS = ("antialias", "area")
IMAGE_SIZE = (224, 224)
"""(height, width) of the images that an encoder is given."""

_WEIGHTS = Path(__file__).parents[1] / "weights"
DEFAULT_PATH = _WEIGHTS / "mofa_encoder_small.h5"
"""VGG-19's layout, as the paper attacks it, with the open face model."""
ALEXNET_PATH = _WEIGHTS / "mofa_encoder_alexnet.h5"
"""AlexNet's layout with the learned face model, which draws faces better."""

layers = tf.keras.layers

# Block, convolutions, maps at width 1; a pool ends each block.
_VGG19 = ((1, 2, 64), (2, 2, 128), (3, 4, 256), (4, 4, 512), (5, 4, 512))
# Maps, side, stride, whether a pool follows.
_ALEXNET = ((64, 11, 4, True), (192, 5, 1, True), (384, 3, 1, False), (256, 3, 1, False))
_ALEXNET_LAST = (256, 3, 1, True)
_DENSE_UNITS = 4096


@dataclasses.dataclass(frozen=True)
class EncoderConfig:
    """The size of an encoder. The defaults are the paper's.

    Attributes:
      network: `vgg19` or `alexnet`.
      width: factor on the maps of every convolution.
      dense_units: of the two hidden fully connected layers; 4096 times the width if None.
      input_size: side to which images are brought before the first convolution.
      batch_norm: BatchNorm behind every layer, for training alone: `save` folds it away.
      scaling: what the last layer's output is multiplied by: `lineage` is that of the MoFA
        implementations behind the paper (albedo 3, rotation 0.3, z-translation 0.005, which slows
        that number down as MoFA's own learning rate for it does); `spread` is about the standard
        deviation of each number over rendered faces.
      downscaling: how images are brought to `input_size`: `antialias` is bilinear with a kernel as
        wide as two new pixels; `area` is the mean over each new pixel, see `mofa.area_resize`.
    """

    network: str = "vgg19"
    width: float = 1.0
    dense_units: int | None = None
    input_size: int = 224
    batch_norm: bool = False
    scaling: str = "lineage"
    downscaling: str = "antialias"

    def __post_init__(self) -> None:
        choices = {"network": NETWORKS, "scaling": SCALINGS, "downscaling": DOWNSCALINGS}
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise InputError(
                    f"`{name}` must be one of {', '.join(allowed)}; got {getattr(self, name)!r}"
                )
        if not 0.0 < self.width <= 4.0:
            raise InputError(f"`width` must lie above 0 and be at most 4; got {self.width}")
        smallest = {"vgg19": 32, "alexnet": 63}[self.network]
        if self.input_size < smallest:
            raise InputError(
                f"`input_size` must be at least {smallest} for {self.network}; got "
                f"{self.input_size}"
            )
        if self.dense_units is not None and self.dense_units < 1:
            raise InputError(f"`dense_units` must be positive; got {self.dense_units}")


def output_scale(scaling: str) -> Array:
    """What the last layer's output is multiplied by: float32 [257]; see `EncoderConfig`."""
    result = np.ones(codes.SIZE, np.float32)

    def put(name: str, value: float | tuple[float, ...]) -> None:
        result[codes.SLICES[name]] = value

    if scaling == "lineage":
        put("albedo", 3.0)
        put("rotation", 0.3)
        put("translation", (1.0, 1.0, 0.005))
    else:
        put("expression", 0.5)
        put("rotation", (0.15, 0.3, 0.1))
        put("translation", (8.0, 8.0, 60.0))
        put("light", 0.12)
    return result


def build(
    config: EncoderConfig | None = None, precision: str = "float32", synchronized: bool = False
) -> tf.keras.Model:
    """An encoder with random weights, which gives the zero code for every image.

    Args:
      config: its size.
      precision: Keras policy of the hidden layers, `float32` or `mixed_bfloat16`.
      synchronized: BatchNorm takes the statistics of the batches of all replicas together.

    Returns:
      A model from float32 RGB images [N, 224, 224, 3] in [0, 1] to codes float32 [N, 257].
      Resizing and normalisation are inside and differentiable; images of another size are taken,
      too, as long as they are square and show the same section.
    """
    config = config or EncoderConfig()
    image, x = trunk(config, precision, synchronized)
    code = layers.Dense(codes.SIZE, kernel_initializer="zeros", name="code", dtype="float32")(x)
    return tf.keras.Model(image, code * output_scale(config.scaling), name="mofa_encoder")


def trunk(
    config: EncoderConfig, precision: str = "float32", synchronized: bool = False
) -> tuple[tf.Tensor, tf.Tensor]:
    """The network up to its second fully connected layer.

    Args:
      config: its size.
      precision: Keras policy of the hidden layers.
      synchronized: see `build`.

    Returns:
      Its input, RGB images float32 [N, H, W, 3] in [0, 1], and its features float32 [N, units].
    """
    hidden = _Hidden(config, precision, synchronized)
    image = tf.keras.Input((None, None, 3), name="image", dtype="float32")
    # By either way every pixel counts, and a picture may come at any size.
    if config.downscaling == "area":
        x = area_resize(image, config.input_size)
    else:
        x = tf.image.resize(image, (config.input_size, config.input_size), antialias=True)
    # As the ImageNet weights that Keras ships want it.
    x = layers.Rescaling(
        255.0, offset=[-mean for mean in MEAN_BGR], name="normalise", dtype="float32"
    )(tf.reverse(x, axis=[-1]))
    if config.batch_norm:
        x = layers.Rescaling(1.0 / 64.0, name="unit", dtype="float32")(x)
    if config.network == "vgg19":
        for block, convolutions, maps in _VGG19:
            for index in range(1, convolutions + 1):
                x = hidden.convolution(x, f"block{block}_conv{index}", maps, 3)
            x = layers.MaxPool2D(2, 2, name=f"block{block}_pool", dtype=precision)(x)
    else:
        for index, (maps, side, stride, pool) in enumerate((*_ALEXNET, _ALEXNET_LAST), 1):
            x = hidden.convolution(x, f"conv{index}", maps, side, stride)
            if pool:
                x = layers.MaxPool2D(3, 2, name=f"pool{index}", dtype=precision)(x)
    x = layers.Flatten(name="flatten", dtype=precision)(x)
    units = config.dense_units or max(1, round(_DENSE_UNITS * config.width))
    for name in ("fc1", "fc2"):
        x = hidden.dense(x, name, units)
    return image, tf.cast(x, tf.float32)


class _Hidden:
    """Convolutions and dense layers with what follows each of them."""

    def __init__(self, config: EncoderConfig, precision: str, synchronized: bool) -> None:
        self._config, self._precision = config, precision
        self._synchronized = synchronized

    def convolution(
        self, x: tf.Tensor, name: str, maps: int, side: int, stride: int = 1
    ) -> tf.Tensor:
        if stride > 1:
            # AlexNet's first layer pads two pixels on each side.
            x = layers.ZeroPadding2D(2, name=f"{name}_pad", dtype=self._precision)(x)
        layer = layers.Conv2D(
            max(1, round(maps * self._config.width)),
            side,
            stride,
            padding="valid" if stride > 1 else "same",
            use_bias=not self._config.batch_norm,
            kernel_initializer="he_normal",
            name=name,
            dtype=self._precision,
        )
        return self._activate(layer(x), name)

    def dense(self, x: tf.Tensor, name: str, units: int) -> tf.Tensor:
        layer = layers.Dense(
            units,
            use_bias=not self._config.batch_norm,
            kernel_initializer="he_normal",
            name=name,
            dtype=self._precision,
        )
        return self._activate(layer(x), name)

    def _activate(self, x: tf.Tensor, name: str) -> tf.Tensor:
        if self._config.batch_norm:
            x = layers.BatchNormalization(
                momentum=0.98,
                name=f"{name}_bn",
                dtype=self._precision,
                synchronized=self._synchronized,
            )(x)
        return layers.ReLU(name=f"{name}_relu", dtype=self._precision)(x)


def save(
    model: tf.keras.Model,
    config: EncoderConfig,
    path: str | os.PathLike[str],
    attributes: Mapping[str, Any] | None = None,
    float16: bool = False,
    fold: bool = True,
) -> None:
    """Write an encoder.

    Args:
      model: of `build(config)`.
      config: its size.
      path: where to; the file is whole or absent.
      attributes: what else the file should say of itself: `face_model`, the name of the morphable
        model that it was trained with, and `made_for.attributes`, its content.
      float16: half precision, half the size.
      fold: put BatchNorm into the layers before it, which leaves the network as it is used; with
        False training can go on.
    """
    numbers = keras_h5.layer_weights(model)
    if config.batch_norm and fold:
        folded = fold_batch_norm(model)
        first = "block1_conv1" if config.network == "vgg19" else "conv1"
        folded[first]["kernel"] = folded[first]["kernel"] / np.float32(64.0)
        numbers = {name: numbers[name] for name in (*folded, "code")} | folded
    said = {name: value for name, value in dataclasses.asdict(config).items() if value is not None}
    said["batch_norm"] = int(config.batch_norm and not fold)
    keras_h5.save_layer_weights(numbers, path, {**(attributes or {}), **said}, float16)


def load(
    path: str | os.PathLike[str] | None = None,
    precision: str = "float32",
    trainable: bool = False,
    synchronized: bool = False,
    used: Mapping[str, Path | made_for.Content] | None = None,
    allow_mismatch: bool = False,
    **other: Any,
) -> tuple[tf.keras.Model, EncoderConfig]:
    """Read an encoder that `save` has written.

    Args:
      path: the file; the project's own small encoder if None.
      precision: as for `build`.
      trainable: False freezes it.
      synchronized: as for `build`.
      used: the `face_model` that it is to go with, which is then compared with the one that it was
        trained with, see `weights.made_for`.
      allow_mismatch: take another one with a warning.
      other: values of `EncoderConfig` in place of the file's: another `downscaling`, or another
        `input_size` if the fully connected layers fit.

    Returns:
      The model, see `build`, and its size.

    Raises:
      InputError: the file is missing, damaged, no encoder, or does not fit `other` or `used`.
    """
    path = Path(DEFAULT_PATH if path is None else path)
    said = keras_h5.read_attributes(path)
    try:
        config = EncoderConfig(
            network=str(said["network"]),
            width=float(said["width"]),
            dense_units=int(said["dense_units"]) if "dense_units" in said else None,
            input_size=int(said["input_size"]),
            batch_norm=bool(said["batch_norm"]),
            scaling=str(said["scaling"]),
            downscaling=str(said.get("downscaling", "antialias")),
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError(
            f"{path} is no encoder of MoFA: it does not say its size ({brief(error)})."
        ) from error
    made_for.check(path, used or {}, allow_mismatch, others=(DEFAULT_PATH, ALEXNET_PATH))
    config = dataclasses.replace(config, **other)
    model = build(config, precision, synchronized)
    keras_h5.load_weights(model, path)
    model.trainable = trainable
    return model, config


def face_model(path: str | os.PathLike[str]) -> str:
    """The name of the morphable model that an encoder was trained with, as its file says.

    Args:
      path: a file of `save` whose attributes name its `face_model`; `open` where they do not.

    Raises:
      InputError: the file is missing or damaged.
    """
    return str(keras_h5.read_attributes(path).get("face_model", "open"))


def start_from_imagenet(model: tf.keras.Model, path: str | os.PathLike[str]) -> None:
    """Give a full-width VGG-19 the weights that Keras ships for ImageNet.

    The convolutions come from any of the two files; fc1 and fc2 where the file has its top.

    Args:
      model: of `build(EncoderConfig())`.
      path: `vgg19_weights_tf_dim_ordering_tf_kernels.h5` or `..._notop.h5`.

    Raises:
      InputError: the file is missing, damaged or of another network, or the encoder is no VGG-19
        at full width and 224 pixels.
    """
    top = "fc1" in keras_h5.file_shapes(path)
    numbers = read_imagenet(path, "vgg19", include_top=top).layers
    current = keras_h5.layer_weights(model)
    for name, weights in numbers.items():
        if name == "predictions":
            continue
        shapes = {key: value.shape for key, value in current.get(name, {}).items()}
        if shapes != {key: value.shape for key, value in weights.items()}:
            raise InputError(
                "ImageNet weights fit a vgg19 of width 1 at 224 pixels without BatchNorm only."
            )
        current[name] = dict(weights)
    keras_h5.assign(model, current)
