"""What a cleaner is worth: what is reported of it, what is measured, what is proved.

Reported is how papers report: attacks by someone who does not know the cleaner. Measured is what is
left under one who does. Proved is what no attack can take, where noisy copies of the probe vote.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from resgn.cleaners import Cleaner
from resgn.smoothing import Draws, MajorityVote, SmoothedVerifier
from resgn.target import Target
from resgn.verification_set import VerificationSet

KINDS = ("dodging", "impersonation")

NOT_ATTACKED = (
    "not_attacked: nobody who knows the cleaner has attacked it; reported figures alone "
    "say nothing of its worth."
)

RANDOM_SEED = (0, 3)
"""Of a random cleaner's draws; each batch counts on from it."""


class Attacked(NamedTuple):
    """What an attacker who knows the cleaner has left of it.

    Attributes:
      verified: bool arrays by `KINDS`, of the first pairs of each: still judged rightly?
      findings: reasons not to trust that, in sentences.
    """

    verified: Mapping[str, np.ndarray]
    findings: Sequence[str]


@dataclasses.dataclass(frozen=True)
class Smoothing:
    """How what is proved is found.

    Attributes:
      sigma: standard deviation of the noise.
      radius: in L2, up to which the decision is to hold.
      draws: noisy copies of each probe.
      pairs: of each kind at most.
      batch_size: noisy copies at a time.
    """

    sigma: float
    radius: float
    draws: Draws = dataclasses.field(default_factory=Draws)
    pairs: int = 25
    batch_size: int = 50


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluation:
    """Outcomes, bool for each pair: judged rightly?

    Attributes:
      reported: `dodging`, `impersonation` and `legitimate`.
      measured: `dodging` and `impersonation`; empty where nobody attacked who knows the cleaner.
      certified: the same, proved up to the radius; empty where nothing was asked for.
      flags: reasons not to trust the above, in sentences.
    """

    reported: Mapping[str, np.ndarray]
    measured: Mapping[str, np.ndarray]
    certified: Mapping[str, np.ndarray]
    flags: tuple[str, ...]


def evaluate(
    cleaner: Cleaner,
    target: Target,
    pairs: VerificationSet,
    attack: Callable[[Cleaner], Attacked] | None = None,
    smoothing: Smoothing | None = None,
    seed: int = 0,
) -> Evaluation:
    """Report, attack, and prove.

    A cleaner that is random, or under which the images of a batch change each other, is not
    certified; a flag says so.

    Args:
      cleaner: before the target.
      target: the network; its threshold is that of the pairs.
      pairs: with their probes attacked without knowledge of the cleaner.
      attack: by someone who knows it. The attacks are the caller's choice; without any, a flag says
        that nothing was measured.
      smoothing: for what is proved; nothing without.
      seed: of the draws.
    """
    reported = pairs.outcomes(_embed(cleaner, target))
    measured, findings = ({}, ()) if attack is None else attack(cleaner)
    certified: Mapping[str, np.ndarray] = {}
    if smoothing is not None and not cleaner.random and cleaner.by_itself:
        verifier = verifier_behind(cleaner, target, pairs.threshold, smoothing)
        certified = certified_pairs(verifier, pairs, smoothing, seed)
    flags = [
        *findings,
        *_about_cleaner(cleaner, attack is not None, smoothing is not None),
        *_too_good(reported, measured),
    ]
    return Evaluation(reported, measured, certified, tuple(flags))


def evaluate_vote(
    vote: MajorityVote,
    pairs: VerificationSet,
    attack: Callable[[], Attacked] | None = None,
    smoothing: Smoothing | None = None,
    seed: int = 0,
) -> Evaluation:
    """`evaluate` for a verifier that decides by votes already: its own noise and threshold count.

    Args:
      vote: the verifier; where it abstains it is not right.
      pairs: see `evaluate`.
      attack: by someone who knows it.
      smoothing: how many draws certify, and up to which radius; its sigma counts nowhere.
      seed: of the draws.
    """
    reported = vote.outcomes(pairs, seed)
    measured, findings = ({}, ()) if attack is None else attack()
    certified: Mapping[str, np.ndarray] = {}
    if smoothing is not None:
        certified = certified_pairs(vote.verifier, pairs, smoothing, seed)
    flags = [*findings, *([] if attack else [NOT_ATTACKED]), *_too_good(reported, measured)]
    return Evaluation(reported, measured, certified, tuple(flags))


def verifier_behind(
    cleaner: Cleaner, target: Target, threshold: float, smoothing: Smoothing
) -> SmoothedVerifier:
    """Noisy copies vote behind a cleaner that draws nothing and cleans each image by itself.

    They are clipped to [0, 1] before it, which expects such images; the certificate covers that,
    since the clip is part of what votes.
    """
    return SmoothedVerifier(
        lambda images: target(cleaner(tf.clip_by_value(images, 0.0, 1.0))),
        threshold,
        smoothing.sigma,
        smoothing.batch_size,
    )


def certified_pairs(
    verifier: SmoothedVerifier, pairs: VerificationSet, smoothing: Smoothing, seed: int
) -> dict[str, np.ndarray]:
    """Whose right decision no change of the untouched probe up to the radius turns, by `KINDS`."""

    def holds(pair: int) -> bool:
        probe, reference = pairs.images[pairs.probe[pair]], pairs.embeddings[pairs.reference[pair]]
        found = verifier.certify(probe, reference[np.newaxis], smoothing.draws, (seed << 32) + pair)
        return bool(found.hold(pairs.same[[pair]], smoothing.radius)[0])

    return {
        kind: np.array([holds(int(i)) for i in np.flatnonzero(chosen)[: smoothing.pairs]], bool)
        for kind, chosen in zip(KINDS, (pairs.same, ~pairs.same), strict=True)
    }


def _embed(cleaner: Cleaner, target: Target) -> Callable[[tf.Tensor], tf.Tensor]:
    compiled = tf.function(lambda images, draw: target(cleaner(images, draw)))
    numbers = itertools.count()
    first, second = RANDOM_SEED
    return lambda images: compiled(images, tf.constant([first, second + next(numbers)]))


def _about_cleaner(cleaner: Cleaner, attacked: bool, smoothed: bool) -> list[str]:
    flags = []
    if not attacked:
        flags.append(NOT_ATTACKED)
    elif not cleaner.differentiable:
        flags.append(
            "no_gradient: the cleaner has none, and the attack took the identity's in its place; "
            "an attack made for it may do better."
        )
    if cleaner.random and smoothed:
        flags.append(
            "not_certified: a random cleaner is not certified here, its draws have no seed."
        )
    if not cleaner.by_itself:
        flags.append(
            "not_by_itself: what the cleaner makes of an image depends on the others of its batch, "
            "so that nothing is certified and the other figures depend on who is measured together."
        )
    return flags


def _too_good(reported: Mapping[str, np.ndarray], measured: Mapping[str, np.ndarray]) -> list[str]:
    """Who knows more cannot do worse; that it seems so means that the attack was weak."""
    flags = []
    for kind, left in measured.items():
        blind = reported[kind][: len(left)]
        if left.mean() > blind.mean():
            flags.append(
                f"knowing_loses: {kind} is {100 * left.mean():.1f} % under an attacker who knows "
                f"the cleaner and {100 * blind.mean():.1f} % on the same pairs under one who does "
                "not: the attack was too weak, or its gradient misleads."
            )
    return flags
