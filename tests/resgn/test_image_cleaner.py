from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from resgn.generator import GeneratorConfig, residual_generator
from resgn.image_cleaner import ImageCleaner, reach

CONFIG = GeneratorConfig(blocks=1, maps=4, in_kernel=3, out_kernel=3, scale=2, image_skip=True)


@pytest.fixture
def model() -> tf.keras.Model:
    """A ResGN that changes images visibly: its last layer does not start at zero."""
    model = residual_generator(CONFIG)
    rng = np.random.default_rng(0)
    model.get_layer("last").set_weights(
        [0.1 * rng.normal(size=v.shape) for v in model.get_layer("last").get_weights()]
    )
    return model


def whole(model: tf.keras.Model, images: np.ndarray) -> np.ndarray:
    return np.rint(255.0 * model(images.astype(np.float32) / 255.0, training=False).numpy())


def test_even_sizes_are_the_networks_own(model, rng: np.random.Generator) -> None:
    images = rng.integers(0, 256, (2, 20, 26, 3)).astype(np.uint8)
    cleaned = ImageCleaner(model, CONFIG)(images)
    assert cleaned.dtype == np.uint8
    np.testing.assert_array_equal(cleaned, whole(model, images))
    assert np.abs(cleaned.astype(int) - images).max() > 10


@pytest.mark.parametrize("size", [(1, 1), (7, 9), (8, 9), (33, 64)])
def test_odd_sizes_are_filled_up_with_their_border(
    model, size: tuple[int, int], rng: np.random.Generator
) -> None:
    images = rng.integers(0, 256, (1, *size, 3)).astype(np.uint8)
    filled = np.pad(images, [(0, 0), (0, size[0] % 2), (0, size[1] % 2), (0, 0)], mode="edge")
    expected = whole(model, filled)[:, : size[0], : size[1]]
    np.testing.assert_array_equal(ImageCleaner(model, CONFIG)(images), expected)


def test_tiles_leave_no_seams_and_one_trace(model, rng: np.random.Generator) -> None:
    cleaner = ImageCleaner(model, CONFIG, tile=16)
    for size in ((60, 70), (16, 90), (41, 32)):
        images = rng.integers(0, 256, (1, *size, 3)).astype(np.uint8)
        together = ImageCleaner(model, CONFIG)(images).astype(int)
        # Sums in another order may round to the next level.
        assert np.abs(cleaner(images).astype(int) - together).max() <= 1
    assert cleaner.traces == 1


def test_reach_is_as_far_as_gradients_go(model) -> None:
    image = tf.Variable(tf.random.uniform([1, 64, 64, 3], seed=0))
    with tf.GradientTape() as tape:
        value = tf.reduce_sum(model(image, training=False)[0, 32, 32])
    touched = np.argwhere(np.abs(tape.gradient(value, image)[0]).max(-1) > 0)
    assert 0 < np.abs(touched - 32).max() <= reach(CONFIG)


def test_other_arrays_are_refused(model) -> None:
    cleaner = ImageCleaner(model, CONFIG)
    for images in (np.zeros((2, 8, 8, 3)), np.zeros((8, 8, 3), np.uint8)):
        with pytest.raises(ValueError, match="expected uint8"):
            cleaner(images)
