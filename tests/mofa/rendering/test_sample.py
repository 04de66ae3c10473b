from __future__ import annotations

import numpy as np
import pytest
import scipy.ndimage
import tensorflow as tf

from mofa.rendering import sample


def test_between_pixels_as_scipy_has_it() -> None:
    rng = np.random.default_rng(0)
    images = rng.random((2, 7, 9, 3), np.float32)
    points = rng.uniform([0, 0], [8, 6], (2, 50, 2)).astype(np.float32)
    colours, inside = sample.bilinear(images, points)
    for n in range(2):
        for k in range(3):
            expected = scipy.ndimage.map_coordinates(
                images[n, ..., k], points[n, :, ::-1].T, order=1
            )
            np.testing.assert_allclose(colours[n, :, k], expected, atol=1e-5)
    assert inside.numpy().all()


def test_outside_points_take_the_border_and_say_so() -> None:
    images = tf.reshape(tf.range(12.0), [1, 3, 4, 1])
    points = [[(-1.0, 0.0), (5.0, 1.0), (3.0, 2.0), (1.0, 9.0)]]
    colours, inside = sample.bilinear(images, points)
    np.testing.assert_allclose(colours[0, :, 0], [0.0, 7.0, 11.0, 9.0])
    np.testing.assert_array_equal(inside[0], [False, False, True, False])


def test_gradient_is_the_slope_of_the_image() -> None:
    images = tf.reshape(tf.range(20.0), [1, 4, 5, 1]) ** 2 / 10.0
    points = tf.Variable([[(1.3, 2.6), (3.5, 0.25)]])

    def value() -> tf.Tensor:
        return tf.reduce_sum(sample.bilinear(images, points)[0])

    with tf.GradientTape() as tape:
        total = value()
    gradient = tape.gradient(total, points).numpy()
    start = points.numpy()
    for index in np.ndindex(2, 2):
        ends = []
        for sign in (1, -1):
            moved = start.copy()
            moved[0, index[0], index[1]] += sign * 0.01
            points.assign(moved)
            ends.append(float(value()))
        assert gradient[0, index[0], index[1]] == pytest.approx(
            (ends[0] - ends[1]) / 0.02, rel=1e-2
        )


def test_one_row_and_wrong_shapes() -> None:
    colours, _ = sample.bilinear(tf.ones([1, 1, 1, 2]), tf.zeros([1, 1, 2]))
    np.testing.assert_array_equal(colours, tf.ones([1, 1, 2]))
    with pytest.raises(ValueError, match="points"):
        sample.bilinear(tf.ones([1, 2, 2, 3]), tf.zeros([1, 4, 3]))
