"""The guarantee, against verifiers whose true radius is known and against attacks."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from attacks import EOT, PGD, WrongVerification
from resgn.smoothing import ABSTAINS, DIFFERENT, SAME, Draws, SmoothedVerifier, certify
from resgn.smoothing.smoothed_verifier import CERTIFICATION, SELECTION
from tests.resgn.smoothing.toys import SIDE, Curved, HalfSpace

SIGMA = 0.3
FINE = 0.1
DRAWS = Draws(selection=50, certification=2000, confidence=0.999)
PLACES = np.array([-0.9, -0.5, -0.3, -0.1, -0.02, 0.02, 0.1, 0.3, 0.5, 0.9])
"""Signed distances to the hyperplane."""


@pytest.fixture(scope="module")
def half_space() -> HalfSpace:
    return HalfSpace()


@pytest.fixture(scope="module")
def verifier(half_space: HalfSpace) -> SmoothedVerifier:
    return SmoothedVerifier(half_space, half_space.threshold, SIGMA, batch_size=500)


def test_votes_come_as_often_as_they_must(
    half_space: HalfSpace, verifier: SmoothedVerifier
) -> None:
    for place in (-0.3, 0.0, 0.4):
        votes = verifier.votes(half_space.image(place), half_space.reference, 20000, 0, 1)
        expected = stats.norm.cdf(-place / SIGMA)
        assert votes[0] / 20000 == pytest.approx(expected, abs=4 * 0.5 / np.sqrt(20000))


def test_a_certificate_never_exceeds_the_true_radius(
    half_space: HalfSpace, verifier: SmoothedVerifier
) -> None:
    for seed in range(3):
        for number, place in enumerate(PLACES):
            image = half_space.image(place)
            found = verifier.certify(image, half_space.reference, DRAWS, seed * 100 + number)
            assert found.decision[0] in (SAME if place < 0 else DIFFERENT, ABSTAINS)
            assert found.radius[0] <= abs(place)
            # Nor is it much less, as far as so many draws can see.
            if 0.3 <= abs(place) <= 0.5:
                assert found.radius[0] > 0.75 * abs(place)


def test_a_wrong_sigma_shows(half_space: HalfSpace, verifier: SmoothedVerifier) -> None:
    """Who draws with less noise than the certificate says claims what is not true."""
    image = half_space.image(-0.3)
    votes = [
        verifier.votes(image, half_space.reference, count, 0, stream)
        for stream, count in ((SELECTION, 50), (CERTIFICATION, 2000))
    ]
    assert certify(votes[0], votes[1], SIGMA, DRAWS).radius[0] < 0.3
    assert certify(votes[0], votes[1], 1.5 * SIGMA, DRAWS).radius[0] > 0.3


def test_draws_follow_seed_and_stream_and_surplus_of_a_batch_is_not_counted(
    half_space: HalfSpace,
) -> None:
    small = SmoothedVerifier(half_space, half_space.threshold, SIGMA, batch_size=7)
    image, reference = half_space.image(0.05), half_space.reference
    first = small.votes(image, reference, 100, 5, CERTIFICATION)
    np.testing.assert_array_equal(first, small.votes(image, reference, 100, 5, CERTIFICATION))
    others = [
        small.votes(image, reference, 100, seed, stream)[0]
        for seed, stream in ((6, 1), (7, 1), (8, 1), (5, 0), (9, 0))
    ]
    assert len({first[0], *others}) > 2
    # Far on one side every draw votes alike: 100 of them, not 105.
    assert small.votes(half_space.image(-3.0), reference, 100, 0, 1)[0] == 100
    # More draws begin with the same ones.
    assert small.votes(image, reference, 107, 5, 1)[0] - first[0] in range(8)


def test_one_set_of_draws_serves_several_references_in_one_trace(half_space: HalfSpace) -> None:
    traced = []

    def embed(images: tf.Tensor) -> tf.Tensor:
        traced.append(images.shape)
        return half_space(images)

    verifier = SmoothedVerifier(embed, half_space.threshold, SIGMA, batch_size=40)
    image = half_space.image(0.1)
    opposite = -half_space.reference
    both = np.concatenate([half_space.reference, opposite])
    votes = verifier.votes(image, both, 200, 3, 1)
    assert votes[0] + votes[1] == 200  # what is far from one is near the other
    np.testing.assert_array_equal(verifier.votes(image, opposite, 200, 3, 1), votes[1:])
    assert verifier.predict(image, both, Draws(10, 200), 3).shape == (2,)
    assert traced == [(40, SIDE, SIDE, 3)]


def test_eight_bit_probes_are_taken_as_they_are_shown(half_space: HalfSpace) -> None:
    verifier = SmoothedVerifier(half_space, half_space.threshold, SIGMA, batch_size=50)
    image = np.rint(255 * np.clip(half_space.image(0.2), 0, 1)).astype(np.uint8)
    votes = [
        verifier.votes(each, half_space.reference, 500, 0, 1)
        for each in (image, image / np.float32(255))
    ]
    np.testing.assert_array_equal(*votes)


def test_noise_is_not_clipped() -> None:
    """A clipped copy of a white image could never be brighter than white."""
    brighter = lambda images: tf.one_hot(  # noqa: E731
        tf.cast(tf.reduce_mean(images, [1, 2, 3]) > 1.0, tf.int32), 2
    )
    verifier = SmoothedVerifier(brighter, 1.0, SIGMA, batch_size=100)
    white = np.ones((SIDE, SIDE, 3), np.float32)
    votes = verifier.votes(white, np.array([[0.0, 1.0]], np.float32), 1000, 0, 1)
    assert 400 < votes[0] < 600


def attacked(
    network: Curved, images: np.ndarray, references: np.ndarray, same: np.ndarray, radii: np.ndarray
) -> np.ndarray:
    """Each image under PGD of 100 steps in L2, averaged over draws of the very noise (EOT)."""

    def smoothed(x: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        return network(x + tf.random.stateless_normal(tf.shape(x), seed, stddev=FINE))

    model = EOT(smoothed, 16)
    attack = PGD(100, norm="l2", keep_best=False)
    found = [
        attack.craft(
            model, images[[i]], WrongVerification(references[[i]], same[[i]], 1.0), epsilons=[r]
        )[0, 0]
        for i, r in enumerate(radii)
    ]
    return np.stack(found)


def test_no_attack_succeeds_within_a_certified_radius_and_some_do_beyond() -> None:
    network = Curved()
    verifier = SmoothedVerifier(network, 1.0, FINE, batch_size=500)
    rng = np.random.default_rng(7)
    images = rng.uniform(0.1, 0.9, (40, SIDE, SIDE, 3)).astype(np.float32)
    others = images[::-1].copy()
    others[:20] = images[:20]  # half of the pairs are of one image
    references = network(tf.constant(others)).numpy()
    certified = [
        verifier.certify(image, reference[None], DRAWS, number)
        for number, (image, reference) in enumerate(zip(images, references, strict=True))
    ]
    radii = np.array([each.radius[0] for each in certified])
    decisions = np.array([each.decision[0] for each in certified])
    chosen = np.concatenate(
        [np.flatnonzero((decisions == kind) & (radii > 0.05))[:3] for kind in (SAME, DIFFERENT)]
    )
    assert len(chosen) == 6
    images, references, radii = images[chosen], references[chosen], radii[chosen]
    decisions = decisions[chosen]

    def after(budgets: np.ndarray) -> np.ndarray:
        moved = attacked(network, images, references, decisions == SAME, budgets)
        assert (np.sqrt(np.sum(np.square(moved - images), (1, 2, 3))) <= budgets + 1e-5).all()
        return np.array(
            [
                verifier.predict(image, reference[None], DRAWS, 1000 + number)[0]
                for number, (image, reference) in enumerate(zip(moved, references, strict=True))
            ]
        )

    assert not (after(radii) == 1 - decisions).any()
    # The same attack with a longer reach turns decisions: the test above could have failed.
    assert np.count_nonzero(after(5 * radii) == 1 - decisions) >= 3


def test_a_smoothed_reference_is_the_mean_direction_of_its_copies() -> None:
    """Of the half circle, against the integral over the only direction of noise that counts."""
    half_space = HalfSpace()
    verifier = SmoothedVerifier(half_space, half_space.threshold, SIGMA, batch_size=7)
    place = 0.4
    found = verifier.reference(half_space.image(place), 20000, 3)
    along = np.linspace(-6, 6, 4001)
    angle = np.pi / 2 * (1 + np.tanh(place + SIGMA * along))
    mean = [np.average(f(angle), weights=stats.norm.pdf(along)) for f in (np.cos, np.sin)]
    np.testing.assert_allclose(found, mean / np.linalg.norm(mean), atol=0.01)
    # Of eight-bit images too; another seed draws others, the same seed the same.
    levels = np.full((SIDE, SIDE, 3), 200, np.uint8)
    few = [verifier.reference(levels, 5, seed) for seed in (3, 3, 4)]
    np.testing.assert_array_equal(few[0], few[1])
    assert not np.array_equal(few[0], few[2])
    assert np.linalg.norm(few[2]) == pytest.approx(1.0, abs=1e-6)


def test_a_reference_shares_no_draws_with_the_votes() -> None:
    """Each copy is seen once: those of a reference are none of a probe with the same seed."""
    seen: list[float] = []

    def embed(images: tf.Tensor) -> tf.Tensor:
        tf.py_function(lambda x: seen.extend(x.numpy()[:, 0, 0, 0].tolist()), [images], [])
        return tf.one_hot(tf.zeros(len(images), tf.int32), 2)

    verifier = SmoothedVerifier(embed, 1.0, SIGMA, batch_size=20)
    image = np.zeros((SIDE, SIDE, 3), np.float32)
    verifier.reference(image, 20, 0)
    for stream in (SELECTION, CERTIFICATION):
        verifier.votes(image, np.array([[1.0, 0.0]], np.float32), 20, 0, stream)
    assert len(set(seen)) == len(seen) == 60
