from __future__ import annotations

import numpy as np
import tensorflow as tf

from resgn.facenet import preprocess
from resgn.lopez_range import whitened_to_unit, without_preprocessing
from resgn.target import Target


def test_images_are_whitened_one_by_one_and_stretched_together(rng: np.random.Generator) -> None:
    images = rng.integers(0, 256, (300, 4, 4, 3), dtype=np.uint8)
    images[1] = 100 + images[1] // 8  # a flat one
    # FaceNet's own preprocessing, held against Sandberg's elsewhere.
    whitened = preprocess(tf.constant(images, tf.float32) / 255.0, "prewhiten").numpy()
    low, high = whitened.min(), whitened.max()
    found = whitened_to_unit(images)
    assert found.dtype == np.uint8
    assert found.min() == 0
    assert found.max() == 255
    np.testing.assert_allclose(found, 255 * (whitened - low) / (high - low), atol=0.51)
    # Flat and full images have the same contrast afterwards.
    assert abs(found[1].std() - found[0].std()) < 1.0


def test_the_network_takes_images_as_they_are() -> None:
    def network(images: tf.Tensor, training: bool = False) -> tf.Tensor:
        return tf.reduce_mean(images, axis=[1, 2])

    target = Target("toy", lambda x: 2.0 * x - 1.0, lambda size: network, 4, (0.0,), crop="box")
    plain = without_preprocessing(target)
    images = tf.random.stateless_uniform([2, 4, 4, 3], [1, 2])
    expected = tf.math.l2_normalize(tf.reduce_mean(images, axis=[1, 2]), -1)
    np.testing.assert_allclose(plain(images), expected, rtol=1e-5)
    assert plain.crop == "box"
    assert not np.allclose(target(images), expected)
