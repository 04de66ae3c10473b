"""VGG-Face (Parkhi et al. 2015): VGG-16's layout, trained on the faces of 2622 people.

ResGN's texture loss (Eq. 4) compares the output of its second fully connected layer, fc7. The
released file has 145 million parameters; the same layout at a reduced `width` serves as the
default critic.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from weights import keras_h5, registry
from weights.errors import InputError
from weights.vgg_face_files import read_vgg_face
from weights.vgg_face_layout import (
    BLOCKS,
    CLASSES,
    DENSE_UNITS,
    INPUT_SIZE,
    MEAN_BGR,
    MEAN_RGB,
    scaled,
)

OUTPUTS = ("fc7", "fc7_preactivation", "fc8")
CHANNEL_ORDERS = ("RGB", "BGR")


def vgg_face(
    weights: str | os.PathLike[str] | None = None,
    width: float | None = None,
    classes: int | None = None,
    input_size: int | None = None,
    output: str = "fc7",
    channel_order: str | None = None,
    mean: Sequence[float] | None = None,
    dropout: float = 0.0,
    trainable: bool = False,
) -> tf.keras.Model:
    """VGG-Face with its preprocessing inside.

    Images of any size are resized to `input_size` (bilinear, half-pixel centres, no antialiasing),
    taken to 0-255, put into the file's channel order and freed of its mean, all differentiably.

    Args:
      weights: the path of a file in any of the formats of `weights.vgg_face_files` (MatConvNet
        `.mat`, Keras `.h5`), "small" for the project's own critic, a name that
        `weights.registry` knows ("vgg_face_oxford"), or None for random numbers.
        What the file says goes before the defaults named below; a width, number of classes or
        input size that contradicts it is an error.
      width: factor on the filters of every convolution and the units of fc6 and fc7; 1.
      classes: units of fc8; 2622. Only there with `output="fc8"`.
      input_size: height and width that the network sees; 224.
      output: "fc7" (after its ReLU), "fc7_preactivation", or "fc8" (logits).
      channel_order: "RGB" or "BGR", which the network was trained on; the file's, else "RGB".
      mean: three means over 0-255 in that order; the file's, else those of the released one.
      dropout: rate behind fc6 and fc7, for training alone.
      trainable: False freezes the network, as a loss needs it.

    Returns:
      A model from float32 RGB images `[N, H, W, 3]` in [0, 1] to `[N, 4096 width]` for fc7, or
      `[N, classes]`.

    Raises:
      InputError: the file is missing, damaged or of another network.
    """
    if output not in OUTPUTS:
        raise ValueError(f"output must be one of {OUTPUTS}; got {output!r}")
    numbers = None
    said: Mapping[str, Any] = {}
    if weights is not None:
        numbers = read_vgg_face(registry.resolve(weights, "vgg_face"))
        said = numbers.attributes
        if output == "fc8" and "fc8" not in numbers.layers:
            raise InputError(f"{weights}: without fc8, the classifier.")
    settings = {
        "width": _settle("width", width, said, 1.0, weights),
        "classes": _settle("classes", classes, said, CLASSES, weights),
        "input_size": _settle("input_size", input_size, said, INPUT_SIZE, weights),
    }
    order = channel_order or said.get("channel_order", "RGB")
    if order not in CHANNEL_ORDERS:
        error = ValueError if channel_order else InputError
        raise error(f"channel_order must be one of {CHANNEL_ORDERS}; got {order!r}")
    if mean is None:
        # The file's mean is in the file's order, which the caller may know better.
        same = order == said.get("channel_order", order)
        mean = said.get("mean", MEAN_RGB if order == "RGB" else MEAN_BGR)
        mean = mean if same else mean[::-1]
    mean = [float(value) for value in mean]
    if len(mean) != 3:
        raise ValueError(f"mean must hold three values; got {len(mean)}")
    model = _build(**settings, output=output, order=order, mean=mean, dropout=dropout)
    model.trainable = trainable
    if numbers is not None:
        keras_h5.assign(model, numbers.layers)
    return model


def _settle(
    name: str,
    given: Any,
    said: Mapping[str, Any],
    default: Any,
    weights: str | os.PathLike[str] | None,
) -> Any:
    """The given value, the file's or the default; given and file must not differ."""
    if given is not None and name in said and given != said[name]:
        raise InputError(f"{weights}: has {name} {said[name]}, not {given}.")
    return given if given is not None else said.get(name, default)


def _build(
    width: float,
    classes: int,
    input_size: int,
    output: str,
    order: str,
    mean: list[float],
    dropout: float,
) -> tf.keras.Model:
    if width <= 0:
        raise ValueError(f"width must be positive; got {width}")
    if input_size < 32:
        raise ValueError(f"input_size must be at least 32, five pools halve it; got {input_size}")
    layers = tf.keras.layers
    image = tf.keras.Input((None, None, 3), name="image", dtype="float32")
    x = _ToInput(input_size, order == "BGR", name="to_input")(image)
    x = layers.Rescaling(255.0, offset=[-value for value in mean], name="normalise")(x)
    for block, convolutions, filters in BLOCKS:
        for index in range(1, convolutions + 1):
            x = layers.Conv2D(
                scaled(filters, width),
                3,
                padding="same",
                activation="relu",
                kernel_initializer="he_normal",
                name=f"conv{block}_{index}",
            )(x)
        x = layers.MaxPool2D(2, 2, name=f"pool{block}")(x)
    x = layers.Flatten(name="flatten")(x)
    for name in ("fc6", "fc7"):
        x = layers.Dense(scaled(DENSE_UNITS, width), kernel_initializer="he_normal", name=name)(x)
        if (name, output) == ("fc7", "fc7_preactivation"):
            break
        x = layers.ReLU(name=f"{name}_relu")(x)
        if dropout:
            x = layers.Dropout(dropout, name=f"{name}_dropout")(x)
    if output == "fc8":
        x = layers.Dense(classes, name="fc8")(x)
    return tf.keras.Model(image, x, name="vgg_face")


class _ToInput(tf.keras.layers.Layer):
    """Resize to the network's side and put the channels into its order.

    A layer so that Keras can copy it; in float32 whatever the network computes in.
    """

    def __init__(self, side: int, reverse: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs | {"dtype": "float32"})
        self._side, self._reverse = side, reverse

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """From `[N, H, W, 3]` to `[N, side, side, 3]`."""
        images = tf.image.resize(inputs, (self._side, self._side), "bilinear")
        return tf.reverse(images, axis=[-1]) if self._reverse else images

    def get_config(self) -> dict[str, Any]:
        """What `from_config` takes."""
        return super().get_config() | {"side": self._side, "reverse": self._reverse}
