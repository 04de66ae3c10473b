from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from mofa import code as codes
from mofa import encoder
from mofa.encoder import EncoderConfig
from weights import keras_h5
from weights.errors import InputError
from weights.imagenet_layout import vgg19_shapes

SMALL = EncoderConfig(width=1 / 32, dense_units=6, input_size=32, scaling="spread")


def images(count: int = 2, size: int = 40) -> tf.Tensor:
    return tf.random.stateless_uniform([count, size, size, 3], [0, 1])


def stir(model: tf.keras.Model) -> None:
    """Random numbers for the last layer, which starts at zero."""
    kernel, bias = model.get_layer("code").get_weights()
    rng = np.random.default_rng(0)
    model.get_layer("code").set_weights(
        [rng.normal(size=kernel.shape) * 0.1, rng.normal(size=bias.shape) * 0.1]
    )


@pytest.mark.parametrize(
    ("network", "count"),
    [
        # Simonyan and Zisserman's 143,667,240 with 1000 classes, less 743 * 4097.
        ("vgg19", 140_623_169),
        # 61,100,840 of the one-column AlexNet, less 743 * 4097.
        ("alexnet", 58_056_769),
    ],
)
def test_full_width_has_the_known_number_of_parameters(network: str, count: int) -> None:
    with tf.Graph().as_default():
        model = encoder.build(EncoderConfig(network=network))
        assert sum(int(np.prod(v.shape)) for v in model.weights) == count
        assert model.output_shape == (None, codes.SIZE)


@pytest.mark.parametrize("network", encoder.NETWORKS)
def test_training_begins_with_the_mean_face(network: str) -> None:
    model = encoder.build(EncoderConfig(network=network, width=1 / 32, input_size=64))
    np.testing.assert_array_equal(model(images()), 0.0)


def test_output_is_scaled_part_by_part() -> None:
    scale = encoder.output_scale("lineage")
    assert set(scale[codes.SLICES["albedo"]]) == {3.0}
    np.testing.assert_allclose(scale[codes.SLICES["rotation"]], 0.3)
    np.testing.assert_allclose(scale[codes.SLICES["translation"]], [1.0, 1.0, 0.005])
    for name in ("shape", "expression", "light"):
        assert set(scale[codes.SLICES[name]]) == {1.0}

    one, other = (
        encoder.build(EncoderConfig(width=1 / 32, dense_units=6, input_size=32, scaling=name))
        for name in encoder.SCALINGS
    )
    stir(one)
    other.set_weights(one.get_weights())
    np.testing.assert_allclose(
        one(images()) / encoder.output_scale("lineage"),
        other(images()) / encoder.output_scale("spread"),
        rtol=1e-5,
    )


def test_every_pixel_has_a_gradient_and_size_does_not_matter() -> None:
    model = encoder.build(SMALL)
    stir(model)
    flat = tf.ones([1, 90, 90, 3]) * 0.4
    np.testing.assert_allclose(model(flat), model(flat[:, :64, :64]), atol=1e-4)
    x = images(1, 90)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.reduce_sum(model(x))
    gradient = tape.gradient(y, x).numpy()
    assert (np.abs(gradient).sum(-1) > 0).mean() > 0.95


@pytest.mark.parametrize("float16", [False, True])
def test_a_saved_encoder_is_the_same_function_without_batch_norm(tmp_path, float16: bool) -> None:
    config = EncoderConfig("vgg19", 1 / 32, 6, 32, batch_norm=True, scaling="spread")
    model = encoder.build(config)
    stir(model)
    for _ in range(3):
        model(images(8), training=True)  # moves the statistics away from 0 and 1
    encoder.save(model, config, tmp_path / "e.h5", {"source": "a test"}, float16=float16)
    loaded, size = encoder.load(tmp_path / "e.h5")
    assert not size.batch_norm
    assert not any("bn" in layer.name for layer in loaded.layers)
    assert not loaded.trainable_variables
    assert keras_h5.read_attributes(tmp_path / "e.h5")["source"] == "a test"
    expected = model(images(), training=False)
    np.testing.assert_allclose(
        loaded(images()), expected, atol=(2e-2 if float16 else 1e-4) * np.abs(expected).max()
    )


def test_training_goes_on_from_a_file_with_batch_norm(tmp_path) -> None:
    config = EncoderConfig("vgg19", 1 / 32, 6, 32, batch_norm=True)
    model = encoder.build(config)
    encoder.save(model, config, tmp_path / "e.h5", fold=False)
    loaded, size = encoder.load(tmp_path / "e.h5", trainable=True)
    assert size == config
    for one, other in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_file_says_how_images_are_made_smaller_and_the_caller_may_differ(tmp_path) -> None:
    config = dataclasses.replace(SMALL, downscaling="area")
    model = encoder.build(config)
    stir(model)
    encoder.save(model, config, tmp_path / "e.h5")
    loaded, size = encoder.load(tmp_path / "e.h5")
    assert size == config
    x = images()
    np.testing.assert_allclose(loaded(x), model(x), rtol=1e-5, atol=1e-6)
    other, size = encoder.load(tmp_path / "e.h5", downscaling="antialias", input_size=40)
    assert (size.downscaling, size.input_size) == ("antialias", 40)
    assert np.abs(other(x) - loaded(x)).max() > 1e-3
    with pytest.raises(InputError):
        encoder.load(tmp_path / "e.h5", input_size=64)


def test_a_file_of_another_network_is_refused(tmp_path) -> None:
    keras_h5.save_layer_weights({"code": {"bias": np.zeros(257, np.float32)}}, tmp_path / "x.h5")
    with pytest.raises(InputError, match=r"x\.h5 is no encoder of MoFA: it does not say"):
        encoder.load(tmp_path / "x.h5")


@pytest.mark.parametrize("name", ["width", "dense_units", "input_size"])
@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_a_file_of_no_size_is_refused(tmp_path, name: str, value: float) -> None:
    said = dataclasses.asdict(SMALL) | {name: value}
    keras_h5.save_layer_weights({}, tmp_path / "x.h5", said)
    with pytest.raises(InputError, match=r"x\.h5 is no encoder of MoFA: it does not say its size"):
        encoder.load(tmp_path / "x.h5")


def test_impossible_sizes_are_refused() -> None:
    for wrong, message in (
        ({"network": "vgg16"}, "`network` must be one of vgg19, alexnet"),
        ({"scaling": "none"}, "`scaling` must be one of"),
        ({"downscaling": "nearest"}, "`downscaling` must be one of antialias, area"),
        ({"width": 0.0}, "`width` must lie above 0"),
        ({"input_size": 31}, "`input_size` must be at least 32 for vgg19"),
        ({"network": "alexnet", "input_size": 62}, "at least 63 for alexnet"),
        ({"dense_units": 0}, "`dense_units` must be positive"),
    ):
        with pytest.raises(InputError, match=message):
            EncoderConfig(**wrong)


def test_imagenet_weights_need_full_width(tmp_path) -> None:
    full = {
        name: {key: np.zeros(shape, np.float32) for key, shape in weights.items()}
        for name, weights in vgg19_shapes().items()
    }
    keras_h5.save_layer_weights(full, tmp_path / "imagenet.h5", float16=True)
    with pytest.raises(InputError, match="fit a vgg19 of width 1"):
        encoder.start_from_imagenet(encoder.build(SMALL), tmp_path / "imagenet.h5")
