"""VGG-Face: its architecture and preprocessing, and its weights from every format."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
import tensorflow as tf

from resgn.vgg_face import vgg_face
from weights import keras_h5
from weights.errors import InputError
from weights.vgg_face_files import read_vgg_face
from weights.vgg_face_layout import MEAN_BGR, MEAN_RGB, vgg_face_shapes

# A sixteenth of the width (4, 8, 16, 32, 32 filters, 256 units) and ten people.
WIDTH, PEOPLE = 1 / 16, 10
CONVOLUTIONS = [2, 2, 3, 3, 3]
MEAN = (129.1862793, 104.76238251, 93.59396362)

Numbers = dict[str, dict[str, np.ndarray]]


@pytest.fixture(scope="module")
def numbers() -> Numbers:
    """Random weights: kernels of He's size, so that nothing fades, and biases."""
    rng = np.random.default_rng(3)
    layers: Numbers = {}
    for name, shapes in vgg_face_shapes(WIDTH, PEOPLE).items():
        deviation = math.sqrt(2.0 / math.prod(shapes["kernel"][:-1]))
        layers[name] = {
            "kernel": (deviation * rng.standard_normal(shapes["kernel"])).astype(np.float32),
            "bias": rng.standard_normal(shapes["bias"]).astype(np.float32),
        }
    return layers


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    """Two images whose channels differ much: reddish and bluish."""
    rng = np.random.default_rng(4)
    coarse = rng.uniform(size=(2, 7, 7, 3)) * [[[[1.0, 0.6, 0.1]]], [[[0.1, 0.6, 1.0]]]]
    return tf.image.resize(coarse.astype(np.float32), (224, 224)).numpy()


def _expected(
    numbers: Numbers, images: np.ndarray, mean: tuple[float, ...], bgr: bool = False
) -> np.ndarray:
    """fc7 after its ReLU by TensorFlow's bare operations."""
    x = images[..., ::-1] if bgr else images
    x = tf.constant(x * 255.0 - np.array(mean, np.float32))
    for block, count in enumerate(CONVOLUTIONS, 1):
        for index in range(1, count + 1):
            layer = numbers[f"conv{block}_{index}"]
            x = tf.nn.relu(tf.nn.conv2d(x, layer["kernel"], 1, "SAME") + layer["bias"])
        x = tf.nn.max_pool2d(x, 2, 2, "VALID")
    x = tf.reshape(x, (len(images), -1))
    for name in ("fc6", "fc7"):
        x = tf.nn.relu(x @ numbers[name]["kernel"] + numbers[name]["bias"])
    return x.numpy()


def _assert_close(actual: Any, expected: np.ndarray) -> None:
    assert actual.shape == expected.shape
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-4 * expected.max())


def test_counts_and_names() -> None:
    assert sum(math.prod(s) for w in vgg_face_shapes().values() for s in w.values()) == 145_002_878
    model = vgg_face(width=WIDTH, classes=PEOPLE, output="fc8")
    shapes = keras_h5.layer_shapes(model)
    assert shapes == vgg_face_shapes(WIDTH, PEOPLE)
    assert list(shapes)[:3] == ["conv1_1", "conv1_2", "conv2_1"]
    assert list(shapes)[-4:] == ["conv5_3", "fc6", "fc7", "fc8"]
    assert model.trainable_variables == []
    assert len(vgg_face(width=WIDTH, trainable=True).trainable_variables) == 30


def test_full_width_as_a_model() -> None:
    model = vgg_face(output="fc8")
    assert model.count_params() == 145_002_878
    assert model.output_shape == (None, 2622)


def test_smaller_inputs_and_widths() -> None:
    # Three cells a side are left of 96 pixels, 512 / 8 channels each: 576 inputs of fc6.
    model = vgg_face(width=1 / 8, input_size=96)
    assert model.get_layer("fc6").kernel.shape == (576, 512)
    assert model(tf.zeros((2, 160, 120, 3))).shape == (2, 512)
    assert vgg_face(width=WIDTH, classes=5, output="fc8")(tf.zeros((1, 9, 9, 3))).shape == (1, 5)


def test_preactivation_is_before_the_relu(images: np.ndarray) -> None:
    tf.keras.utils.set_random_seed(2)
    after = vgg_face(width=WIDTH)
    before = vgg_face(width=WIDTH, output="fc7_preactivation")
    keras_h5.assign(before, keras_h5.layer_weights(after))
    raw = before(images).numpy()
    assert raw.min() < 0.0
    np.testing.assert_allclose(after(images), np.maximum(raw, 0.0))


def test_resize_is_bilinear_with_half_pixel_centres(numbers: Numbers, images: np.ndarray) -> None:
    model = vgg_face(width=WIDTH)
    keras_h5.assign(model, numbers)
    small = images[:, ::2, ::2]
    # Half-pixel centres: output pixel i lies at (i + 0.5) / 2 - 0.5 of the input, edges repeated.
    centres = (np.arange(224) + 0.5) / 2 - 0.5
    low = np.clip(np.floor(centres).astype(int), 0, 111)
    high = np.clip(np.floor(centres).astype(int) + 1, 0, 111)
    part = (centres - np.floor(centres)).astype(np.float32)
    rows = small[:, low] * (1 - part)[:, None, None] + small[:, high] * part[:, None, None]
    large = rows[:, :, low] * (1 - part)[:, None] + rows[:, :, high] * part[:, None]
    _assert_close(model(small), _expected(numbers, large, MEAN_RGB))


def test_gradient_reaches_the_image(numbers: Numbers, images: np.ndarray) -> None:
    model = vgg_face(width=WIDTH)
    keras_h5.assign(model, numbers)
    image = tf.constant(images[:, ::4, ::4])
    direction = tf.random.stateless_normal(image.shape, (1, 2))

    def value(step: float) -> tf.Tensor:
        return tf.reduce_sum(model(image + step * direction)) / 1e3

    with tf.GradientTape() as tape:
        tape.watch(image)
        output = value(0.0)
    slope = tf.reduce_sum(tape.gradient(output, image) * direction)
    measured = (value(1e-4) - value(-1e-4)) / 2e-4
    assert abs(float(slope)) > 1e-2
    np.testing.assert_allclose(slope, measured, rtol=0.02)


def _cell(items: list[Any]) -> np.ndarray:
    """A MATLAB cell array of one row."""
    cell = np.empty((1, len(items)), object)
    for index, item in enumerate(items):
        cell[0, index] = item
    return cell


def _matconvnet_layers(numbers: Numbers, style: str) -> np.ndarray:
    """The layers in the order of the true file: weights at 0, 2, 5, 7, 10, ..., 31, 34, 37."""
    layers: list[dict[str, Any]] = []

    def add(name: str, kernel: np.ndarray) -> None:
        bias = numbers[name]["bias"].reshape(1, -1)
        layer = {"name": name, "type": "conv"}
        if style == "weights":
            layer["weights"] = _cell([kernel, bias])
        else:
            layer |= {"filters": kernel, "biases": bias}
        layers.append({**layer, "pad": np.ones((1, 4)), "stride": np.ones((1, 2))})
        layers.append({"name": f"relu_{name}", "type": "relu"})

    for block, count in enumerate(CONVOLUTIONS, 1):
        for index in range(1, count + 1):
            add(f"conv{block}_{index}", numbers[f"conv{block}_{index}"]["kernel"])
        layers.append({"name": f"pool{block}", "type": "pool", "method": "max"})
    for name in ("fc6", "fc7", "fc8"):
        kernel = numbers[name]["kernel"]
        side = 7 if name == "fc6" else 1
        add(name, kernel.reshape(side, side, kernel.shape[0] // side**2, kernel.shape[1]))
        if name != "fc8":
            layers.append({"name": f"dropout_{name}", "type": "dropout", "rate": 0.5})
    layers[-1] = {"name": "prob", "type": "softmax"}
    positions = [i for i, layer in enumerate(layers) if layer["type"] == "conv"]
    assert positions == [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28, 31, 34, 37]
    return _cell(layers)


def _meta(average: np.ndarray) -> dict[str, Any]:
    return {"normalization": {"imageSize": [224.0, 224.0, 3.0], "averageImage": average}}


def _write_oxford(path: Path, numbers: Numbers, style: str = "weights", **extra: bool) -> None:
    average = np.tile(np.array(MEAN, np.float32), (224, 224, 1))
    net = {"layers": _matconvnet_layers(numbers, style), **_meta(average)}
    scipy.io.savemat(path, {"net": net}, **extra)


def _write_matconvnet(path: Path, numbers: Numbers, style: str = "weights", **extra: bool) -> None:
    average = np.array(MEAN, np.float32).reshape(1, 1, 3)
    net = {"layers": _matconvnet_layers(numbers, style), "meta": _meta(average)}
    scipy.io.savemat(path, net, **extra)


@pytest.mark.parametrize("style", ["weights", "filters"])
@pytest.mark.parametrize("write", [_write_oxford, _write_matconvnet])
def test_both_layouts_of_matconvnet(
    write: Callable[..., None], style: str, numbers: Numbers, images: np.ndarray, tmp_path: Path
) -> None:
    path = tmp_path / "vgg_face.mat"
    write(path, numbers, style, do_compression=style == "weights")
    read = read_vgg_face(path)
    assert read.attributes["channel_order"] == "RGB"
    np.testing.assert_allclose(read.attributes["mean"], MEAN, rtol=1e-5)
    assert read.attributes["width"] == WIDTH
    assert read.attributes["classes"] == PEOPLE
    assert read.attributes["input_size"] == 224
    _assert_close(vgg_face(path)(images), _expected(numbers, images, MEAN))
    # With the channels the wrong way round it would be something else.
    wrong = _expected(numbers, images, MEAN[::-1], bgr=True)
    assert np.abs(wrong - _expected(numbers, images, MEAN)).max() > 1.0


def test_rcmalli_by_name_is_bgr(numbers: Numbers, images: np.ndarray, tmp_path: Path) -> None:
    layers = tf.keras.layers
    model = tf.keras.Sequential([layers.Input((224, 224, 3))])
    for block, count in enumerate(CONVOLUTIONS, 1):
        for index in range(1, count + 1):
            name = f"conv{block}_{index}"
            filters = numbers[name]["bias"].size
            model.add(layers.Conv2D(filters, 3, padding="same", activation="relu", name=name))
        model.add(layers.MaxPool2D(name=f"pool{block}"))
    model.add(layers.Flatten(name="flatten"))
    for name, activation in (("fc6", "relu"), ("fc7", "relu"), ("fc8", "softmax")):
        model.add(layers.Dense(numbers[name]["bias"].size, name=name))
        model.add(layers.Activation(activation, name=f"{name}/{activation}"))
    for name, weights in numbers.items():
        model.get_layer(name).set_weights([weights["kernel"], weights["bias"]])
    path = tmp_path / "rcmalli_vggface_tf_vgg16.h5"
    model.save_weights(path)
    read = read_vgg_face(path)
    assert read.attributes["channel_order"] == "BGR"
    assert read.attributes["mean"] == list(MEAN_BGR)
    expected = _expected(numbers, images, MEAN_BGR, bgr=True)
    _assert_close(vgg_face(path)(images), expected)
    wrong = vgg_face(path, channel_order="RGB")(images).numpy()
    assert np.abs(wrong - expected).max() > 1.0


def test_deepface_by_order_is_fully_convolutional(
    numbers: Numbers, images: np.ndarray, tmp_path: Path
) -> None:
    layers = tf.keras.layers
    model = tf.keras.Sequential([layers.Input((224, 224, 3))])
    for block, count in enumerate(CONVOLUTIONS, 1):
        for index in range(1, count + 1):
            filters = numbers[f"conv{block}_{index}"]["bias"].size
            model.add(layers.ZeroPadding2D((1, 1)))
            model.add(layers.Conv2D(filters, 3, activation="relu"))
        model.add(layers.MaxPool2D((2, 2), strides=(2, 2)))
    for name, side in (("fc6", 7), ("fc7", 1), ("fc8", 1)):
        activation = "relu" if name != "fc8" else None
        model.add(layers.Conv2D(numbers[name]["bias"].size, side, activation=activation))
        if name != "fc8":
            model.add(layers.Dropout(0.5))
    model.add(layers.Flatten())
    model.add(layers.Activation("softmax"))
    weighted = [layer for layer in model.layers if layer.weights]
    for layer, weights in zip(weighted, numbers.values(), strict=True):
        layer.set_weights([weights["kernel"].reshape(layer.kernel.shape), weights["bias"]])
    path = tmp_path / "vgg_face_weights.h5"
    model.save_weights(path)
    descriptor = tf.keras.Model(model.inputs, model.layers[-5].output)
    assert descriptor.output_shape == (None, 1, 1, 256)
    theirs = descriptor(images * 255.0 - np.array(MEAN_RGB, np.float32)).numpy()
    _assert_close(vgg_face(path)(images), theirs.reshape(2, 256))
    _assert_close(vgg_face(path)(images), _expected(numbers, images, MEAN_RGB))


def test_own_files_say_everything(numbers: Numbers, images: np.ndarray, tmp_path: Path) -> None:
    tf.keras.utils.set_random_seed(1)
    means = [1.0, 2.0, 3.0]
    model = vgg_face(
        width=0.1, classes=7, input_size=100, output="fc8", channel_order="BGR", mean=means
    )
    attributes = {
        "width": 0.1,
        "classes": 7,
        "input_size": 100,
        "channel_order": "BGR",
        "mean": means,
        "source": "a test",
    }
    path = tmp_path / "vgg_face_small.h5"
    keras_h5.save_weights(model, path, attributes)
    again = vgg_face(path, output="fc8")
    np.testing.assert_array_equal(again(images), model(images))
    assert read_vgg_face(path).attributes["source"] == "a test"
    half = tmp_path / "half.h5"
    keras_h5.save_weights(model, half, attributes, float16=True)
    assert half.stat().st_size < 0.6 * path.stat().st_size
    difference = np.abs(vgg_face(half, output="fc8")(images) - model(images))
    assert 0.0 < difference.max() < 0.01 * np.abs(model(images)).max()
    # Without a classifier the descriptor is all there is.
    descriptor = vgg_face(path)
    assert descriptor.output_shape == (None, 410)
    keras_h5.save_weights(descriptor, path, {**attributes, "width": 0.1})
    np.testing.assert_array_equal(vgg_face(path)(images), descriptor(images))
    with pytest.raises(InputError, match="without fc8"):
        vgg_face(path, output="fc8")
    for name, value in (("width", 0.2), ("input_size", 224), ("classes", 8)):
        with pytest.raises(InputError, match=rf"has {name} .*, not {value}"):
            vgg_face(path, **{name: value})


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="output must be one of"):
        vgg_face(width=WIDTH, output="fc9")
    with pytest.raises(ValueError, match="channel_order must be one of"):
        vgg_face(width=WIDTH, channel_order="GBR")
    with pytest.raises(ValueError, match="mean must hold three values; got 2"):
        vgg_face(width=WIDTH, mean=[1.0, 2.0])
    with pytest.raises(ValueError, match="width must be positive"):
        vgg_face(width=0.0)
    with pytest.raises(ValueError, match="input_size must be at least 32"):
        vgg_face(width=WIDTH, input_size=31)
    with pytest.raises(InputError, match="no such file"):
        vgg_face("/absent/vgg_face.h5")


def test_other_networks_are_refused(numbers: Numbers, tmp_path: Path) -> None:
    path = tmp_path / "other.h5"

    def refused(layers: Numbers, message: str) -> None:
        keras_h5.save_layer_weights(layers, path)
        with pytest.raises(InputError, match=message):
            read_vgg_face(path)

    refused({"dense": numbers["fc8"]}, "1 layers with weights under names unknown here")
    no_top = {name: layer for name, layer in numbers.items() if name.startswith("conv")}
    refused(no_top, "not a file made without its top")
    refused({**numbers, "conv3_2": numbers["conv3_1"]}, "conv3_2 has shapes")
    refused({**numbers, "conv3_2": {"kernel": numbers["conv3_1"]["kernel"]}}, "no kernel and bias")
    turned = {**numbers["fc7"], "kernel": np.zeros((256, 3, 3), np.float32)}
    refused({**numbers, "fc7": turned}, "no convolutions")
    # Sixteen layers of something else, which by order could be taken for it.
    others = {f"dense_{index}": numbers["fc7"] for index in range(16)}
    refused(others, "conv1_1 has shapes|another network")
    nan = {**numbers["fc7"], "bias": np.full(256, np.nan, np.float32)}
    refused({**numbers, "fc7": nan}, "not finite")


def test_other_mat_files_are_refused(numbers: Numbers, tmp_path: Path) -> None:
    path = tmp_path / "other.mat"
    scipy.io.savemat(path, {"x": np.zeros((3, 3))})
    with pytest.raises(InputError, match=r"neither `net.layers` nor `layers`"):
        read_vgg_face(path)
    scipy.io.savemat(path, {"layers": _cell([{"name": "relu", "type": "relu"}])})
    with pytest.raises(InputError, match="0 layers with weights"):
        read_vgg_face(path)
    scipy.io.savemat(path, {"net": 3.0})
    with pytest.raises(InputError, match=r"neither `net.layers` nor `layers`"):
        read_vgg_face(path)
    _write_oxford(path, numbers)
    content = path.read_bytes()
    for part in (0.1, 0.5, 0.99):
        path.write_bytes(content[: int(part * len(content))])
        with pytest.raises(InputError, match=r"truncated MATLAB file|damaged"):
            read_vgg_face(path)
    wrong = {**numbers, "conv3_2": numbers["conv3_1"]}
    _write_oxford(path, wrong)
    with pytest.raises(InputError, match="conv3_2 has shapes"):
        read_vgg_face(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "an empty file"),
        (b"<!DOCTYPE html>", "a web page instead of weights"),
        (b"\x1f\x8b" + bytes(100), "a gzip archive; unpack it first"),
        (b"MATLAB 7.3 MAT-file, Platform" + bytes(1000), "a MATLAB 7.3 file"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "damaged HDF5 file"),
    ],
)
def test_other_content_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "vgg_face.mat"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_vgg_face(path)
