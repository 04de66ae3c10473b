"""VGG-Face's weights from every file they come in.

- MatConvNet's `.mat` in both layouts: Oxford's `vgg_face.mat` (a structure `net`) and
  `vgg-face.mat` of MatConvNet's own page (`layers` and `meta` side by side). RGB; the mean is read
  from the file.
- Keras `.h5` by layer name: `rcmalli_vggface_tf_vgg16.h5` (BGR) and the project's own files.
- Keras `.h5` by order: deepface's `vgg_face_weights.h5`, a fully convolutional network with
  names that Keras made up. It was made from the `.mat`, hence RGB and the `.mat`'s mean here;
  deepface itself feeds it BGR in [0, 1].

A fully connected layer behind a 7x7 map and a 7x7 convolution are the same numbers in the same
order, since Keras flattens height, width and channels in this order.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from weights import file_kinds, keras_h5
from weights.errors import InputError
from weights.mat_file import load_mat
from weights.network_attributes import stating_its_size
from weights.network_weights import NetworkWeights, source_attributes
from weights.vgg_face_layout import (
    DENSE_UNITS,
    MEAN_BGR,
    MEAN_RGB,
    vgg_face_shapes,
)

NETWORK = "vgg_face"
_NAMES = tuple(vgg_face_shapes())
_HEAD = ("fc6", "fc7", "fc8")
# The file of full width takes 554 MiB; MatConvNet's stores nothing else of size.
_LARGEST_MAT = 640 << 20
_Numbers = NDArray[np.float32]
_Shapes = Mapping[str, Mapping[str, tuple[int, ...]]]


def read_vgg_face(path: str | os.PathLike[str]) -> NetworkWeights:
    """Read VGG-Face's weights from any of the formats above.

    Width, number of classes and input size are taken from the shapes in the file.

    Args:
      path: the file.

    Raises:
      InputError: the file is missing, damaged, hostile, or of another network.
    """
    path = Path(path)
    start = file_kinds.first_bytes(path)
    if start.startswith(file_kinds.HDF5):
        return _read_keras(path)
    if start.startswith((file_kinds.MATLAB_5, file_kinds.MATLAB_73)):
        return _read_mat(path)
    raise InputError(
        f"{path}: {file_kinds.describe(path)}. VGG-Face is read from MatConvNet's .mat or "
        "from a Keras .h5 (rcmalli, deepface)."
    )


def _read_keras(path: Path) -> NetworkWeights:
    found = keras_h5.file_shapes(path)
    said = keras_h5.read_attributes(path)
    if "conv1_1" in found:
        stored_as = {name: name for name in _NAMES if name in found}
        order, mean = "BGR", MEAN_BGR
    elif len(found) in (len(_NAMES) - 1, len(_NAMES)):
        stored_as = dict(zip(_NAMES, found, strict=False))
        order, mean = "RGB", MEAN_RGB
    else:
        raise InputError(
            f"{path}: {len(found)} layers with weights under names unknown here; VGG-Face has "
            f"{len(_NAMES)}. It is of another network."
        )
    stored = {name: found[layer] for name, layer in stored_as.items()}
    shapes = _shapes(path, stored, said)
    layers, _ = keras_h5.read_layer_weights(
        path, {stored_as[name]: stored[name] for name in shapes}
    )
    attributes = {
        **source_attributes(path, NETWORK, "Keras HDF5"),
        **_settings(stored),
        "channel_order": order,
        "mean": list(mean),
        # A file of the project says all this itself.
        **said,
    }
    return NetworkWeights(
        {
            name: {
                weight: values.reshape(shapes[name][weight])
                for weight, values in layers[stored_as[name]].items()
            }
            for name in shapes
        },
        attributes,
    )


def _read_mat(path: Path) -> NetworkWeights:
    data = load_mat(path, _LARGEST_MAT)
    net = data.get("net", data)
    layers = _field(net, "layers")
    if layers is None:
        raise InputError(
            f"{path}: no network of MatConvNet: neither `net.layers` nor `layers` is in it."
        )
    # Layers without numbers (ReLU, pooling, dropout, softmax) lie between.
    numbers = [n for n in map(_layer_numbers, np.ravel(layers)) if n]
    if len(numbers) not in (len(_NAMES) - 1, len(_NAMES)):
        raise InputError(
            f"{path}: {len(numbers)} layers with weights, VGG-Face has {len(_NAMES)}; it is of "
            "another network."
        )
    named = dict(zip(_NAMES, numbers, strict=False))
    stored = {
        name: {"kernel": kernel.shape, "bias": bias.shape} for name, (kernel, bias) in named.items()
    }
    shapes = _shapes(path, stored, {})
    attributes = {
        **source_attributes(path, NETWORK, "MatConvNet"),
        **_settings(stored),
        "channel_order": "RGB",
        "mean": _average_image(net),
    }
    arrays = {
        name: {
            "kernel": np.ascontiguousarray(kernel).reshape(shapes[name]["kernel"]),
            "bias": bias,
        }
        for name, (kernel, bias) in named.items()
    }
    if not all(np.isfinite(v).all() for layer in arrays.values() for v in layer.values()):
        raise InputError(f"{path}: holds numbers that are not finite; it is damaged.")
    return NetworkWeights(arrays, attributes)


def _settings(stored: _Shapes) -> dict[str, Any]:
    """Width, classes and input size of a network, from its shapes."""
    kernel = stored["fc6"]["kernel"]
    channels = stored["conv5_3"]["kernel"][-1]
    settings: dict[str, Any] = {
        "width": kernel[-1] / DENSE_UNITS,
        # fc6 sees a square map, a 32nd of the input.
        "input_size": 32 * math.isqrt(math.prod(kernel[:-1]) // max(channels, 1)),
    }
    if "fc8" in stored:
        settings["classes"] = stored["fc8"]["kernel"][-1]
    return settings


def _shapes(path: Path, stored: _Shapes, said: Mapping[str, Any]) -> _Shapes:
    """The shapes of the project's model for this file.

    Raises:
      InputError: what is stored does not fit them, as dense layers or as convolutions.
    """
    missing = [name for name in _NAMES[:-1] if name not in stored]
    if missing:
        raise InputError(
            f"{path}: without {', '.join(missing[:3])}; VGG-Face with its fully connected layers "
            "is needed, not a file made without its top."
        )
    if any(set(weights) != {"kernel", "bias"} for weights in stored.values()):
        raise InputError(f"{path}: its layers hold no kernel and bias; another network.")
    if not all(len(weights["kernel"]) in (2, 4) for weights in stored.values()):
        raise InputError(f"{path}: its kernels are no convolutions; another network.")
    settings = {**_settings(stored), **{k: said[k] for k in ("width", "input_size") if k in said}}
    with stating_its_size(path):
        width, input_size = float(settings["width"]), int(settings["input_size"])
        shapes = vgg_face_shapes(width, settings.get("classes"), input_size)
    for name, expected in shapes.items():
        allowed = [expected["kernel"]]
        if name in _HEAD:
            side = input_size // 32 if name == "fc6" else 1
            inputs, units = expected["kernel"]
            allowed.append((side, side, inputs // max(side, 1) ** 2, units))
        if stored[name]["kernel"] not in allowed or stored[name]["bias"] != expected["bias"]:
            raise InputError(
                f"{path}: {name} has shapes {stored[name]['kernel']} and {stored[name]['bias']}, "
                f"VGG-Face has {allowed[-1]} and {expected['bias']}; it is of another network."
            )
    return shapes


def _field(structure: Any, name: str) -> Any:
    """A field of a structure or a variable of a file; None if there is none."""
    return structure.get(name) if isinstance(structure, Mapping) else None


def _layer_numbers(layer: Any) -> tuple[_Numbers, _Numbers] | None:
    """Kernel `[h, w, inputs, outputs]` and bias of a layer of MatConvNet, if it has some."""
    pair = _field(layer, "weights")  # a cell of two; older files have two fields instead
    kernel, bias = _field(layer, "filters"), _field(layer, "biases")
    if isinstance(pair, np.ndarray) and pair.size == 2:
        kernel, bias = np.ravel(pair)
    if not _is_numeric(kernel) or not _is_numeric(bias):
        return None
    # MATLAB drops trailing axes of size one.
    kernel = kernel.reshape(kernel.shape + (1,) * (4 - kernel.ndim))
    return kernel.astype(np.float32, copy=False), bias.astype(np.float32, copy=False).reshape(-1)


def _is_numeric(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind in "fiu" and value.size > 0


def _average_image(net: Any) -> list[float]:
    """The mean that training images were freed of; for a whole image, its mean colour."""
    for holder in (_field(net, "meta"), net):
        image = _field(_field(holder, "normalization"), "averageImage")
        if _is_numeric(image) and image.shape[-1] == 3:
            return [float(v) for v in image.reshape(-1, 3).mean(axis=0, dtype=np.float64)]
        if _is_numeric(image) and image.size == 3:
            return [float(v) for v in np.ravel(image)]
    return list(MEAN_RGB)
