from __future__ import annotations

import cv2
import numpy as np
import pytest
import tensorflow as tf

from mofa.area_resize import area_resize


@pytest.mark.parametrize(("size", "side"), [(224, 112), (224, 96), (50, 32), (40, 40)])
def test_it_is_opencvs_area(size: int, side: int) -> None:
    images = np.random.default_rng(0).random((2, size, size, 3), np.float32)
    expected = [cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA) for image in images]
    np.testing.assert_allclose(area_resize(tf.constant(images), side), expected, atol=2e-5)


def test_worked_out_by_hand() -> None:
    row = tf.constant([0.0, 3.0, 6.0])
    image = tf.tile(row[None, None, :, None], [1, 3, 1, 1])
    # Each new pixel is one and a half old ones wide.
    np.testing.assert_allclose(area_resize(image, 2)[0, :, :, 0], [[1.0, 5.0]] * 2, rtol=1e-6)


def test_every_old_pixel_counts_by_its_area() -> None:
    images = tf.random.stateless_uniform([1, 14, 14, 2], [0, 1])
    with tf.GradientTape() as tape:
        tape.watch(images)
        total = tf.reduce_sum(area_resize(images, 6))
    np.testing.assert_allclose(tape.gradient(total, images), 36 / 196, rtol=1e-5)


def test_a_difference_between_neighbours_stays() -> None:
    board = np.indices((12, 12)).sum(0) % 2
    fine = tf.constant(np.kron(board, np.ones((2, 2)))[None, ..., None], tf.float32)
    np.testing.assert_allclose(area_resize(fine, 12)[0, ..., 0], board, atol=1e-6)
    blurred = tf.image.resize(fine, (12, 12), antialias=True)
    assert np.ptp(blurred[0, 2:-2, 2:-2, 0]) < 0.5
