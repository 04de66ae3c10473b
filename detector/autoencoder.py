"""The detector's network: an autoencoder that learns what normal faces look like.

Table 1 of Teng 2021: ResNet-50 to a code of 1024, taken as 2x2x256, then six transposed
convolutions up to 224x224x3. Beside it there may be a linear path, which the paper does not have:
principal components of normal images give the code and, from the code, an image; ResNet-50 then
adds to the code and the transposed convolutions to the image.
"""

from __future__ import annotations

import dataclasses
import os

import tensorflow as tf

from detector.band import Band
from detector.pca import LinearCode, check_count
from detector.resnet50 import resnet50, scaled
from weights import keras_h5
from weights.errors import InputError
from weights.imagenet_files import read_imagenet

layers = tf.keras.layers

IMAGE_SIZE = (224, 224)
"""(height, width) of the images that are reconstructed."""

SMALLEST_ENCODER_SIZE = 32

LINEAR = "linear"
"""The layer of the linear path, a `LinearCode`."""

_CODE_SIDE = 2
# From here on the transposed convolutions see the linear path's image, at twice their own size.
_SMALLEST_SHOWN = 28
# Maps and side of each transposed convolution; all have stride 2.
_DECODER = ((256, 7), (128, 4), (128, 4), (64, 4), (32, 4), (3, 4))


@dataclasses.dataclass(frozen=True)
class AutoencoderConfig:
    """The size of a detector. The defaults are the paper's (Table 1).

    Attributes:
      width: factor on the maps of ResNet-50.
      decoder_width: factor on the maps of the decoder, but for the first transposed convolution.
      first_width: factor on the maps of the first, whose 7x7 kernel holds three quarters of the
        decoder's numbers.
      code: numbers of the code, a multiple of 4.
      band: radius of the frequencies that the linear path looks at, see `Band`; 0 for no such path.
      encoder_size: side to which the encoder shrinks its images, with antialiasing; 224 leaves
        them as they are.
    """

    width: float = 1.0
    decoder_width: float = 1.0
    first_width: float = 1.0
    code: int = 1024
    band: int = 0
    encoder_size: int = IMAGE_SIZE[0]

    def __post_init__(self) -> None:
        for name in ("width", "decoder_width", "first_width"):
            if not 0.0 < getattr(self, name) <= 4.0:
                raise InputError(
                    f"`{name}` must lie above 0 and be at most 4, got {getattr(self, name)}."
                )
        if not SMALLEST_ENCODER_SIZE <= self.encoder_size <= IMAGE_SIZE[0]:
            raise InputError(
                f"`encoder_size` must lie from {SMALLEST_ENCODER_SIZE} to {IMAGE_SIZE[0]}, got "
                f"{self.encoder_size}."
            )
        if not 4 <= self.code <= 4096 or self.code % _CODE_SIDE**2:
            raise InputError(f"`code` must be a multiple of 4 from 4 to 4096, got {self.code}.")
        if self.band:
            check_count(Band(self.band), self.code)


def autoencoder(
    config: AutoencoderConfig | None = None, precision: str = "float32", momentum: float = 0.99
) -> tf.keras.Model:
    """A detector with random weights.

    Args:
      config: its size.
      precision: Keras policy of the hidden layers, `float32` or `mixed_bfloat16`.
      momentum: of BatchNorm's moving statistics; short trainings need less than Keras' 0.99.

    Returns:
      A model from float32 RGB images `[N, 224, 224, 3]` in [0, 1] to reconstructions of the same
      shape, type and range. Normalisation and resizing lie inside and are differentiable.
    """
    config = config or AutoencoderConfig()
    images = tf.keras.Input((*IMAGE_SIZE, 3), name="images", dtype="float32")
    x = images
    if config.encoder_size != IMAGE_SIZE[0]:
        x = tf.image.resize(x, [config.encoder_size] * 2, antialias=True)
    x = resnet50(x, config.width, precision, momentum)
    linear = LinearCode(Band(config.band), config.code, LINEAR) if config.band else None
    # Beside a linear path the network begins with nothing to add to it.
    begin = "zeros" if linear else "glorot_uniform"
    x = layers.Dense(config.code, kernel_initializer=begin, dtype=precision, name="code")(x)
    if linear:
        code = layers.Add(dtype="float32", name="code_sum")([linear(images), x])
        x = code
    maps = config.code // _CODE_SIDE**2
    x = layers.Reshape((_CODE_SIDE, _CODE_SIDE, maps), dtype=precision, name="code_map")(x)
    for number, (filters, kernel) in enumerate(_DECODER, 1):
        side, last = int(x.shape[1]), number == len(_DECODER)
        if linear and side >= _SMALLEST_SHOWN:
            shown = tf.nn.space_to_depth(linear(code, side=2 * side), 2)
            x = layers.Concatenate(dtype=precision, name=f"shown{number}")([x, shown])
        width = config.first_width if number == 1 else config.decoder_width
        x = layers.Conv2DTranspose(
            filters if last else scaled(filters, width),
            kernel,
            2,
            # From 2x2 a "valid" 7x7 gives 9x9; Table 1 has 7x7, so one pixel goes on each side.
            padding="valid" if number == 1 else "same",
            kernel_initializer=begin if last else "glorot_uniform",
            dtype=precision,
            name=f"deconv{number}",
        )(x)
        if number == 1:
            x = layers.Cropping2D(1, dtype=precision, name="deconv1_crop")(x)
        if not last:
            x = layers.BatchNormalization(momentum=momentum, dtype=precision, name=f"bn{number}")(x)
            x = layers.ReLU(dtype=precision, name=f"relu{number}")(x)
    if linear:
        x = layers.Add(dtype="float32", name="image_sum")([linear(code, side=IMAGE_SIZE[0]), x])
        x = layers.ReLU(max_value=1.0, dtype="float32", name="reconstruction")(x)
    else:
        x = layers.Activation("sigmoid", dtype="float32", name="reconstruction")(x)
    return tf.keras.Model(images, x, name="detector")


def linear_path(model: tf.keras.Model) -> LinearCode | None:
    """The linear path of a model of `autoencoder`; None where it has none."""
    return next((layer for layer in model.layers if isinstance(layer, LinearCode)), None)


def start_from_imagenet(model: tf.keras.Model, path: str | os.PathLike[str]) -> None:
    """Give a full-width detector's encoder the weights that Keras ships for ImageNet.

    Args:
      model: of `autoencoder(AutoencoderConfig(width=1.0))`.
      path: Keras' `.h5` of ResNet-50, with or without its top.

    Raises:
      InputError: the file is missing, damaged or of another network, or the encoder is narrower.
    """
    numbers = read_imagenet(path, "resnet50").layers
    current = keras_h5.layer_weights(model)
    for name, arrays in numbers.items():
        if {key: array.shape for key, array in arrays.items()} != {
            key: array.shape for key, array in current.get(name, {}).items()
        }:
            raise InputError("ImageNet weights fit an encoder of `width=1` only.")
        current[name] = dict(arrays)
    keras_h5.assign(model, current)
