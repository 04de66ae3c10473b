"""dlib's face ResNet (King, 2017) as a Keras model: 29 convolutions, 128 numbers for a face.

The network is the one of dlib's `face_recognition_model_v1`, 99.38 % on LFW by its author, public
domain. Its layers, from dlib's own description of the network: 7x7 stride 2 to 32 maps, ReLU, 3x3
max pool of stride 2; residual blocks of two 3x3 convolutions, 32 maps three times, 64 four times,
128 three times, 256 three times and 256 once more, where the first block of every stage but the
32s halves the resolution; global average; a dense layer without bias.

A halving block strides its first convolution by 2 without padding and pools its shortcut 2x2. The
two then differ in channels and, by rounding, in height and width: dlib adds them as if the smaller
were filled up with zeros to the right, below and behind.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from weights import dlib_format, file_kinds, keras_h5, registry

INPUT_SIZE = 150
CHANNEL_MEAN = (122.782, 117.001, 104.298)
_CHANNEL_SCALE = 256.0
_STAGES = ((32, 3), (64, 4), (128, 3), (256, 3), (256, 1))


def dlib_resnet(
    weights: str | os.PathLike[str] | None = "dlib", input_size: int | None = None
) -> tf.keras.Model:
    """dlib's face ResNet, frozen, with its normalisation inside.

    The affine layers are constants and therefore folded into the convolutions in front of them:
    what is left has 29 convolutions with bias and nothing between them but ReLU and additions.

    Args:
      weights: "dlib" for the file inside the PyPI package `face-recognition-models`, the path of
        such a `.dat`, the path of a Keras `.h5` made from it, or None for random numbers.
      input_size: height and width S of the input, 150 if None. The pooling is global, so that
        any size from 103 runs; the released weights were trained for 150.

    Returns:
      A model from float32 RGB images `[N, S, S, 3]` in [0, 1] to descriptors `[N, 128]`, as dlib
      gives them: not normalised to unit length (dlib's own threshold is a distance of 0.6).

    Raises:
      InputError: the file is missing, damaged or of another network.
    """
    size = INPUT_SIZE if input_size is None else int(input_size)
    if size < 103:
        raise ValueError(
            f"input_size must be at least 103 (the network halves it often); got {size}"
        )
    model = _build(size)
    if weights is None:
        return model
    path = registry.resolve(weights, "dlib")
    if file_kinds.first_bytes(path).startswith(file_kinds.HDF5):
        keras_h5.load_weights(model, path)
    else:
        _assign(model, dlib_format.read_face_resnet(path))
    return model


def _build(size: int) -> tf.keras.Model:
    names = _convolution_names()
    image = tf.keras.Input((size, size, 3), name="image", dtype="float32")
    # (255 x - mean) / 256, each channel with its own mean.
    x = tf.keras.layers.Rescaling(
        255.0 / _CHANNEL_SCALE, offset=[-m / _CHANNEL_SCALE for m in CHANNEL_MEAN], name="normalise"
    )(image)
    x = _convolution(32, 7, 2, "valid", next(names))(x)
    x = tf.keras.layers.ReLU()(x)
    x = tf.keras.layers.MaxPool2D(3, 2, padding="valid")(x)
    for stage, (filters, blocks) in enumerate(_STAGES):
        for block in range(blocks):
            x = _residual_block(x, filters, halve=stage > 0 and block == 0, names=names)
    x = tf.keras.layers.GlobalAveragePooling2D()(x)
    x = tf.keras.layers.Dense(dlib_format.DESCRIPTOR_SIZE, use_bias=False, name="descriptor")(x)
    model = tf.keras.Model(image, x, name="dlib_resnet")
    model.trainable = False
    return model


def _residual_block(x: tf.Tensor, filters: int, halve: bool, names: Iterator[str]) -> tf.Tensor:
    shortcut = x
    stride, padding = (2, "valid") if halve else (1, "same")
    x = _convolution(filters, 3, stride, padding, next(names))(x)
    x = tf.keras.layers.ReLU()(x)
    x = _convolution(filters, 3, 1, "same", next(names))(x)
    if halve:
        shortcut = tf.keras.layers.AvgPool2D(2, 2, padding="valid")(shortcut)
    shape = [max(a, b) for a, b in zip(x.shape[1:], shortcut.shape[1:], strict=True)]
    x = tf.keras.layers.Add()([_zero_pad(x, shape), _zero_pad(shortcut, shape)])
    return tf.keras.layers.ReLU()(x)


def _zero_pad(x: tf.Tensor, shape: list[int]) -> tf.Tensor:
    """Fill up `[N, h, w, c]` with zeros at the far ends to `[N, *shape]`."""
    missing = [target - own for target, own in zip(shape, x.shape[1:], strict=True)]
    return _FillUp(missing)(x) if any(missing) else x


class _FillUp(tf.keras.layers.Layer):
    """Zeros behind the last rows, columns and channels; a layer so that Keras can copy it."""

    def __init__(self, missing: list[int], **kwargs: object) -> None:
        super().__init__(**kwargs)
        self._missing = missing

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """From `[N, h, w, c]` to that and as many more as are missing."""
        return tf.pad(inputs, [[0, 0], *([0, after] for after in self._missing)])

    def get_config(self) -> dict[str, object]:
        """What `from_config` takes."""
        return super().get_config() | {"missing": list(self._missing)}


def _convolution(
    filters: int, side: int, stride: int, padding: str, name: str
) -> tf.keras.layers.Layer:
    # HeNormal keeps the random network (weights=None) from fading out.
    return tf.keras.layers.Conv2D(
        filters, side, stride, padding, kernel_initializer="he_normal", name=name
    )


def _convolution_names() -> Iterator[str]:
    """`stem`, `block32_1_a`, `block32_1_b`, ... in order from the input."""
    yield "stem"
    for stage, (filters, blocks) in enumerate(_STAGES):
        label = f"block{filters}" if stage < 4 else f"block{filters}b"
        for block in range(1, blocks + 1):
            yield f"{label}_{block}_a"
            yield f"{label}_{block}_b"


def _assign(model: tf.keras.Model, numbers: dlib_format.FaceResnet) -> None:
    for name, convolution in zip(_convolution_names(), numbers.convolutions, strict=True):
        gamma, beta = convolution.gamma, convolution.beta
        # gamma (kernel * x + bias) + beta, with float64 between so that folding costs no accuracy.
        kernel = convolution.kernel.astype(np.float64) * gamma[:, None, None, None]
        bias = convolution.bias.astype(np.float64) * gamma + beta
        model.get_layer(name).set_weights([kernel.transpose(2, 3, 1, 0), bias])
    model.get_layer("descriptor").set_weights([numbers.dense])
