"""VGG-19 and ResNet-50 trained on ImageNet, from the `.h5` that Keras ships.

Both were trained on BGR images over 0-255 minus a mean; `tf.keras.applications` calls this
preprocessing "caffe".
"""

from __future__ import annotations

import os
from pathlib import Path

from weights import keras_h5
from weights.errors import InputError
from weights.imagenet_layout import resnet50_shapes, vgg19_shapes
from weights.network_weights import NetworkWeights, source_attributes

MEAN_BGR = (103.939, 116.779, 123.68)
_SHAPES = {"vgg19": vgg19_shapes, "resnet50": resnet50_shapes}
NETWORKS = tuple(_SHAPES)


def read_imagenet(
    path: str | os.PathLike[str], network: str, include_top: bool = False
) -> NetworkWeights:
    """Read the weights of `tf.keras.applications.VGG19` or `ResNet50`.

    Layers are found by name; where a file has other names (Keras renamed them over the years and
    itself loads by order), by order, as long as every shape fits.

    Args:
      path: Keras' `.h5`, with or without its top.
      network: "vgg19" or "resnet50".
      include_top: read the fully connected layers too.

    Returns:
      The numbers under Keras' present layer names; `keras_h5.assign` puts them into a model.

    Raises:
      InputError: the file is missing, damaged, hostile, or of another network.
    """
    if network not in _SHAPES:
        raise ValueError(f"network must be one of {NETWORKS}; got {network!r}")
    path = Path(path)
    whole, trunk = _SHAPES[network](True), _SHAPES[network](False)
    found = keras_h5.file_shapes(path)
    if include_top and len(found) == len(trunk):
        raise InputError(f"{path}: made without its top, the fully connected layers.")
    wanted = whole if include_top else trunk
    if all(name in found for name in wanted):
        stored_as = {name: name for name in wanted}
    elif [list(f.values()) for f in found.values()] in (
        [list(w.values()) for w in whole.values()],
        [list(w.values()) for w in trunk.values()],
    ):
        stored_as = dict(zip(wanted, found, strict=False))
    else:
        raise InputError(
            f"{path}: its layers are not those of {network} ({len(found)} with weights, expected "
            f"{len(trunk)}, or {len(whole)} with the top); it is of another network."
        )
    layers, said = keras_h5.read_layer_weights(
        path, {stored_as[name]: shapes for name, shapes in wanted.items()}
    )
    attributes = {
        **source_attributes(path, network, "Keras HDF5"),
        "preprocessing": "caffe",
        "channel_order": "BGR",
        "mean": list(MEAN_BGR),
        "include_top": include_top,
        **said,
    }
    return NetworkWeights({name: layers[stored_as[name]] for name in wanted}, attributes)
