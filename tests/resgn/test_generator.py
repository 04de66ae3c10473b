from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from resgn.batch_norm import recalibrate
from resgn.generator import GeneratorConfig, clip_straight_through, residual_generator
from weights.errors import InputError

SMALL = GeneratorConfig(blocks=2, maps=8, in_kernel=3, out_kernel=3)


@pytest.mark.parametrize(
    ("config", "count"),
    [
        (GeneratorConfig(), 1_850_051),
        (GeneratorConfig(in_kernel=3, out_kernel=1), 1_820_867),
        (GeneratorConfig(in_kernel=3, out_kernel=3), 1_822_403),
    ],
)
def test_parameters_of_the_paper(config: GeneratorConfig, count: int) -> None:
    model = residual_generator(config)
    assert model.count_params() == count
    assert sum(np.prod(v.shape) for v in model.non_trainable_variables) == 6_272


@pytest.mark.parametrize("scale", [1, 2, 4])
@pytest.mark.parametrize("image_skip", [False, True])
def test_output_has_the_shape_and_range_of_images(scale: int, image_skip: bool) -> None:
    config = GeneratorConfig(2, 8, 3, 3, scale, image_skip)
    images = tf.random.uniform((2, 16, 24, 3), seed=1)
    cleaned = residual_generator(config)(images, training=True)
    assert cleaned.shape == images.shape
    assert cleaned.dtype == tf.float32
    assert 0.0 <= float(tf.reduce_min(cleaned)) <= float(tf.reduce_max(cleaned)) <= 1.0


@pytest.mark.parametrize("scale", [1, 2])
def test_image_skip_starts_from_the_identity(scale: int) -> None:
    images = tf.random.uniform((2, 16, 16, 3), seed=1)
    model = residual_generator(GeneratorConfig(2, 8, 3, 3, scale, image_skip=True))
    np.testing.assert_allclose(model(images, training=True), images, atol=1e-6)


def test_works_on_other_sizes() -> None:
    model = residual_generator(SMALL)
    assert model(tf.zeros((1, 40, 12, 3))).shape == (1, 40, 12, 3)


def test_straight_through_clip_stops_what_leads_further_out() -> None:
    # Descent moves against the gradient: at -0.1 a positive one leads further out, at 1.2 a
    # negative one does.
    x = tf.constant([-0.1, -0.1, 0.5, 0.5, 1.2, 1.2])
    upstream = tf.constant([1.0, -1.0, 1.0, -1.0, 1.0, -1.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = clip_straight_through(x)
    np.testing.assert_allclose(y, [0.0, 0.0, 0.5, 0.5, 1.0, 1.0])
    gradient = tape.gradient(y, x, output_gradients=upstream)
    np.testing.assert_allclose(gradient, [0.0, -1.0, 1.0, -1.0, 1.0, 0.0])


def test_weights_survive_saving(tmp_path) -> None:
    images = tf.random.uniform((1, 16, 16, 3), seed=2)
    model = residual_generator(SMALL)
    model(images, training=True)  # moves the statistics
    model.save_weights(tmp_path / "weights.h5")
    other = residual_generator(SMALL)
    other.load_weights(tmp_path / "weights.h5")
    np.testing.assert_array_equal(model(images), other(images))


def test_mixed_bfloat16_keeps_variables_and_output_in_float32() -> None:
    model = residual_generator(SMALL, "mixed_bfloat16")
    assert {v.dtype for v in model.trainable_variables} == {tf.float32}
    images = tf.random.uniform((1, 16, 16, 3), seed=3)
    reference = residual_generator(SMALL)
    reference.set_weights(model.get_weights())
    cleaned = model(images)
    assert cleaned.dtype == tf.float32
    # bfloat16 keeps eight bits: near the float32 network, yet not the same.
    error = np.abs(cleaned - reference(images)).max()
    assert 0.0 < error < 0.05


@pytest.mark.parametrize("name", ["blocks", "maps", "in_kernel", "out_kernel", "scale"])
def test_refuses_sizes_below_one(name: str) -> None:
    with pytest.raises(InputError, match=f"`{name}` must be at least 1"):
        GeneratorConfig(**{name: 0})


def test_recalibrated_statistics_are_those_of_the_batches() -> None:
    model = tf.keras.Sequential(
        [tf.keras.layers.BatchNormalization(momentum=0.0, input_shape=(4, 4, 2))]
    )
    batches = [tf.random.normal((3, 4, 4, 2), 2.0, 3.0, seed=i) for i in range(4)]
    recalibrate(model, batches)
    means = np.mean([b.numpy().mean((0, 1, 2)) for b in batches], 0)
    np.testing.assert_allclose(model.layers[0].moving_mean, means, rtol=1e-5)
    # Keras' fused layer keeps the unbiased variance.
    variances = np.mean([b.numpy().reshape(-1, 2).var(0, ddof=1) for b in batches], 0)
    np.testing.assert_allclose(model.layers[0].moving_variance, variances, rtol=1e-4)


def test_recalibrate_refuses_moving_averages_and_no_batch() -> None:
    with pytest.raises(ValueError, match="momentum is 0"):
        recalibrate(residual_generator(SMALL), [tf.zeros((1, 8, 8, 3))])
    with pytest.raises(ValueError, match="at least one batch"):
        recalibrate(residual_generator(SMALL, batch_norm_momentum=0.0), [])
