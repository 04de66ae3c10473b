"""The filters against scipy and against tensorflow-addons."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import scipy.ndimage
import tensorflow as tf

from resgn.cleaners import image_filters


@pytest.fixture
def images(rng: np.random.Generator) -> np.ndarray:
    return rng.random((2, 9, 12, 3), np.float32)


@pytest.mark.parametrize("median", [image_filters.median, image_filters.plain_median])
@pytest.mark.parametrize("side", [1, 3, 5])
def test_median_is_that_of_the_square(images: np.ndarray, median: Callable, side: int) -> None:
    expected = scipy.ndimage.median_filter(images, (1, side, side, 1), mode="mirror")
    np.testing.assert_array_equal(median(tf.constant(images), side), expected)


@pytest.mark.parametrize("gaussian", [image_filters.gaussian, image_filters.plain_gaussian])
@pytest.mark.parametrize(("side", "sigma"), [(1, 1.0), (3, 0.5), (7, 2.0)])
def test_gaussian_weighs_by_distance(
    images: np.ndarray, gaussian: Callable, side: int, sigma: float
) -> None:
    weights = np.exp(-((np.arange(side) - side // 2) ** 2) / (2.0 * sigma**2))
    weights /= weights.sum()
    expected = images
    for axis in (1, 2):
        expected = scipy.ndimage.correlate1d(expected, weights, axis, mode="mirror")
    np.testing.assert_allclose(gaussian(tf.constant(images), side, sigma), expected, atol=1e-6)


@pytest.mark.parametrize("side", [1, 3, 5])
def test_equal_to_tensorflow_addons_with_gradient(images: np.ndarray, side: int) -> None:
    tfa = pytest.importorskip("tensorflow_addons")
    x = tf.constant(images)
    pairs = {
        "gaussian": (
            lambda x: image_filters.plain_gaussian(x, side, 1.0),
            lambda x: tfa.image.gaussian_filter2d(x, side, 1.0),
        ),
        "median": (
            lambda x: image_filters.plain_median(x, side),
            lambda x: tfa.image.median_filter2d(x, side),
        ),
    }
    for name, (ours, theirs) in pairs.items():
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(x)
            results = [ours(x), theirs(x)]
            losses = [tf.reduce_sum(result**2) for result in results]
        np.testing.assert_allclose(*results, atol=1e-6, err_msg=name)
        gradients = [tape.gradient(loss, x) for loss in losses]
        np.testing.assert_allclose(*gradients, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("name", ["gaussian", "median"])
def test_shape_stays_known_in_a_graph(images: np.ndarray, name: str) -> None:
    filters = {
        "gaussian": lambda x: image_filters.plain_gaussian(x, 3, 1.0),
        "median": lambda x: image_filters.plain_median(x, 3),
    }

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3])])
    def graph(x: tf.Tensor) -> tf.Tensor:
        return filters[name](x)

    np.testing.assert_allclose(graph(images), filters[name](tf.constant(images)), atol=1e-6)
