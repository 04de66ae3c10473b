"""The row `smoothed` on images of 6x6: its gradient, its votes, and what no attack can do to it."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from attacks import WrongVerification
from attacks.objective import Objective
from experiments.face_verification.adaptive_attacks import AdaptiveAttacks
from experiments.face_verification.defences import Defence
from experiments.face_verification.probe_pairs import ProbePairs
from experiments.face_verification.settings import Smoothed, VerificationSettings
from experiments.face_verification.smoothed_defence import of_denoiser
from resgn.generator import GeneratorConfig
from resgn.smoothing import DIFFERENT, SAME, Denoiser, Draws
from resgn.target import Target
from tests.resgn.smoothing.toys import SIDE, Curved
from weights.errors import InputError

SIGMA = 0.1
SAMPLES = 3


@pytest.fixture(scope="module")
def network() -> Curved:
    return Curved()


@pytest.fixture(scope="module")
def target(network: Curved) -> Target:
    return Target("toy", tf.identity, lambda size: lambda x, training: network(x), SIDE, (0.5,))


@pytest.fixture(scope="module")
def defence(target: Target) -> Defence:
    """The denoiser takes half of all contrast away."""
    denoiser = Denoiser(lambda x, training: 0.25 + 0.5 * x, SIGMA, 1.0, GeneratorConfig())
    return of_denoiser(denoiser, target, Smoothed(draws=100), SAMPLES)


def test_its_gradient_is_that_of_the_mean_margin_over_noisy_copies(
    network: Curved, defence: Defence
) -> None:
    """Against finite differences of the formula in NumPy, in float64, with the same noise."""
    rng = np.random.default_rng(1)
    images = rng.uniform(0.2, 0.8, (2, SIDE, SIDE, 3)).astype(np.float32)
    references = network(tf.constant(images[::-1].copy())).numpy()
    criterion = WrongVerification(references, np.array([True, False]), 1.0)
    model = defence.surrogate
    seed = tf.constant([5, 6])
    objective = Objective(model, criterion, criterion.tensors(), images, None, "linf")
    _, gradient = objective.gradient(tf.constant(images), seed)

    noise = [
        tf.random.stateless_normal(
            images.shape, tf.random.experimental.stateless_fold_in(seed, draw)
        ).numpy()
        for draw in range(SAMPLES)
    ]
    first, second = network.first.numpy().astype(float), network.second.numpy().astype(float)

    def margin(row: int, image: np.ndarray) -> float:
        """Mean over draws of how far the pair lies on the wrong side."""
        total = 0.0
        for each in noise:
            cleaned = 0.25 + 0.5 * (image + SIGMA * each[row].astype(float))
            outputs = np.sin((cleaned - 0.5).ravel() @ first) @ second
            outputs /= np.linalg.norm(outputs)
            total += np.square(outputs - references[row]).sum() - 1.0
        return (1.0, -1.0)[row] * total / SAMPLES

    for row in range(2):
        for place in ((0, 0, 0), (2, 3, 1), (5, 5, 2)):
            step = np.zeros(images.shape[1:])
            step[place] = 1e-5
            image = images[row].astype(float)
            expected = (margin(row, image + step) - margin(row, image - step)) / 2e-5
            assert gradient[row][place].numpy() == pytest.approx(expected, rel=1e-3, abs=1e-6)


def pairs(network: Curved, target: Target, count: int = 40) -> ProbePairs:
    """Half are of one image; their stored attack changes nothing."""
    levels = np.random.default_rng(7).integers(25, 230, (count, SIDE, SIDE, 3), np.uint8)
    images = levels / np.float32(255)
    others = images[::-1].copy()
    others[: count // 2] = images[: count // 2]
    same = np.arange(count) < count // 2
    # What the target is told from is the denoised image, here of less contrast.
    references = target(tf.constant(0.25 + 0.5 * others)).numpy()
    rows = np.arange(len(same))
    return ProbePairs(
        images,
        images,
        WrongVerification(references, same, 1.0),
        same,
        rows,
        rows,
        images,
    )


def test_what_no_attack_can_take_none_takes_and_some_is_taken_beyond(
    network: Curved, target: Target, defence: Defence
) -> None:
    """A ball in L-infinity that lies within the certified one in L2."""
    assert defence.vote is not None
    everyone = pairs(network, target)
    verifier = defence.vote.verifier
    certified = [
        verifier.certify(image, reference[None], Draws(50, 2000), number)
        for number, (image, reference) in enumerate(
            zip(everyone.images, everyone.references, strict=True)
        )
    ]
    radii = np.array([each.radius[0] for each in certified])
    right = np.array([each.decision[0] for each in certified]) == np.where(
        everyone.same, SAME, DIFFERENT
    )
    epsilon = 4 / 255
    reach = epsilon * np.sqrt(SIDE * SIDE * 3)
    proved = np.flatnonzero(right & (radii > 1.25 * reach))
    assert len(proved) >= 6
    assert len(set(everyone.same[proved])) == 2
    for size, breaks in ((epsilon, False), (0.5, True)):
        attacks = AdaptiveAttacks(everyone.select(proved), target, size, 16, 0, batch_size=8)
        withstood = attacks.measure(defence)
        verified = np.concatenate(list(withstood.verified.values()))
        assert (~verified).any() == breaks


def test_outcomes_are_those_of_the_votes(network: Curved, target: Target, defence: Defence) -> None:
    assert defence.random
    assert defence.vote is not None
    some = pairs(network, target, 6)
    attacks = AdaptiveAttacks(some, target, 0.1, 4, 3, batch_size=4)
    found = attacks.outcome(defence, some.images)
    vote = defence.vote
    # The attacker's draws give the margin, the defender's the decision.
    own = vote.votes(some.images, some.references, 3, 3)
    others = vote.votes(some.images, some.references, 3, 2)
    assert (own != others).any()
    shares = np.where(some.same, 100 - own, own) / 100
    np.testing.assert_allclose(found.margin, shares - 0.5, atol=1e-6)
    np.testing.assert_array_equal(found.success, ~vote.right(others, some.same))
    np.testing.assert_array_equal(
        attacks.foreseen(defence, some.images).success, ~vote.right(own, some.same)
    )


def test_attacks_know_its_threshold(network: Curved, target: Target) -> None:
    denoiser = Denoiser(lambda x, training: x, SIGMA, 0.7, GeneratorConfig())
    defence = of_denoiser(denoiser, target, Smoothed(), SAMPLES)
    attacks = AdaptiveAttacks(pairs(network, target, 4), target, 0.1, 4, 3)
    knowing = attacks.before(defence).pairs.criterion.tensors()
    references, signs, _ = attacks.pairs.criterion.tensors()
    np.testing.assert_array_equal(knowing[0], references)
    np.testing.assert_array_equal(knowing[1], signs)
    np.testing.assert_allclose(knowing[2], 0.7)
    assert attacks.before(Defence.none(target)) is attacks


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("smoothing_sigma", 0.0, "must be above 0"),
        ("smoothing_draws", 10, "`smoothing_draws`: 10 draws can decide nothing .* at least 11"),
        ("smoothing_confidence", 1.0, "must lie in"),
    ],
)
def test_settings_out_of_range(name: str, value: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        VerificationSettings.laptop().but(**{name: value})
