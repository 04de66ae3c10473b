"""FaceNet's network (Schroff et al. 2015) as released by Sandberg: Inception-ResNet-v1.

Architecture after `inception_resnet_v1.py` of the `facenet` project and Szegedy et al. 2016: every
convolution is without bias and followed by BatchNorm without gamma (epsilon 0.001) and ReLU; each
residual block ends in a 1x1 convolution with bias alone, whose output is scaled and added.

The paper's checkpoint is 20170512-110547 (128 dimensions, trained on MS-Celeb-1M).
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable

import tensorflow as tf

from weights import keras_h5, registry
from weights.errors import InputError
from weights.facenet_files import PREPROCESSING, default_preprocessing, read_facenet
from weights.facenet_layout import BATCH_NORM_EPSILON, EMBEDDING_SIZES

INPUT_SIZE = 160
_MOMENTUM = 0.995


def facenet(
    weights: str | os.PathLike[str] | None = None,
    embedding_size: int | None = None,
    preprocessing: str | None = None,
) -> tf.keras.Model:
    """Inception-ResNet-v1, frozen and in inference mode, with its preprocessing inside.

    Args:
      weights: the path of a file in any of the formats of `weights.facenet_files` (frozen graph,
        TensorFlow 1 checkpoint, Keras `.h5`, PyTorch `.pt`, safetensors), a name that
        `weights.registry` knows ("20170512-110547"), or None for random numbers.
      embedding_size: 128 (the 2017 checkpoints) or 512 (2018); None: what the file holds, 128
        without a file.
      preprocessing: "prewhiten" (2017), "fixed" (2018) or "none", see `preprocess`; None: what
        the file says, else "prewhiten" for 128 and "fixed" for 512 dimensions.

    Returns:
      A model from float32 RGB images `[N, H, W, 3]` in [0, 1], 160x160 in the original and any
      size from 75 here, to `[N, embedding_size]`: the bottleneck behind its BatchNorm, not
      normalised to unit length.

    Raises:
      InputError: the file is missing, damaged, or of another network or embedding size.
    """
    if embedding_size not in (None, *EMBEDDING_SIZES):
        raise ValueError(f"embedding_size must be one of {EMBEDDING_SIZES}; got {embedding_size}")
    if preprocessing not in (None, *PREPROCESSING):
        raise ValueError(f"preprocessing must be one of {PREPROCESSING}; got {preprocessing!r}")
    if weights is None:
        size = embedding_size or 128
        return _build(size, preprocessing or default_preprocessing(size))
    numbers = read_facenet(registry.resolve(weights, "facenet"))
    size = numbers.attributes["embedding_size"]
    if embedding_size not in (None, size):
        raise InputError(f"{weights}: gives {size} dimensions, not {embedding_size}.")
    model = _build(size, preprocessing or numbers.attributes["preprocessing"])
    keras_h5.assign(model, numbers.layers)
    return model


def facenet_in_parts(
    weights: str | os.PathLike[str],
) -> tuple[Callable[[tf.Tensor], tf.Tensor], tf.keras.Model]:
    """FaceNet as its preprocessing, fixed by the file, and the network behind it.

    Raises:
      InputError: as `facenet`.
    """
    numbers = read_facenet(registry.resolve(weights, "facenet"))
    model = _build(numbers.attributes["embedding_size"], "none")
    keras_h5.assign(model, numbers.layers)
    return functools.partial(preprocess, kind=numbers.attributes["preprocessing"]), model


def preprocess(images: tf.Tensor, kind: str) -> tf.Tensor:
    """FaceNet's standardisation of images.

    Args:
      images: float32 `[N, H, W, 3]` in [0, 1].
      kind: "prewhiten": each image minus its mean, over its standard deviation (but at least
        1 / sqrt(number of values), in grey levels); "fixed": (255 x - 127.5) / 128; "none".

    Returns:
      float32 `[N, H, W, 3]`.
    """
    if kind == "none":
        return images
    images = images * 255.0
    if kind == "fixed":
        return (images - 127.5) / 128.0
    mean = tf.reduce_mean(images, axis=[1, 2, 3], keepdims=True)
    centred = images - mean
    variance = tf.reduce_mean(tf.square(centred), axis=[1, 2, 3], keepdims=True)
    count = tf.cast(tf.reduce_prod(tf.shape(images)[1:]), images.dtype)
    # The floor inside the root keeps the gradient of a constant image finite.
    return centred * tf.math.rsqrt(tf.maximum(variance, 1.0 / count))


def _build(embedding_size: int, preprocessing: str) -> tf.keras.Model:
    image = tf.keras.Input((None, None, 3), name="image", dtype="float32")
    x = preprocess(image, preprocessing)
    x = _convolution(x, "Conv2d_1a_3x3", 32, 3, strides=2, padding="valid")
    x = _convolution(x, "Conv2d_2a_3x3", 32, 3, padding="valid")
    x = _convolution(x, "Conv2d_2b_3x3", 64, 3)
    x = _max_pool(x, "MaxPool_3a_3x3")
    x = _convolution(x, "Conv2d_3b_1x1", 80, 1, padding="valid")
    x = _convolution(x, "Conv2d_4a_3x3", 192, 3, padding="valid")
    x = _convolution(x, "Conv2d_4b_3x3", 256, 3, strides=2, padding="valid")
    for block in range(1, 6):
        x = _block35(x, f"Block35_{block}")
    x = _mixed_6a(x)
    for block in range(1, 11):
        x = _block17(x, f"Block17_{block}")
    x = _mixed_7a(x)
    for block in range(1, 6):
        x = _block8(x, f"Block8_{block}", scale=0.2)
    x = _block8(x, "Block8_6", scale=1.0, activation=False)
    x = tf.keras.layers.GlobalAveragePooling2D(name="AvgPool")(x)
    # Dropout stands here in training; frozen, it does nothing.
    x = tf.keras.layers.Dense(embedding_size, use_bias=False, name="Bottleneck")(x)
    x = _batch_norm(x, "Bottleneck_BatchNorm")
    model = tf.keras.Model(image, x, name="facenet")
    # Keras runs BatchNorm that is not trainable in inference mode, whatever the call says.
    model.trainable = False
    return model


def _block35(x: tf.Tensor, name: str) -> tf.Tensor:
    a = _convolution(x, f"{name}_Branch_0_Conv2d_1x1", 32, 1)
    b = _convolution(x, f"{name}_Branch_1_Conv2d_0a_1x1", 32, 1)
    b = _convolution(b, f"{name}_Branch_1_Conv2d_0b_3x3", 32, 3)
    c = _convolution(x, f"{name}_Branch_2_Conv2d_0a_1x1", 32, 1)
    c = _convolution(c, f"{name}_Branch_2_Conv2d_0b_3x3", 32, 3)
    c = _convolution(c, f"{name}_Branch_2_Conv2d_0c_3x3", 32, 3)
    return _residual(x, [a, b, c], name, scale=0.17)


def _block17(x: tf.Tensor, name: str) -> tf.Tensor:
    a = _convolution(x, f"{name}_Branch_0_Conv2d_1x1", 128, 1)
    b = _convolution(x, f"{name}_Branch_1_Conv2d_0a_1x1", 128, 1)
    b = _convolution(b, f"{name}_Branch_1_Conv2d_0b_1x7", 128, (1, 7))
    b = _convolution(b, f"{name}_Branch_1_Conv2d_0c_7x1", 128, (7, 1))
    return _residual(x, [a, b], name, scale=0.1)


def _block8(x: tf.Tensor, name: str, scale: float, activation: bool = True) -> tf.Tensor:
    a = _convolution(x, f"{name}_Branch_0_Conv2d_1x1", 192, 1)
    b = _convolution(x, f"{name}_Branch_1_Conv2d_0a_1x1", 192, 1)
    b = _convolution(b, f"{name}_Branch_1_Conv2d_0b_1x3", 192, (1, 3))
    b = _convolution(b, f"{name}_Branch_1_Conv2d_0c_3x1", 192, (3, 1))
    return _residual(x, [a, b], name, scale, activation)


def _mixed_6a(x: tf.Tensor) -> tf.Tensor:
    a = _convolution(x, "Mixed_6a_Branch_0_Conv2d_1a_3x3", 384, 3, strides=2, padding="valid")
    b = _convolution(x, "Mixed_6a_Branch_1_Conv2d_0a_1x1", 192, 1)
    b = _convolution(b, "Mixed_6a_Branch_1_Conv2d_0b_3x3", 192, 3)
    b = _convolution(b, "Mixed_6a_Branch_1_Conv2d_1a_3x3", 256, 3, strides=2, padding="valid")
    c = _max_pool(x, "Mixed_6a_Branch_2_MaxPool_1a_3x3")
    return tf.keras.layers.Concatenate(name="Mixed_6a")([a, b, c])


def _mixed_7a(x: tf.Tensor) -> tf.Tensor:
    a = _convolution(x, "Mixed_7a_Branch_0_Conv2d_0a_1x1", 256, 1)
    a = _convolution(a, "Mixed_7a_Branch_0_Conv2d_1a_3x3", 384, 3, strides=2, padding="valid")
    b = _convolution(x, "Mixed_7a_Branch_1_Conv2d_0a_1x1", 256, 1)
    b = _convolution(b, "Mixed_7a_Branch_1_Conv2d_1a_3x3", 256, 3, strides=2, padding="valid")
    c = _convolution(x, "Mixed_7a_Branch_2_Conv2d_0a_1x1", 256, 1)
    c = _convolution(c, "Mixed_7a_Branch_2_Conv2d_0b_3x3", 256, 3)
    c = _convolution(c, "Mixed_7a_Branch_2_Conv2d_1a_3x3", 256, 3, strides=2, padding="valid")
    d = _max_pool(x, "Mixed_7a_Branch_3_MaxPool_1a_3x3")
    return tf.keras.layers.Concatenate(name="Mixed_7a")([a, b, c, d])


def _convolution(
    x: tf.Tensor,
    name: str,
    filters: int,
    side: int | tuple[int, int],
    strides: int = 1,
    padding: str = "same",
) -> tf.Tensor:
    x = tf.keras.layers.Conv2D(filters, side, strides, padding, use_bias=False, name=name)(x)
    x = _batch_norm(x, f"{name}_BatchNorm")
    return tf.keras.layers.ReLU(name=f"{name}_Activation")(x)


def _batch_norm(x: tf.Tensor, name: str) -> tf.Tensor:
    return tf.keras.layers.BatchNormalization(
        momentum=_MOMENTUM, epsilon=BATCH_NORM_EPSILON, scale=False, name=name
    )(x)


def _max_pool(x: tf.Tensor, name: str) -> tf.Tensor:
    return tf.keras.layers.MaxPool2D(3, 2, padding="valid", name=name)(x)


def _residual(
    x: tf.Tensor, branches: list[tf.Tensor], name: str, scale: float, activation: bool = True
) -> tf.Tensor:
    mixed = tf.keras.layers.Concatenate(name=f"{name}_Concatenate")(branches)
    up = tf.keras.layers.Conv2D(x.shape[-1], 1, name=f"{name}_Conv2d_1x1")(mixed)
    up = tf.keras.layers.Rescaling(scale, name=f"{name}_ScaleSum")(up)
    x = tf.keras.layers.Add(name=f"{name}_Add")([x, up])
    return tf.keras.layers.ReLU(name=f"{name}_Activation")(x) if activation else x
