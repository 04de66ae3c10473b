from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from resgn.cleaners import Cleaner
from resgn.evaluation import Attacked, Smoothing, evaluate
from resgn.smoothing import Draws
from resgn.target import Target
from resgn.verification_set import VerificationSet

PLAIN = Cleaner("plain", lambda images, _: images)
SMOOTHING = Smoothing(sigma=0.2, radius=0.1, draws=Draws(20, 200), pairs=2, batch_size=40)


def target() -> Target:
    """Says which of two halves of an image is brighter: embeddings on the half circle."""

    def network(images: tf.Tensor, training: bool = False) -> tf.Tensor:
        left, right = (tf.reduce_mean(part, [1, 2, 3]) for part in tf.split(images, 2, axis=2))
        angle = np.pi / 2 * (1 + tf.tanh(5 * (left - right)))
        return tf.stack([tf.cos(angle), tf.sin(angle)], -1)

    return Target("halves", tf.identity, lambda size: network, 8, (0.0,))


@pytest.fixture
def pairs() -> VerificationSet:
    """Four images, bright on the left or on the right; two pairs of each kind."""
    images = np.full((4, 8, 8, 3), 100, np.uint8)
    for number, half in enumerate((slice(0, 4), slice(0, 4), slice(4, 8), slice(4, 8))):
        images[number, :, half] = 180
    embeddings = target()(tf.constant(images, tf.float32) / 255.0).numpy()
    probe, reference = np.array([0, 2, 0, 2]), np.array([1, 3, 2, 0])
    same = np.array([True, True, False, False])
    # The first of each kind is attacked with success.
    adversarial = images[[3, 2, 3, 2]]
    return VerificationSet(images, embeddings, probe, reference, same, adversarial, 2.0)


def test_reports_measures_and_proves(pairs: VerificationSet) -> None:
    def attack(cleaner: Cleaner) -> Attacked:
        assert cleaner is PLAIN
        nobody = np.zeros(1, bool)
        return Attacked({"dodging": nobody, "impersonation": nobody}, ["weak: so it was."])

    found = evaluate(PLAIN, target(), pairs, attack, SMOOTHING)
    np.testing.assert_array_equal(found.reported["dodging"], [False, True])
    np.testing.assert_array_equal(found.reported["legitimate"], [True] * 4)
    np.testing.assert_array_equal(found.measured["dodging"], [False])
    for kind in ("dodging", "impersonation"):
        np.testing.assert_array_equal(found.certified[kind], [True, True])
    assert found.flags == ("weak: so it was.",)


def test_nothing_is_certified_beyond_what_draws_can_show(pairs: VerificationSet) -> None:
    far = Smoothing(0.2, radius=0.9, draws=Draws(20, 200), pairs=2, batch_size=40)
    found = evaluate(PLAIN, target(), pairs, smoothing=far)
    assert not found.certified["dodging"].any()
    assert found.measured == {}
    assert [flag.split(":")[0] for flag in found.flags] == ["not_attacked"]


def test_a_cleaner_that_looks_at_the_neighbours_is_not_certified(pairs: VerificationSet) -> None:
    """Its noisy copies do not vote for themselves."""
    centred = Cleaner("centred", lambda x, _: x - tf.reduce_mean(x) + 0.5, by_itself=False)
    found = evaluate(centred, target(), pairs, smoothing=SMOOTHING)
    assert found.certified == {}
    assert [flag.split(":")[0] for flag in found.flags] == ["not_attacked", "not_by_itself"]


def test_a_cleaner_that_takes_all_away_is_certified_only_where_that_is_right(
    pairs: VerificationSet,
) -> None:
    """It turns everything into the left person: certain, and right on half of the pairs."""
    left = tf.constant(pairs.images[:1] / np.float32(255))
    constant = Cleaner("constant", lambda images, _: 0.0 * images + left)
    found = evaluate(constant, target(), pairs, smoothing=SMOOTHING)
    np.testing.assert_array_equal(found.certified["dodging"], [True, False])
    np.testing.assert_array_equal(found.certified["impersonation"], [True, False])


def test_flags_say_when_not_to_trust(pairs: VerificationSet) -> None:
    def weak(cleaner: Cleaner) -> Attacked:
        return Attacked({"dodging": np.ones(2, bool), "impersonation": np.ones(2, bool)}, ())

    def noisy(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        return images + 0.001 * tf.random.stateless_normal(tf.shape(images), seed)

    rounded = Cleaner("rounded", lambda images, _: tf.round(images * 255) / 255, False, False)
    found = evaluate(rounded, target(), pairs, weak, SMOOTHING)
    assert [flag.split(":")[0] for flag in found.flags] == [
        "no_gradient",
        "knowing_loses",
        "knowing_loses",
    ]
    assert "dodging is 100.0 %" in found.flags[1]
    assert "50.0 % on the same pairs" in found.flags[1]
    found = evaluate(Cleaner("noisy", noisy, random=True), target(), pairs, smoothing=SMOOTHING)
    assert [flag.split(":")[0] for flag in found.flags] == ["not_attacked", "not_certified"]
    assert found.certified == {}
