from __future__ import annotations

import numpy as np
import tensorflow as tf

from resgn.texture_critic import CriticConfig, augment, identity_classifier, save_critic
from resgn.vgg_face import vgg_face


def test_folding_leaves_vgg_face_with_the_same_features(tmp_path) -> None:
    config = CriticConfig(1 / 16, 32)
    model = identity_classifier(config, classes=5)
    images = tf.random.uniform((4, 32, 32, 3), seed=1)
    for _ in range(3):
        model(images, training=True)  # moves the statistics away from 0 and 1
    features = tf.keras.Model(model.input, model.get_layer("fc7_relu").output)
    path = tmp_path / "critic.h5"
    save_critic(model, config, path, "a test")
    critic = vgg_face(path)
    expected = features(images, training=False).numpy()
    assert expected.max() > 0
    np.testing.assert_allclose(critic(images), expected, rtol=1e-3, atol=1e-4 * expected.max())


def test_the_default_critic_loads_and_tells_faces_from_noise() -> None:
    critic = vgg_face("small")
    features = critic(tf.random.uniform((2, 160, 160, 3), seed=1))
    assert features.shape == (2, 512)
    assert np.isfinite(features).all()
    assert not critic.trainable_variables


def test_augmented_images_stay_images_and_follow_their_seed() -> None:
    images = tf.random.uniform((6, 32, 32, 3), seed=1)
    once = augment(images, tf.constant([1, 2])).numpy()
    assert once.shape == images.shape
    assert once.min() >= 0.0
    assert once.max() <= 1.0
    np.testing.assert_array_equal(once, augment(images, tf.constant([1, 2])))
    assert not np.allclose(once, augment(images, tf.constant([1, 3])))
