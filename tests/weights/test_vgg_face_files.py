"""VGG-Face's numbers out of each format, number by number, without building the network."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io

from weights import keras_h5
from weights.errors import InputError
from weights.vgg_face_files import read_vgg_face
from weights.vgg_face_layout import vgg_face_shapes

# Filters 2, 4, 8, 16, 16; fc6 sees a 2x2 map and has 128 units; five people.
WIDTH, PEOPLE, SIZE = 1 / 32, 5, 64
NAMES = [
    *("conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1", "conv3_2", "conv3_3"),
    *("conv4_1", "conv4_2", "conv4_3", "conv5_1", "conv5_2", "conv5_3", "fc6", "fc7", "fc8"),
]
MEAN_RGB = [129.1863, 104.7624, 93.5940]

Numbers = dict[str, dict[str, np.ndarray]]


@pytest.fixture(scope="module")
def numbers() -> Numbers:
    """Different ones everywhere."""
    rng = np.random.default_rng(3)
    shapes = vgg_face_shapes(WIDTH, PEOPLE, SIZE)
    assert list(shapes) == NAMES
    assert shapes["fc6"] == {"kernel": (64, 128), "bias": (128,)}
    return {
        name: {weight: rng.standard_normal(shape, np.float32) for weight, shape in of.items()}
        for name, of in shapes.items()
    }


def as_convolutions(numbers: Numbers) -> Numbers:
    """Fully connected layers as the convolutions that do the same."""
    heads = {
        name: {**of, "kernel": of["kernel"].reshape(side, side, -1, of["kernel"].shape[1])}
        for name, of in numbers.items()
        for side in [2 if name == "fc6" else 1]
        if name.startswith("fc")
    }
    return {**numbers, **heads}


def without(numbers: Numbers, *names: str) -> Numbers:
    return {name: of for name, of in numbers.items() if name not in names}


def assert_same(path: Path, numbers: Numbers, **attributes: Any) -> None:
    read = read_vgg_face(path)
    assert list(read.layers) == list(numbers)
    for name, of in numbers.items():
        assert set(read.layers[name]) == {"kernel", "bias"}
        for weight, values in of.items():
            found = read.layers[name][weight]
            assert found.dtype == np.float32
            np.testing.assert_array_equal(found, values)
    assert dict(read.attributes) == {
        "network": "vgg_face",
        "source": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "width": WIDTH,
        "input_size": SIZE,
        **attributes,
    }


def refused(path: Path, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_vgg_face(path)


def test_keras_files_by_name_are_bgr(tmp_path: Path, numbers: Numbers) -> None:
    path = tmp_path / "rcmalli.h5"
    keras = {"format": "Keras HDF5", "channel_order": "BGR", "mean": MEAN_RGB[::-1]}
    keras_h5.save_layer_weights(numbers, path)
    assert_same(path, numbers, classes=PEOPLE, **keras)
    # Only what the network needs is taken, in its own order, and a classifier may be missing.
    stored = {"other": {"kernel": np.zeros(3)}, **dict(reversed(numbers.items()))}
    keras_h5.save_layer_weights(without(stored, "fc8"), path)
    assert_same(path, without(numbers, "fc8"), **keras)


def test_keras_files_by_order_are_rgb(tmp_path: Path, numbers: Numbers) -> None:
    path = tmp_path / "deepface.h5"
    keras = {"format": "Keras HDF5", "channel_order": "RGB", "mean": MEAN_RGB}
    for expected in (numbers, without(numbers, "fc8")):
        stored = as_convolutions(expected)
        keras_h5.save_layer_weights({f"x{k}": of for k, of in enumerate(stored.values())}, path)
        assert_same(path, expected, **keras, **({"classes": PEOPLE} if "fc8" in expected else {}))
    for count in (14, 17):
        stored = {f"x{k}": numbers["fc7"] for k in range(count)}
        keras_h5.save_layer_weights(stored, path)
        refused(path, f"deepface.h5: {count} layers with weights under names unknown here.*has 16")


def test_files_of_the_project_say_it_themselves(tmp_path: Path, numbers: Numbers) -> None:
    path = tmp_path / "own.h5"
    said = {"channel_order": "RGB", "mean": [1.0, 2.0, 3.0], "source": "mine", "width": 0.0312}
    # Sides of 64 to 95 leave a map of 2x2: only the file knows.
    said |= {"input_size": 70, "format": "a test", "note": "hello"}
    keras_h5.save_layer_weights(numbers, path, said)
    assert_same(path, numbers, classes=PEOPLE, **said)
    keras_h5.save_layer_weights(numbers, path, {"input_size": 96})
    refused(path, r"fc6 has shapes \(64, 128\) and \(128,\), VGG-Face has \(3, 3, 16, 128\)")
    for name in ("width", "input_size"):
        for value in (np.inf, np.nan):
            keras_h5.save_layer_weights(numbers, path, {name: value})
            refused(path, "its size is not stated")
    keras_h5.save_layer_weights(numbers, path, {"input_size": 31})
    refused(path, "fc6 has shapes")
    keras_h5.save_layer_weights(numbers, path, {"width": 0.1})
    refused(path, r"conv1_1 has shapes")


def test_keras_files_of_other_networks(tmp_path: Path, numbers: Numbers) -> None:
    path = tmp_path / "other.h5"

    def other(layers: Numbers, message: str) -> None:
        keras_h5.save_layer_weights(layers, path)
        refused(path, message)

    other(without(numbers, "fc6", "fc7", "fc8", "conv2_2"), "without conv2_2, fc6, fc7; VGG-Face")
    other(without(numbers, "fc7"), "without fc7; VGG-Face")
    other({**numbers, "fc7": {**numbers["fc7"], "gamma": np.ones(3)}}, "hold no kernel and bias")
    other({**numbers, "fc7": {"kernel": numbers["fc7"]["kernel"]}}, "hold no kernel and bias")
    for shape in ((128,), (8, 16, 128), (1, 1, 1, 128, 128)):
        kernel = {**numbers["fc7"], "kernel": np.zeros(shape, np.float32)}
        other({**numbers, "fc7": kernel}, "its kernels are no convolutions")
    long = {**numbers["fc7"], "bias": np.zeros(127, np.float32)}
    other({**numbers, "fc7": long}, r"fc7 has shapes .*\(127,\), VGG-Face has .*\(128,\)")
    # Only the fully connected layers may stand there as convolutions.
    flat = {**numbers["conv1_1"], "kernel": numbers["conv1_1"]["kernel"].reshape(27, 2)}
    other({**numbers, "conv1_1": flat}, "conv1_1 has shapes")


def cell(items: list[Any]) -> np.ndarray:
    found = np.empty((1, len(items)), object)
    for index, item in enumerate(items):
        found[0, index] = item
    return found


def matconvnet(numbers: Numbers, style: str = "weights") -> np.ndarray:
    layers: list[Any] = []
    for name, of in as_convolutions(numbers).items():
        kernel, bias = of["kernel"].astype(np.float64), of["bias"][None]
        if style == "weights":
            layers.append({"name": name, "type": "conv", "weights": cell([kernel, bias])})
        else:
            layers.append({"name": name, "type": "conv", "filters": kernel, "biases": bias})
        # Layers without numbers, some of them with an empty field for them.
        layers.append({"name": f"relu_{name}", "type": "relu", "weights": np.zeros((0, 0))})
    return cell(layers)


@pytest.mark.parametrize("style", ["weights", "filters"])
def test_matconvnet_files_are_rgb(tmp_path: Path, numbers: Numbers, style: str) -> None:
    path = tmp_path / "vgg.mat"
    image = np.zeros((2, 2, 3))
    image[..., 0] = [[1, 2], [3, 6]]
    image[..., 2] = 7.5
    held = {"normalization": {"averageImage": image}}
    known = {"format": "MatConvNet", "channel_order": "RGB", "classes": PEOPLE}
    layers = matconvnet(numbers, style)
    # Oxford's layout, and that of MatConvNet's own page; then means of three numbers, and none.
    for variables, mean in (
        ({"net": {"layers": layers, **held}}, [3.0, 0.0, 7.5]),
        ({"layers": layers, "meta": held}, [3.0, 0.0, 7.5]),
        ({"layers": layers, "meta": {}, **held}, [3.0, 0.0, 7.5]),
        (
            {"layers": layers, "normalization": {"averageImage": np.array([[1.0], [2.0], [4.0]])}},
            [1.0, 2.0, 4.0],
        ),
        ({"layers": layers, "normalization": {"averageImage": np.ones((4, 4))}}, MEAN_RGB),
        ({"layers": layers, "normalization": {"averageImage": "none"}}, MEAN_RGB),
        ({"layers": layers}, MEAN_RGB),
    ):
        scipy.io.savemat(path, variables)
        assert_same(path, numbers, mean=mean, **known)


def test_matconvnet_files_without_a_classifier_and_of_one_person(
    tmp_path: Path, numbers: Numbers
) -> None:
    path = tmp_path / "vgg.mat"
    known = {"format": "MatConvNet", "channel_order": "RGB", "mean": MEAN_RGB}
    scipy.io.savemat(path, {"layers": matconvnet(without(numbers, "fc8"))})
    assert_same(path, without(numbers, "fc8"), **known)
    # MATLAB drops trailing axes of size one: [1, 1, 128] is a kernel of one output.
    one = {**numbers, "fc8": {"kernel": numbers["fc7"]["kernel"][:, :1], "bias": np.ones(1, "f4")}}
    layers = matconvnet(one)
    layers[0, 30]["weights"][0, 0] = one["fc8"]["kernel"].reshape(1, 1, 128)
    scipy.io.savemat(path, {"layers": layers})
    assert_same(path, one, classes=1, **known)


def test_matconvnet_files_of_other_networks(tmp_path: Path, numbers: Numbers) -> None:
    path = tmp_path / "other.mat"

    def other(layers: np.ndarray, message: str) -> None:
        scipy.io.savemat(path, {"layers": layers})
        refused(path, message)

    layers = matconvnet(numbers)
    other(layers[:, :28], "other.mat: 14 layers with weights, VGG-Face has 16")
    other(np.concatenate([layers, layers[:, -2:]], axis=1), "17 layers with weights")
    other(matconvnet({**numbers, "conv3_2": numbers["conv3_1"]}), "conv3_2 has shapes")
    for weight in ("kernel", "bias"):
        values = numbers["fc7"][weight].copy()
        values.flat[-1] = np.inf
        damaged = {**numbers, "fc7": {**numbers["fc7"], weight: values}}
        other(matconvnet(damaged), "holds numbers that are not finite")
