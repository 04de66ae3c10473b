from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from resgn.randomization import randomize, randomized_size


def test_sizes_keep_the_proportion_of_the_original() -> None:
    assert randomized_size(299) == 331
    assert randomized_size(160) == 177
    assert randomized_size(150) == 166


def test_the_wide_range_has_the_originals_pixels() -> None:
    assert randomized_size(299, wide=True) == 331
    assert randomized_size(160, wide=True) == 192


def test_every_image_is_a_nearest_neighbour_copy_in_a_frame() -> None:
    size, output = 10, 13
    image = np.arange(1, size * size + 1, dtype=np.float32).reshape(1, size, size, 1)
    inputs = np.repeat(image, 60, 0)
    results = randomize(tf.constant(inputs), output, (0.0,), tf.constant([1, 2])).numpy()
    sides, places = set(), set()
    for result in results[..., 0]:
        rows, columns = np.flatnonzero(result.any(1)), np.flatnonzero(result.any(0))
        side = len(rows)
        assert len(columns) == side
        assert size <= side < output
        top, left = rows[0], columns[0]
        inner = result[top : top + side, left : left + side]
        source = np.arange(side) * size // side  # floor, as TensorFlow's first resize did
        np.testing.assert_array_equal(inner, image[0, ..., 0][np.ix_(source, source)])
        sides.add(side)
        places.add((top, left))
    assert sides == {10, 11, 12}
    assert len(places) > 8


def test_padding_has_the_colour_that_stands_for_nothing() -> None:
    inputs = tf.ones((4, 6, 6, 3))
    result = randomize(inputs, 9, (0.1, 0.2, 0.3), tf.constant([0, 0])).numpy()
    frame = result[(result != 1.0).all(-1)]
    assert len(frame) > 0
    np.testing.assert_allclose(frame, np.tile([0.1, 0.2, 0.3], (len(frame), 1)), rtol=1e-6)


def test_the_seed_decides() -> None:
    inputs = tf.random.uniform((3, 8, 8, 3), seed=1)
    first = randomize(inputs, 11, (0.0,), tf.constant([1, 1]))
    np.testing.assert_array_equal(first, randomize(inputs, 11, (0.0,), tf.constant([1, 1])))
    assert (first != randomize(inputs, 11, (0.0,), tf.constant([1, 2]))).numpy().any()


def test_gradient_counts_how_often_a_pixel_is_copied() -> None:
    inputs = tf.random.uniform((2, 8, 8, 1), seed=1)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        result = randomize(inputs, 12, (0.0,), tf.constant([3, 4]))
    gradient = tape.gradient(result, inputs).numpy()
    assert gradient.min() >= 1.0  # resizing never shrinks: every pixel is copied at least once
    copied = np.count_nonzero(result, axis=(1, 2, 3))
    np.testing.assert_allclose(gradient.sum((1, 2, 3)), copied)


def test_refuses_what_cannot_be_padded() -> None:
    with pytest.raises(ValueError, match="S < output_size"):
        randomize(tf.zeros((1, 8, 8, 3)), 8, (0.0,), tf.constant([0, 0]))
    with pytest.raises(ValueError, match="S < output_size"):
        randomize(tf.zeros((1, 8, 9, 3)), 12, (0.0,), tf.constant([0, 0]))
