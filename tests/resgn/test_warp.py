"""The warp: what OpenCV does, and its gradient."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import tensorflow as tf

from resgn.warp import warp

TURNED = np.array([[0.9, -0.2, 3.0], [0.25, 1.1, -4.5]], np.float32)


def test_against_opencv(rng: np.random.Generator) -> None:
    images = rng.random([2, 30, 40, 3]).astype(np.float32)
    matrices = np.stack([TURNED, TURNED * 0.7 + 2])
    given = warp(tf.constant(images), tf.constant(matrices), 25).numpy()
    assert given.shape == (2, 25, 25, 3)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    for image, matrix, seen in zip(images, matrices, given, strict=True):
        expected = cv2.warpAffine(image, matrix, (25, 25), None, flags, cv2.BORDER_REPLICATE)
        # OpenCV rounds places to 1/32 of a pixel.
        assert np.abs(seen - expected).max() < 0.07
        assert np.abs(seen - expected).mean() < 0.01


def test_by_hand() -> None:
    image = tf.constant(np.arange(12, dtype=np.float32).reshape(1, 3, 4, 1))
    moved = tf.constant([[[1.0, 0.0, 0.25], [0.0, 1.0, 0.5]]])
    seen = warp(image, moved, 2)[0, :, :, 0]
    np.testing.assert_allclose(seen, [[2.25, 3.25], [6.25, 7.25]], atol=1e-5)
    # Outside there is the border.
    away = tf.constant([[[1.0, 0.0, 100.0], [0.0, 1.0, -100.0]]])
    np.testing.assert_array_equal(warp(image, away, 2), np.full((1, 2, 2, 1), 3.0))


@pytest.mark.parametrize("jit", [False, True])
def test_gradient_is_the_adjoint(rng: np.random.Generator, jit: bool) -> None:
    """The warp is linear in the pixels, so that <warp(x), y> = <x, gradient(y)>."""
    images = tf.constant(rng.random([2, 9, 9, 3]), tf.float32)
    weights = tf.constant(rng.random([2, 9, 9, 3]), tf.float32)
    matrices = tf.constant(np.stack([TURNED, np.eye(2, 3, dtype=np.float32)]))

    @tf.function(jit_compile=jit)
    def both() -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(images)
            value = tf.reduce_sum(weights * warp(images, matrices))
        return value, tape.gradient(value, images)

    value, gradient = both()
    assert float(tf.reduce_sum(gradient * images)) == pytest.approx(float(value), rel=1e-5)
    np.testing.assert_allclose(gradient[1], weights[1], rtol=1e-6)
