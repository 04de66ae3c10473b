from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from detector.defence import GaussianNoise, Reformer
from detector.magnet import MagNetDetector


def test_noise_has_the_scale_that_was_asked_for() -> None:
    grey = tf.fill([4, 50, 50, 3], 0.5)
    noise = (GaussianNoise(0.05)(grey, tf.constant([1, 2])) - grey).numpy()
    # 30,000 draws: a standard error of 0.0002 for the scale, 0.0003 for the mean.
    assert noise.std() == pytest.approx(0.05, abs=0.001)
    assert noise.mean() == pytest.approx(0.0, abs=0.0015)


def test_noise_follows_its_seed_and_stays_in_range() -> None:
    images = tf.ones([1, 8, 8, 3])
    noise = GaussianNoise(0.3)
    first, again, other = (
        noise(images, tf.constant(seed)).numpy() for seed in ([1, 2],) * 2 + ([1, 3],)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert first.max() == 1.0
    assert first.min() >= 0.0


def test_no_noise_is_the_image() -> None:
    images = tf.random.uniform([1, 4, 4, 3])
    np.testing.assert_array_equal(GaussianNoise(0.0)(images, tf.constant([0, 0])), images)


def test_negative_noise_is_refused() -> None:
    with pytest.raises(ValueError, match="noise_scale must be 0 or more"):
        GaussianNoise(-0.1)


def test_reformer_clips_and_lets_the_gradient_through() -> None:
    images = tf.constant([[[[0.2, 0.4, 0.9]]]])
    with tf.GradientTape() as tape:
        tape.watch(images)
        reformed = Reformer(lambda x: 2.0 * x)(images)
    np.testing.assert_allclose(reformed, [[[[0.4, 0.8, 1.0]]]], atol=1e-6)
    np.testing.assert_allclose(tape.gradient(reformed, images), [[[[2.0, 2.0, 0.0]]]])


def test_every_detector_of_magnet_has_a_veto() -> None:
    normal = {"l1": np.arange(10.0), "js": np.arange(10.0) / 10}
    magnet = MagNetDetector.calibrated(normal, rate=0.1)
    assert magnet.thresholds == {"l1": 9.0, "js": 0.9}
    flags = magnet.flags({"l1": np.array([8.0, 9.0, 0.0]), "js": np.array([0.8, 0.0, 0.95])})
    np.testing.assert_array_equal(flags, [False, True, True])


def test_the_worst_score_of_magnet_says_how_far_it_is_from_passing() -> None:
    magnet = MagNetDetector({"l1": 8.0, "js": 0.5})
    scores = {"l1": tf.constant([4.0, 8.0, 12.0]), "js": tf.constant([0.2, 0.1, 1.0])}
    excess = magnet.excess(scores).numpy()
    np.testing.assert_allclose(excess, [-0.5, 0.0, 1.0], atol=1e-6)
    flags = magnet.flags({name: each.numpy() for name, each in scores.items()})
    np.testing.assert_array_equal(flags, excess >= 0.0)


def test_magnet_needs_a_detector() -> None:
    with pytest.raises(ValueError, match="at least one detector"):
        MagNetDetector.calibrated({})
