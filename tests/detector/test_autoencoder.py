from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import tensorflow as tf

from detector.autoencoder import (
    AutoencoderConfig,
    autoencoder,
    linear_path,
    start_from_imagenet,
)
from detector.band import Band
from detector.pca import principal_components
from detector.saved_autoencoder import load_autoencoder, save_autoencoder
from weights import keras_h5, made_for
from weights.errors import InputError
from weights.imagenet_layout import resnet50_shapes

TINY = AutoencoderConfig(
    width=1 / 64, decoder_width=1 / 32, first_width=1 / 32, code=32, encoder_size=32
)
LINEAR = dataclasses.replace(TINY, code=16, band=6)


@pytest.fixture(scope="module")
def tiny() -> tf.keras.Model:
    tf.keras.utils.set_random_seed(1)
    return autoencoder(TINY)


@pytest.fixture(scope="module")
def paper() -> tf.keras.Model:
    return autoencoder()


def count(model: tf.keras.Model, chosen: tuple[str, ...]) -> int:
    return sum(
        math.prod(shape)
        for layer, shapes in keras_h5.layer_shapes(model).items()
        for shape in shapes.values()
        if layer.startswith(chosen)
    )


def test_table_1_layer_by_layer(paper: tf.keras.Model) -> None:
    assert paper.input_shape == (None, 224, 224, 3)
    assert paper.get_layer("code").output_shape == (None, 1024)
    assert paper.get_layer("code_map").output_shape == (None, 2, 2, 256)
    # Table 1: 7x7 after the cropped 9x9, then doubled five times.
    assert paper.get_layer("deconv1").output_shape == (None, 9, 9, 256)
    assert [paper.get_layer(f"bn{number}").output_shape[1:] for number in range(1, 6)] == [
        (7, 7, 256),
        (14, 14, 128),
        (28, 28, 128),
        (56, 56, 64),
        (112, 112, 32),
    ]
    assert paper.get_layer("deconv6").output_shape == (None, 224, 224, 3)
    assert paper.output_shape == (None, 224, 224, 3)


def test_parameters_of_the_paper(paper: tf.keras.Model) -> None:
    assert count(paper, ("deconv",)) == 4_163_683
    # 2048 * 1024 + 1024.
    assert count(paper, ("code",)) == 2_098_176
    # Keras' own count of ResNet-50 without its top, moving statistics included.
    assert count(paper, ("conv1_", "conv2_", "conv3_", "conv4_", "conv5_")) == 23_587_712


def test_encoder_takes_the_weights_of_keras(paper: tf.keras.Model) -> None:
    shapes = keras_h5.layer_shapes(paper)
    for name, expected in resnet50_shapes().items():
        assert shapes[name] == expected


def test_encoder_computes_what_keras_computes(
    paper: tf.keras.Model, rng: np.random.Generator
) -> None:
    theirs = tf.keras.applications.ResNet50(weights=None, include_top=False, pooling="avg")
    for layer in theirs.layers:
        for variable in layer.weights:
            if "moving_variance" not in variable.name and "gamma" not in variable.name:
                spread = 0.5 / np.sqrt(max(np.prod(variable.shape[:-1]), 4.0))
                variable.assign(rng.normal(0.0, spread, variable.shape))
    ours = tf.keras.Model(paper.input, paper.get_layer("avg_pool").output)
    keras_h5.assign(ours, keras_h5.layer_weights(theirs))
    pictures = rng.random((2, 224, 224, 3)).astype(np.float32)
    pictures[1] *= 0.2
    prepared = tf.keras.applications.resnet50.preprocess_input(255.0 * pictures)
    expected = theirs(prepared, training=False).numpy()
    np.testing.assert_allclose(ours(pictures, training=False), expected, rtol=1e-3, atol=1e-5)
    assert np.std(expected, axis=0).max() > 1e-3  # the pictures made a difference


def test_cropping_is_a_padding_of_one(rng: np.random.Generator) -> None:
    """Transposed convolution written out: each input number adds its kernel at twice its place."""
    maps = rng.normal(size=(1, 2, 2, 3)).astype(np.float32)
    layer = tf.keras.layers.Conv2DTranspose(2, 7, 2, padding="valid")
    result = tf.keras.layers.Cropping2D(1)(layer(maps)).numpy()
    kernel = layer.kernel.numpy()  # [7, 7, out, in]
    whole = np.zeros((9, 9, 2))
    for y in range(2):
        for x in range(2):
            whole[2 * y : 2 * y + 7, 2 * x : 2 * x + 7] += kernel @ maps[0, y, x]
    np.testing.assert_allclose(result[0], whole[1:8, 1:8], atol=1e-5)


def test_reconstructions_lie_in_the_range_of_images(
    tiny: tf.keras.Model, rng: np.random.Generator
) -> None:
    images = tf.constant(rng.random((2, 224, 224, 3)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(images)
        result = tiny(images, training=False)
    assert result.shape == images.shape
    assert result.dtype == tf.float32
    assert 0.0 <= float(tf.reduce_min(result)) < float(tf.reduce_max(result)) <= 1.0
    gradient = tape.gradient(result, images).numpy()
    assert np.isfinite(gradient).all()
    assert np.abs(gradient).max() > 0.0


def test_a_saved_detector_comes_back(
    tiny: tf.keras.Model, tmp_path, rng: np.random.Generator
) -> None:
    save_autoencoder(tiny, TINY, tmp_path / "detector.h5", {"dataset": "toy"})
    saved = load_autoencoder(tmp_path / "detector.h5")
    assert saved.config == TINY
    assert saved.about["dataset"] == "toy"
    assert not saved.model.trainable_variables
    for ours, theirs in zip(saved.model.get_weights(), tiny.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_detector_of_another_face_model_is_taken_on_demand(
    tiny: tf.keras.Model, tmp_path, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = (made_for.Content(name * 8, f"{name}.h5") for name in ("ab", "cd"))
    path = tmp_path / "detector.h5"
    save_autoencoder(tiny, TINY, path, made_for.attributes({"face_model": one}))
    assert load_autoencoder(path, used={"face_model": one}).config == TINY
    assert not caplog.records
    with pytest.raises(InputError, match=r"ab\.h5"):
        load_autoencoder(path, used={"face_model": other})
    assert load_autoencoder(path, used={"face_model": other}, allow_mismatch=True).config == TINY
    assert "ab.h5" in caplog.text


def test_a_detector_of_before_code_and_first_layer_had_settings(
    tiny: tf.keras.Model, tmp_path
) -> None:
    attributes = {"network": "detector", "width": 1 / 64, "decoder_width": 1 / 32}
    keras_h5.save_weights(tiny, tmp_path / "old.h5", attributes | {"encoder_size": 32})
    assert load_autoencoder(tmp_path / "old.h5").config == TINY


def test_with_a_linear_path_the_network_begins_as_principal_components(
    tmp_path, rng: np.random.Generator
) -> None:
    images = rng.integers(0, 256, (20, 7, 7, 3), np.uint8).repeat(32, axis=1).repeat(32, axis=2)
    model = autoencoder(LINEAR)
    linear = linear_path(model)
    assert linear is not None
    linear.begin_with(principal_components(images, Band(6), 16))
    shown = tf.constant(images, tf.float32) / 255.0
    expected = linear.reconstruct(shown).numpy()
    np.testing.assert_allclose(model(shown, training=False), expected, atol=1e-5)
    # Their code is what goes on to the transposed convolutions, and training leaves them alone.
    assert model.get_layer("code_map").output_shape == (None, 2, 2, 4)
    assert not any("linear" in variable.name for variable in model.trainable_variables)
    save_autoencoder(model, LINEAR, tmp_path / "detector.h5", float16=True)
    saved = load_autoencoder(tmp_path / "detector.h5")
    assert saved.config == LINEAR
    # Half precision keeps three digits of orthonormal numbers.
    np.testing.assert_allclose(saved.model(shown, training=False), expected, atol=2e-3)


def test_the_network_adds_to_the_linear_path(rng: np.random.Generator) -> None:
    """What ResNet-50 adds to the code and the decoder to the image: both have a gradient."""
    tf.keras.utils.set_random_seed(2)
    model = autoencoder(LINEAR)
    model.get_layer("deconv6").kernel.assign(0.1 * rng.normal(size=(4, 4, 3, 1 + 3 * 4)))
    images = tf.constant(rng.random((2, 224, 224, 3)), tf.float32)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(model(images, training=True) - images))
    gradients = tape.gradient(loss, model.trainable_variables)
    reached = {
        variable.name
        for variable, gradient in zip(model.trainable_variables, gradients, strict=True)
        if np.abs(gradient).max() > 0.0
    }
    assert {"code/kernel:0", "deconv1/kernel:0", "deconv6/kernel:0"} <= reached


def test_another_network_is_refused(tmp_path) -> None:
    keras_h5.save_layer_weights({}, tmp_path / "other.h5", {"network": "resgn"})
    with pytest.raises(InputError, match="not a detector"):
        load_autoencoder(tmp_path / "other.h5")
    keras_h5.save_layer_weights({}, tmp_path / "damaged.h5", {"network": "detector", "width": 1.0})
    with pytest.raises(InputError, match="decoder_width"):
        load_autoencoder(tmp_path / "damaged.h5")
    said = {"network": "detector", "width": 1.0, "decoder_width": 1.0, "encoder_size": np.inf}
    keras_h5.save_layer_weights({}, tmp_path / "damaged.h5", said)
    with pytest.raises(InputError, match=r"its size is not stated .*infinity"):
        load_autoencoder(tmp_path / "damaged.h5")


def test_imagenet_weights_do_not_fit_a_narrow_encoder(
    tiny: tf.keras.Model, tmp_path, monkeypatch
) -> None:
    layers = {"conv1_conv": {"kernel": np.zeros((7, 7, 3, 64)), "bias": np.zeros(64)}}
    monkeypatch.setattr(
        "detector.autoencoder.read_imagenet",
        lambda path, network: type("Numbers", (), {"layers": layers}),
    )
    with pytest.raises(InputError, match="`width=1`"):
        start_from_imagenet(tiny, tmp_path / "resnet50.h5")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"width": 0.0}, "`width` must lie above 0"),
        ({"decoder_width": float("nan")}, "`decoder_width` must lie above 0"),
        ({"first_width": 5.0}, "`first_width` must lie above 0"),
        ({"code": 30}, "`code` must be a multiple of 4 from 4 to 4096, got 30"),
        ({"band": 1}, "`band` must lie from 2 to 224, got 1"),
        ({"band": 6, "code": 1024}, "Raise `band` or lower `code`"),
        ({"encoder_size": 16}, "`encoder_size` must lie from 32 to 224, got 16"),
        ({"encoder_size": 448}, "`encoder_size` must lie from 32 to 224, got 448"),
    ],
)
def test_sizes_out_of_range_are_refused(settings, message: str) -> None:
    with pytest.raises(InputError, match=message):
        AutoencoderConfig(**settings)
