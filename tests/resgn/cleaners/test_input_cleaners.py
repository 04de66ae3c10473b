from __future__ import annotations

import cv2
import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage

from resgn.cleaners import (
    Cleaner,
    bit_depth,
    gaussian_filter,
    gaussian_noise,
    jpeg,
    median_filter,
)
from weights.errors import InputError

ALL = [jpeg(), bit_depth(), gaussian_filter(), median_filter(), gaussian_noise()]


@pytest.fixture
def images(rng: np.random.Generator) -> np.ndarray:
    return rng.uniform(size=(2, 16, 24, 3)).astype(np.float32)


@pytest.mark.parametrize("cleaner", ALL, ids=lambda cleaner: cleaner.name)
def test_gives_images_compiled_and_not(cleaner: Cleaner, images: np.ndarray) -> None:
    seed = tf.constant([1, 2])
    images[0, 0] = 0.0
    images[0, 1] = 1.0
    cleaned = cleaner(tf.constant(images), seed)
    assert cleaned.dtype == tf.float32
    assert cleaned.shape == images.shape
    assert cleaned.numpy().min() >= 0.0
    assert cleaned.numpy().max() <= 1.0
    np.testing.assert_allclose(tf.function(cleaner)(tf.constant(images), seed), cleaned, atol=1e-6)


@pytest.mark.parametrize("quality", [20, 75])
def test_jpeg_is_libjpegs(quality: int, rng: np.random.Generator) -> None:
    # Smooth, so that two decoders' ways with colours between pixels differ little.
    image = ndimage.gaussian_filter(rng.uniform(size=(32, 32, 3)), (6, 6, 0))
    image = ((image - image.min()) / np.ptp(image) * 255).round().astype(np.uint8)
    cleaned = jpeg(quality)(tf.constant(image[None], tf.float32) / 255.0).numpy()[0] * 255
    stored = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    expected = cv2.imdecode(stored, cv2.IMREAD_COLOR)[..., ::-1].astype(np.float32)
    assert np.abs(cleaned - expected).mean() < 1.5
    assert np.abs(cleaned - image).max() > 0


def test_bit_depth_by_hand() -> None:
    values = [0.0, 0.16, 0.17, 0.49, 0.51, 0.84, 1.0]
    squeezed = bit_depth(2)(tf.reshape(tf.repeat(tf.constant(values), 3), [1, 1, -1, 3]))
    expected = [0, 0, 1, 1, 2, 3, 3]
    np.testing.assert_allclose(squeezed[0, 0, :, 0] * 3, expected, atol=1e-6)


def test_median_against_scipy(images: np.ndarray) -> None:
    # SciPy calls the border "mirror" that TensorFlow calls "reflect".
    expected = ndimage.median_filter(images, (1, 5, 5, 1), mode="mirror")
    np.testing.assert_allclose(median_filter(5)(tf.constant(images)), expected, atol=1e-6)


def test_gaussian_filter_against_scipy(images: np.ndarray) -> None:
    expected = ndimage.gaussian_filter(images, (0, 1.5, 1.5, 0), mode="mirror", radius=(0, 3, 3, 0))
    np.testing.assert_allclose(gaussian_filter(7, 1.5)(tf.constant(images)), expected, atol=1e-5)


def test_gaussian_filter_has_its_true_gradient(images: np.ndarray) -> None:
    # Linear: half the change of a centred difference is the derivative up to rounding.
    cleaner, x = gaussian_filter(), tf.constant(0.25 + 0.5 * images)
    weights = tf.random.normal(x.shape, seed=1)
    direction = tf.random.normal(x.shape, seed=2)
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = tf.reduce_sum(weights * cleaner(x))
    slope = float(tf.reduce_sum(tape.gradient(value, x) * direction))
    up, down = (tf.reduce_sum(weights * cleaner(x + s * 0.01 * direction)) for s in (1.0, -1.0))
    assert slope == pytest.approx(float(up - down) / 0.02, rel=1e-2, abs=1e-2)


def test_noise_has_the_asked_spread_and_follows_its_seed() -> None:
    grey, cleaner = tf.fill((4, 32, 32, 3), 0.5), gaussian_noise(0.05)
    first = cleaner(grey, tf.constant([1, 2])).numpy()
    assert first.mean() == pytest.approx(0.5, abs=0.002)
    assert first.std() == pytest.approx(0.05, rel=0.05)
    np.testing.assert_array_equal(first, cleaner(grey, tf.constant([1, 2])))
    assert (first != cleaner(grey, tf.constant([1, 3])).numpy()).mean() > 0.9
    assert not np.array_equal(first[0], first[1])
    with pytest.raises(ValueError, match="needs a seed"):
        cleaner(grey)


def test_says_what_an_attacker_has_to_know() -> None:
    known = {cleaner.name: (cleaner.random, cleaner.differentiable) for cleaner in ALL}
    assert known == {
        "jpeg": (False, False),
        "bit_depth": (False, False),
        "gaussian_filter": (False, True),
        "median_filter": (False, False),
        "gaussian_noise": (True, True),
    }


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: jpeg(0), r"quality must lie in \[1, 100\], got 0"),
        (lambda: bit_depth(9), r"must lie in \[1, 8\], got 9"),
        (lambda: gaussian_filter(4), "odd and at least 1, got 4"),
        (lambda: gaussian_filter(3, 0.0), "sigma must be above 0, got 0.0"),
        (lambda: median_filter(-1), "odd and at least 1, got -1"),
        (lambda: gaussian_noise(float("nan")), "sigma must be above 0, got nan"),
    ],
)
def test_refuses_settings_that_cannot_be(make, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()
