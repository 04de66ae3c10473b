from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from detector.band import Band
from detector.pca import LinearCode, principal_components
from weights.errors import InputError

BAND = Band(5)


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    """More than a batch; coarse, so that a band of 5 sees most of them."""
    rng = np.random.default_rng(4)
    return rng.integers(0, 256, (150, 4, 4, 3), np.uint8).repeat(56, axis=1).repeat(56, axis=2)


@pytest.mark.parametrize("mirror", [False, True])
def test_components_are_numpys(images: np.ndarray, mirror: bool) -> None:
    found = principal_components(images, BAND, 12, mirror)
    shown = np.concatenate([images, images[:, :, ::-1]]) if mirror else images
    numbers = BAND.analyse(tf.constant(shown, tf.float32) / 255.0).numpy().astype(np.float64)
    centred = numbers - numbers.mean(axis=0)
    _, values, directions = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(found.mean, numbers.mean(axis=0), atol=1e-3)
    np.testing.assert_allclose(
        found.deviations, values[:12] / np.sqrt(len(shown)), rtol=1e-3, atol=1e-4
    )
    cosine = np.abs(np.sum(found.components * directions[:12], axis=1))
    np.testing.assert_allclose(cosine, 1.0, atol=1e-3)
    # Signs are settled: the largest entry is positive.
    largest = np.abs(found.components).argmax(axis=1)
    assert (found.components[np.arange(12), largest] > 0).all()


def test_a_layer_of_components_is_the_best_linear_code(images: np.ndarray) -> None:
    layer = LinearCode(BAND, 12)
    layer.begin_with(principal_components(images, BAND, 12))
    shown = tf.constant(images[:40], tf.float32) / 255.0
    code = layer(shown).numpy()
    assert code.shape == (40, 12)
    numbers = BAND.analyse(shown).numpy()
    centred = numbers - layer.mean.numpy()
    np.testing.assert_allclose(
        code * layer.deviations.numpy(), centred @ layer.components.numpy().T, atol=1e-3
    )
    whole = layer(tf.constant(code), side=224).numpy()
    np.testing.assert_allclose(layer.reconstruct(shown), whole.clip(0.0, 1.0), atol=1e-5)
    few = np.where(np.arange(12) < 5, code, 0.0).astype(np.float32)
    np.testing.assert_allclose(
        layer.reconstruct(shown, 5), layer(few, side=224).numpy().clip(0.0, 1.0), atol=1e-5
    )


def test_a_layer_begins_orthonormal() -> None:
    layer = LinearCode(BAND, 12)
    np.testing.assert_allclose(
        layer.components @ tf.transpose(layer.components), np.eye(12), atol=1e-5
    )
    np.testing.assert_array_equal(layer.mean, np.zeros(len(BAND)))
    np.testing.assert_array_equal(layer.deviations, np.ones(12))
    assert not layer.trainable_variables


def test_what_never_varies_divides_nothing_by_zero() -> None:
    images = np.full((3, 224, 224, 3), 90, np.uint8)
    images[0] = 200
    found = principal_components(images, BAND, 6)
    np.testing.assert_allclose(found.deviations[1:], 1e-3 * found.deviations[0], rtol=1e-6)
    assert not found.components[1:].any()  # rounding has no direction
    assert found.components[0].any()
    layer = LinearCode(BAND, 6)
    layer.begin_with(found)
    shown = tf.constant(images, tf.float32) / 255.0
    np.testing.assert_allclose(layer.reconstruct(shown), shown, atol=1e-4)


def test_what_cannot_be_is_refused(images: np.ndarray) -> None:
    with pytest.raises(InputError, match="there are none"):
        principal_components(images[:0], BAND, 4)
    with pytest.raises(InputError, match=f"has {len(BAND)} numbers.*got {len(BAND) + 1}"):
        principal_components(images, BAND, len(BAND) + 1)
    with pytest.raises(InputError, match="Raise `band`"):
        LinearCode(BAND, len(BAND) + 1)
    layer = LinearCode(BAND, 4)
    with pytest.raises(ValueError, match="from 1 to 4, got 5"):
        layer.reconstruct(tf.zeros([1, 224, 224, 3]), 5)
