from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from resgn.dlib_resnet import dlib_resnet
from resgn.target import Target, load_target
from weights.errors import InputError


@pytest.fixture(scope="module")
def dlib() -> Target:
    return load_target("dlib")


def test_embeddings_have_unit_length_and_are_the_networks_own(dlib: Target) -> None:
    images = tf.random.uniform((2, 160, 160, 3), seed=1)
    embeddings = dlib(images).numpy()
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=-1), 1.0, rtol=1e-5)
    raw = dlib_resnet()(tf.image.resize(images, [150, 150])).numpy()
    expected = raw / np.linalg.norm(raw, axis=-1, keepdims=True)
    np.testing.assert_allclose(embeddings, expected, atol=1e-5)


def test_gradient_reaches_nearly_the_whole_crop(dlib: Target) -> None:
    images = tf.random.uniform((1, 160, 160, 3), seed=1)
    with tf.GradientTape() as tape:
        tape.watch(images)
        loss = tf.reduce_sum(dlib(images)[:, :5])
    gradient = np.abs(tape.gradient(loss, images).numpy()[0]).sum(-1)
    # Unpadded strides leave out a pixel or two at the far edges.
    assert (gradient.sum(0)[:-8] > 0).all()
    assert (gradient.sum(1)[:-8] > 0).all()


def test_gradient_against_finite_differences(dlib: Target) -> None:
    images = tf.random.uniform((1, 160, 160, 3), minval=0.3, maxval=0.7, seed=2)
    direction = tf.random.normal(images.shape, seed=3)
    with tf.GradientTape() as tape:
        tape.watch(images)
        value = dlib(images)[0, 0]
    slope = float(tf.reduce_sum(tape.gradient(value, images) * direction))
    step = 1e-4
    up, down = (dlib(images + sign * step * direction)[0, 0] for sign in (1.0, -1.0))
    assert slope == pytest.approx(float(up - down) / (2 * step), rel=0.05, abs=1e-3)


def test_weights_stay_frozen(dlib: Target) -> None:
    dlib(tf.zeros((1, 160, 160, 3)))
    assert all(not network.trainable_variables for network in dlib._networks.values())


def test_randomization_works_at_a_larger_size_and_follows_its_seed(dlib: Target) -> None:
    images = tf.random.uniform((2, 160, 160, 3), seed=4)
    first = dlib.randomized(images, tf.constant([1, 2])).numpy()
    np.testing.assert_allclose(np.linalg.norm(first, axis=-1), 1.0, rtol=1e-5)
    np.testing.assert_array_equal(first, dlib.randomized(images, tf.constant([1, 2])))
    assert not np.allclose(first, dlib.randomized(images, tf.constant([1, 3])))
    wide = dlib.randomized(images, tf.constant([1, 2]), wide=True).numpy()
    assert wide.shape == first.shape
    assert not np.allclose(first, wide)
    assert 166 in dlib._networks


def test_padding_is_nothing_to_the_network(dlib: Target) -> None:
    # After (255 x - mean) / 256 the padding's colour is zero.
    network = dlib.network_at(150)
    colour = tf.fill((1, 150, 150, 3), 1.0) * tf.constant(dlib.padding)
    normalised = network.get_layer("normalise")(colour)
    np.testing.assert_allclose(normalised, 0.0, atol=1e-6)


def test_facenet_comes_with_the_installation() -> None:
    target = load_target("facenet")
    embeddings = target(tf.random.uniform((2, 160, 160, 3), seed=1)).numpy()
    assert embeddings.shape == (2, 512)
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=-1), 1.0, rtol=1e-5)


def test_unknown_target() -> None:
    with pytest.raises(InputError, match="known are dlib, facenet"):
        load_target("arcface")


def test_a_target_is_compiled_once_for_all(dlib: Target) -> None:
    images = tf.random.uniform((2, 160, 160, 3), seed=5)
    np.testing.assert_allclose(dlib.compiled(images), dlib(images), atol=1e-5)
    assert dlib.compiled is dlib.compiled
    assert dlib.computing_in("bfloat16").compiled is not dlib.compiled
