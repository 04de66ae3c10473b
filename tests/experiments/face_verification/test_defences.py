from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from attacks import FGSM, PGD, HopSkipJump, Stochastic
from experiments.face_verification.adaptive_attacks import (
    AdaptiveAttacks,
    Foreseen,
    Outcome,
    transfer_wins,
    worst_case,
)
from experiments.face_verification.cleaners import LOSSES, check_names
from experiments.face_verification.defences import Defence, OwnVerification
from experiments.face_verification.probe_pairs import ProbePairs
from experiments.face_verification.transfer import crafted_on
from resgn.cleaners import Cleaner, bit_depth, gaussian_noise
from resgn.judge import Judge
from resgn.losses import TERMS
from resgn.target import Target
from resgn.verification_set import VerificationSet
from weights.errors import InputError

SIZE = 8


def toy_target() -> Target:
    """Embedding = mean colour, turned to a unit vector; takes any size."""

    def network(images: tf.Tensor, training: bool = False) -> tf.Tensor:
        return tf.reduce_mean(images, axis=[1, 2]) - 0.5

    return Target("toy", tf.identity, lambda size: network, SIZE, (0.5,))


def gradient(model, images: tf.Tensor) -> np.ndarray:
    with tf.GradientTape() as tape:
        tape.watch(images)
        seed = (tf.constant([0, 0]),) if isinstance(model, Stochastic) else ()
        value = tf.reduce_sum(model(images, *seed)[:, 0])
    return tape.gradient(value, images, unconnected_gradients="zero").numpy()


@pytest.fixture
def images() -> tf.Tensor:
    return tf.random.uniform((4, SIZE, SIZE, 3), seed=1)


def test_an_attack_climbs_the_true_gradient_where_there_is_one(images: tf.Tensor) -> None:
    target = toy_target()
    squared = Cleaner("squared", lambda x, _: tf.square(x))
    defence = Defence.of(squared, target, samples=5)
    assert defence.surrogate is defence.model
    np.testing.assert_allclose(defence.model(images), target(tf.square(images)), rtol=1e-6)
    assert not defence.random
    assert Defence.none(target).model is target


def test_bpda_where_there_is_no_gradient(images: tf.Tensor) -> None:
    target = toy_target()
    defence = Defence.of(bit_depth(2), target, samples=5)
    np.testing.assert_allclose(defence.surrogate(images), defence.model(images), rtol=1e-6)
    assert not gradient(defence.model, images).any()
    # The identity's gradient: the target's own, at the squeezed image.
    expected = gradient(target, bit_depth(2)(images))
    np.testing.assert_allclose(gradient(defence.surrogate, images), expected, rtol=1e-5)


def test_eot_where_it_is_random(images: tf.Tensor) -> None:
    target = toy_target()
    for defence in (
        Defence.of(gaussian_noise(), target, samples=5),
        Defence.randomization(target, samples=5),
        Defence.randomization(target, samples=5, wide=True),
    ):
        assert defence.random
        assert defence.surrogate.samples == 5
        embed = defence.embed(seed=3)
        first, second = embed(images).numpy(), embed(images).numpy()
        assert not np.array_equal(first, second)
        np.testing.assert_array_equal(first, defence.embed(seed=3)(images))


def test_both_where_it_is_random_and_has_no_gradient(images: tf.Tensor) -> None:
    noisy = gaussian_noise(0.1)
    both = Cleaner("both", lambda x, seed: tf.round(noisy(x, seed) * 3) / 3, True, False)
    defence = Defence.of(both, toy_target(), samples=2)
    seed = tf.constant([1, 2])
    np.testing.assert_allclose(
        defence.surrogate(images, seed), defence.model(images, seed), rtol=1e-6
    )
    assert not gradient(defence.model, images).any()
    assert gradient(defence.surrogate, images).any((1, 2, 3)).all()


def verification_set() -> VerificationSet:
    """Grey faces with a tint; the stored attack changes nothing."""
    tints = np.array([[90, 128, 128], [95, 130, 126], [128, 128, 90], [126, 130, 95]], np.uint8)
    images = np.broadcast_to(tints[:, None, None], (4, SIZE, SIZE, 3)).copy()
    embeddings = toy_target()(tf.constant(images, tf.float32) / 255.0).numpy()
    probe, reference = np.array([0, 2, 0, 1]), np.array([1, 3, 2, 3])
    same = np.array([True, True, False, False])
    test = VerificationSet(images, embeddings, probe, reference, same, images[probe], 1.0)
    assert test.verified(embeddings[probe]).all()
    return test


def pairs() -> ProbePairs:
    return ProbePairs.of(verification_set(), 2)


def attacks(epsilon: float) -> AdaptiveAttacks:
    return AdaptiveAttacks(pairs(), toy_target(), epsilon, steps=8, seed=0, batch_size=4)


def test_pgd_through_the_defence_breaks_what_transfer_does_not() -> None:
    # The cleaner swaps colours: what is made without it pushes the wrong way.
    found = attacks(0.2)
    swapped = Cleaner("swapped", lambda x, _: tf.reverse(x, [-1]) * [1.0, 1.0, 1.0])
    defence = Defence.of(swapped, found.target, samples=2)
    result = found.measure(defence)
    assert set(result.verified) == {"adaptive_dodging", "adaptive_impersonation"}
    assert not result.verified["adaptive_dodging"].any()
    assert not result.verified["adaptive_impersonation"].any()


@pytest.mark.parametrize("broken", [[True] * 4, [False, True, False, True], [False] * 4])
def test_only_pairs_that_few_steps_leave_are_attacked_with_all(
    broken: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a stand-in for the judge: few steps break the pairs told, all steps the others."""
    found = attacks(0.2)
    judged: list[int] = []

    def foreseen(self: AdaptiveAttacks, _: Defence, probes: np.ndarray) -> Foreseen:
        judged.append(len(self.pairs))
        first = len(judged) == 1
        hit = np.array(broken) if first else np.ones(len(probes), bool)
        return Foreseen(np.full(len(probes), len(judged), np.float32), hit)

    monkeypatch.setattr(AdaptiveAttacks, "foreseen", foreseen)
    left = 4 - sum(broken)
    defence = Defence.of(bit_depth(2), found.target, samples=2)
    through = found._through(defence)
    assert judged == [4] + [left] * bool(left)
    assert through.success.all()
    np.testing.assert_array_equal(through.margin, np.where(broken, 1, 2))


def test_draws_that_decide_are_none_that_an_attack_has_seen() -> None:
    """Whoever the attacker foresees to be broken is left alone, and may withstand all the same."""
    found = attacks(0.2)
    defence = Defence.of(gaussian_noise(0.3), found.target, samples=2)
    images = found.pairs.images
    own = found.foreseen(defence, images)
    draws = [found._judged(defence, images, draw) for draw in range(1, 9)]
    np.testing.assert_allclose(own.margin, np.mean([m for m, _ in draws], axis=0), rtol=1e-5)
    np.testing.assert_array_equal(own.success, np.all([s for _, s in draws], axis=0))
    outcome = found.outcome(defence, images)
    np.testing.assert_array_equal(outcome.success, found.decided(defence, images))
    np.testing.assert_array_equal(outcome.margin, own.margin)


def test_a_budget_too_small_breaks_nothing() -> None:
    found = attacks(0.004)
    result = found.measure(Defence.none(found.target))
    assert result.verified["adaptive_dodging"].all()
    assert result.verified["adaptive_impersonation"].all()
    assert result.findings == ()


def test_a_gradient_that_is_hidden_is_found() -> None:
    found = attacks(0.2)
    hidden = Cleaner("hidden", lambda x, _: tf.stop_gradient(x))  # says it has a gradient
    result = found.measure(Defence.of(hidden, found.target, samples=2))
    assert any(finding.startswith("zero_gradients") for finding in result.findings)
    assert any(finding.startswith("transfer_wins") for finding in result.findings)
    # Transfer breaks it all the same: the worst case is not fooled.
    assert not result.verified["adaptive_dodging"].any()


def test_randomness_that_is_hidden_is_found() -> None:
    found = attacks(0.2)
    noisy = Cleaner("noisy", lambda x, _: x + tf.random.normal(tf.shape(x), stddev=0.2))
    result = found.measure(Defence.of(noisy, found.target, samples=2))
    assert any(finding.startswith("random_without_eot") for finding in result.findings)


def test_the_worst_case_by_hand() -> None:
    first = Outcome(np.array([True, False, False]), np.array([0.1, -0.5, -0.1]))
    second = Outcome(np.array([False, False, True]), np.array([0.2, -0.1, -0.2]))
    np.testing.assert_array_equal(worst_case([first, second], False), [True, False, True])
    # Of a random defence the mean margin chooses: the second, the second, the first.
    np.testing.assert_array_equal(worst_case([first, second], True), [False, False, False])


def test_transfer_that_wins_is_told() -> None:
    (finding,) = transfer_wins(np.array([True, True, False]), np.array([True, False, False]))
    assert "breaks 2 of 3 pairs and PGD through it only 1" in finding
    assert transfer_wins(np.array([True, False]), np.array([False, True])) == []


def test_one_compiled_attack_serves_both_kinds() -> None:
    found = attacks(0.1)
    attack = PGD(2)
    found.craft(attack, found.target, "PGD")
    found.craft(attack, found.target, "PGD", 0.05)
    assert attack.traces == 1


def test_what_is_crafted_is_stored_in_the_ball() -> None:
    found = attacks(0.03)
    before = 255 * found.pairs.images
    for attack, size in ((PGD(4), 7), (FGSM(), 7), (FGSM("l2"), 255 * 0.03)):
        made = 255 * found.craft(attack, found.target, "attack")
        np.testing.assert_allclose(made, np.rint(made), atol=1e-3)
        change = np.abs(made - before) if attack.norm == "linf" else length(made - before)
        assert 0.8 * size < change.max() <= size + 1e-3


def length(difference: np.ndarray) -> np.ndarray:
    return np.sqrt(np.square(difference).sum((1, 2, 3)))


def test_rows_are_named_once_each() -> None:
    assert check_names(["jpeg", "mine:blur"], ["none", "jpeg"], "rows") == ["jpeg", "mine:blur"]
    for wrong in ([], ["jpg"], ["jpeg", "jpeg"]):
        with pytest.raises(InputError, match="choose, each once, from none, jpeg"):
            check_names(wrong, ["none", "jpeg"], "rows")


def test_every_row_of_resgn_has_its_losses() -> None:
    for name, terms in LOSSES.items():
        words = name.replace("joint", "+".join(TERMS)).replace("+adversarial", "")
        assert words == "+".join(terms)


def test_who_sees_only_verdicts_begins_with_the_reference_or_a_stranger() -> None:
    found = attacks(1.0)
    starts = found.pairs.starts[:, 0, 0].tolist()
    # The first two are of one person, blue or red; of the last two the references are red.
    assert starts == [[128, 128, 90], [95, 130, 126], [128, 128, 90], [126, 130, 95]]
    verdicts = HopSkipJump(300, "linf", overshoot=0.1)  # flat faces round all one way
    made = found.craft(verdicts, found.target, "verdicts")
    outcome = found.outcome(Defence.none(found.target), made)
    assert outcome.success.all()
    distance = np.abs(made - found.pairs.images).max((1, 2, 3))
    assert (distance < np.abs(starts / np.float32(255) - found.pairs.images[:, 0, 0]).max(1)).all()
    some = found.pairs.select(np.array([3, 0]))
    np.testing.assert_array_equal(some.starts[:, 0, 0], [starts[3], starts[0]])
    np.testing.assert_array_equal(some.probe, [1, 0])
    np.testing.assert_array_equal(some.reference, [3, 1])


def shifted_judge(shift: float) -> Judge:
    """Sees what lies that many rows further down, and knows everybody's reference so."""

    def upper(images: tf.Tensor, training: bool = False) -> tf.Tensor:
        return tf.reduce_mean(images[:, :4], axis=[1, 2]) - 0.5

    target = Target("other", tf.identity, lambda size: upper, SIZE, (0.5,))
    views = np.tile(np.array([[1.0, 0.0, 0.0], [0.0, 1.0, shift]], np.float32), (4, 1, 1))
    test = pairs()
    references = np.zeros((4, 3), np.float32)
    references[test.probe] = target(tf.constant(test.images))
    references[test.reference] = np.asarray(test.criterion.tensors()[0])
    return Judge(target, views, references, threshold=1.0)


@pytest.mark.parametrize("batch_size", [4, 3])
def test_an_attack_on_another_network_goes_through_its_crop(batch_size: int) -> None:
    test, judge = pairs(), shifted_judge(4.0)
    made = crafted_on(
        judge,
        PGD(6),
        test.images,
        test.probe,
        test.reference,
        test.same,
        0.2,
        batch_size=batch_size,
    )
    np.testing.assert_allclose(255 * made, np.rint(255 * made), atol=1e-3)
    change = 255 * (made - test.images)
    assert np.abs(change).max() <= 51 + 1e-3
    # What it does not see stays at its random start; what it sees is pushed one way.
    assert np.abs(change[:, :4].mean((1, 2))).max() < 15
    assert (np.abs(change[:, 4:].mean((1, 2))).max(1) > 20).all()
    seen = judge.look(tf.constant(made), tf.constant(judge.views[test.probe]))
    distances = judge.distances(seen.numpy(), test.reference)
    assert ((distances < judge.threshold) != test.same).all()


def test_other_networks_attack_once_for_all_defences() -> None:
    asked: list[str] = []

    def judges(name: str) -> Judge:
        asked.append(name)
        return shifted_judge(0.0)

    found = AdaptiveAttacks(pairs(), toy_target(), 0.2, 4, 0, judges=judges)
    first = found.transferred_from("other")
    assert found.transferred_from("other") is first
    assert asked == ["other"]
    with pytest.raises(ValueError, match="judges: transfer needs another network"):
        attacks(0.2).transferred_from("other")


def turned(images: tf.Tensor) -> tf.Tensor:
    """Another network: it takes one colour for the other, and so do its references."""
    return toy_target()(tf.reverse(images, [-1]))


@pytest.mark.parametrize(
    ("own_references", "threshold", "dodging", "impersonation"),
    [(True, 1.0, True, True), (False, 1.0, False, False), (True, 1e-4, False, True)],
)
def test_another_network_decides_by_references_and_threshold_of_its_own(
    own_references: bool, threshold: float, dodging: bool, impersonation: bool
) -> None:
    """Under an attack too small to change anything."""
    test = verification_set()
    seen = turned if own_references else toy_target()
    embeddings = seen(tf.constant(test.images, tf.float32) / 255.0).numpy()
    own = OwnVerification(lambda rows: embeddings[rows], threshold)
    defence = Defence("turned", turned, turned, own=own)
    found = attacks(0.004)
    verified = found.measure(defence).verified
    assert (verified["adaptive_dodging"] == dodging).all()
    assert (verified["adaptive_impersonation"] == impersonation).all()
    outcomes = defence.outcomes(test, seed=0)
    assert (outcomes["dodging"] == dodging).all()
    assert (outcomes["impersonation"] == impersonation).all()
    # What owes nothing to the defence is made against the target all the same.
    assert found.before(Defence.none(found.target)) is found
    references = found.before(defence).pairs.references
    np.testing.assert_array_equal(references, own.references(test.reference))
    np.testing.assert_array_equal(found.pairs.references, test.embeddings[test.reference])


def test_another_network_falls_to_attacks_through_it() -> None:
    test = verification_set()
    embeddings = turned(tf.constant(test.images, tf.float32) / 255.0).numpy()
    own = OwnVerification(lambda rows: embeddings[rows], 1.0)
    found = attacks(0.2)
    result = found.measure(Defence("turned", turned, turned, own=own))
    assert not result.verified["adaptive_dodging"].any()
    assert not result.verified["adaptive_impersonation"].any()
