from __future__ import annotations

import numpy as np
import pytest
import scipy.fft
import tensorflow as tf

from detector.band import Band, cosines
from weights.errors import InputError


def test_cosines_are_scipys_transform(rng: np.random.Generator) -> None:
    numbers = rng.normal(size=224)
    expected = scipy.fft.dct(numbers, norm="ortho")[:9]
    np.testing.assert_allclose(cosines(9, 224) @ numbers, expected, atol=1e-5)


def test_a_band_keeps_frequencies_below_its_radius(rng: np.random.Generator) -> None:
    """Of grey below 4, of colours below 2; each image of one frequency has one number."""
    band = Band(4)
    assert len(band) == 15 + 2 * 4  # 4 x 4 without (3, 3), and 2 x 2 of each colour
    numbers = rng.normal(size=(2, len(band))).astype(np.float32)
    images = band.synthesise(tf.constant(numbers))
    # Orthonormal: numbers come back, and the norm of an image is that of its numbers.
    np.testing.assert_allclose(band.analyse(images), numbers, atol=1e-4)
    np.testing.assert_allclose(
        np.linalg.norm(images.numpy().reshape(2, -1), axis=1),
        np.linalg.norm(numbers, axis=1),
        rtol=1e-5,
    )
    transformed = scipy.fft.dctn(images.numpy().mean(axis=-1), axes=(1, 2), norm="ortho")
    there = np.abs(transformed).max(axis=0) > 1e-4
    distance = np.hypot(*np.indices([224, 224]))
    np.testing.assert_array_equal(there, distance < 4)


def test_what_is_left_out_is_orthogonal_to_what_is_kept(rng: np.random.Generator) -> None:
    band = Band(8)
    images = tf.constant(rng.random((1, 224, 224, 3)), tf.float32)
    kept = band.synthesise(band.analyse(images))
    assert abs(float(tf.reduce_sum(kept * (images - kept)))) < 0.5
    assert float(tf.norm(images - kept)) < float(tf.norm(images))


def test_a_mirrored_image_has_mirrored_numbers(rng: np.random.Generator) -> None:
    band = Band(6)
    images = tf.constant(rng.random((1, 224, 224, 3)), tf.float32)
    np.testing.assert_allclose(
        band.analyse(images[:, :, ::-1]), band.analyse(images) * band.mirrored, atol=1e-4
    )


def test_at_a_smaller_side_it_is_the_same_picture(rng: np.random.Generator) -> None:
    """A band-limited picture averaged over blocks is nearly what is sampled at their middles."""
    band = Band(5)
    numbers = tf.constant(10.0 * rng.normal(size=(1, len(band))), tf.float32)
    large = band.synthesise(numbers)
    blocks = tf.nn.avg_pool2d(large, 4, 4, "VALID")
    np.testing.assert_allclose(band.synthesise(numbers, 56), blocks, atol=2e-3)
    assert band.synthesise(numbers, 3).shape == (1, 3, 3, 3)  # less than the band


@pytest.mark.parametrize("radius", [1, 225])
def test_radii_out_of_range_are_refused(radius: int) -> None:
    with pytest.raises(InputError, match=f"`band` must lie from 2 to 224, got {radius}"):
        Band(radius)
