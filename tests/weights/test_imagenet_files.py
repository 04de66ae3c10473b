"""ImageNet weights as Keras ships them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from weights import keras_h5
from weights.errors import InputError
from weights.imagenet_files import read_imagenet
from weights.imagenet_layout import resnet50_shapes, vgg19_shapes

LAYOUTS = {"vgg19": vgg19_shapes, "resnet50": resnet50_shapes}


@pytest.mark.parametrize(
    ("network", "with_top", "without"),
    [
        # Keras' own counts, as its documentation and model summaries give them.
        ("vgg19", 143_667_240, 20_024_384),
        ("resnet50", 25_636_712, 23_587_712),
    ],
)
def test_layers_are_those_of_keras(network: str, with_top: int, without: int) -> None:
    build = {"vgg19": tf.keras.applications.VGG19, "resnet50": tf.keras.applications.ResNet50}
    with tf.Graph().as_default():  # nothing is allocated in a graph
        theirs = keras_h5.layer_shapes(build[network](weights=None))
    ours = LAYOUTS[network](True)
    assert ours == theirs
    assert list(ours) == list(theirs)  # the order matters where a file has other names
    assert _count(ours) == with_top
    trunk = LAYOUTS[network](False)
    assert list(trunk) == list(ours)[: len(trunk)]
    assert _count(trunk) == without


def _count(shapes: dict[str, dict[str, tuple[int, ...]]]) -> int:
    return sum(math.prod(shape) for weights in shapes.values() for shape in weights.values())


def _layers(network: str, names: dict[str, str] | None = None) -> keras_h5.LayerWeights:
    """Weights that tell layers apart: the first number of each is its place."""
    layers: keras_h5.LayerWeights = {}
    for place, (name, shapes) in enumerate(LAYOUTS[network]().items()):
        weights = {weight: np.zeros(shape, np.float32) for weight, shape in shapes.items()}
        for values in weights.values():
            values.flat[0] = place
        layers[(names or {}).get(name, name)] = weights
    return layers


def _places(layers: object) -> list[float]:
    return [float(v.flat[0]) for w in dict(layers).values() for v in w.values()]  # type: ignore[call-overload]


@pytest.mark.parametrize("network", ["vgg19", "resnet50"])
def test_read_by_name_and_by_order(network: str, tmp_path: Path) -> None:
    expected = _layers(network)
    path = tmp_path / "notop.h5"
    keras_h5.save_layer_weights(expected, path, float16=True)
    read = read_imagenet(path, network)
    assert _places(read.layers) == _places(expected)
    assert read.attributes["channel_order"] == "BGR"
    assert read.attributes["preprocessing"] == "caffe"
    old = {name: f"old_name_{place}" for place, name in enumerate(expected)}
    keras_h5.save_layer_weights(_layers(network, old), path, float16=True)
    again = read_imagenet(path, network)
    assert list(again.layers) == list(expected)
    assert _places(again.layers) == _places(expected)
    with pytest.raises(InputError, match="without its top"):
        read_imagenet(path, network, include_top=True)
    other = "resnet50" if network == "vgg19" else "vgg19"
    with pytest.raises(InputError, match=f"not those of {other}"):
        read_imagenet(path, other)


def test_wrong_files(tmp_path: Path) -> None:
    path = tmp_path / "weights.h5"
    path.write_bytes(b"<html>")
    with pytest.raises(InputError, match="a web page instead of weights"):
        read_imagenet(path, "vgg19")
    with pytest.raises(ValueError, match="network must be one of"):
        read_imagenet(path, "vgg16")
    keras_h5.save_layer_weights({"dense": {"kernel": np.zeros((2, 2))}}, path)
    with pytest.raises(InputError, match=r"1 with weights, expected 16, or 19 with the top"):
        read_imagenet(path, "vgg19")
