"""Attacks that are to reach their goal and raise no alarm."""

from __future__ import annotations

import dataclasses
import functools
import logging
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from attacks import PGD, QUIET, Criterion, Undetected, eased, with_score
from detector.detection import flagged
from detector.magnet import TINY
from experiments.face_autoencoder import over_people
from experiments.face_autoencoder.detection_table import Half, Table2
from experiments.face_autoencoder.mofa_victim import AttackedPairs, Function
from experiments.running.results import Measurement, Row
from experiments.running.settings import check_above_zero, check_at_least
from mofa.arrays import Array
from weights.errors import InputError

_log = logging.getLogger(__name__)

ATTACKERS = ("unaware", "equation1", "judge")
"""Algorithm 1 without knowledge of the detector; who matches codes by Eq. 1 and knows it; who also
knows the identity classifier that judges, and swaps identities by it."""


@dataclasses.dataclass(frozen=True)
class UnnoticedConfig:
    """How much an attacker who knows the detector spends; the paper has none.

    Attributes:
      adaptive_images: faces of the test half that are attacked, at most; those whose targets the
        judge takes for others.
      adaptive_steps: of PGD, for each start.
      adaptive_starts: random starts; one that succeeds is enough.
      adaptive_penalties: of the score in the loss, in units of what the attack lifts it by at its
        epsilon, tried on faces of the validation half.
      tuning_images: how many of those, one start each.
    """

    adaptive_images: int = 1000
    adaptive_steps: int = 200
    adaptive_starts: int = 5
    adaptive_penalties: tuple[float, ...] = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
    tuning_images: int = 100

    def __post_init__(self) -> None:
        check_at_least(
            self, 1, "adaptive_images", "adaptive_steps", "adaptive_starts", "tuning_images"
        )
        check_above_zero(self, "adaptive_penalties")
        if not self.adaptive_penalties:
            raise InputError("`adaptive_penalties` needs a weight.")


class Outcome(NamedTuple):
    """What became of attacked faces, bool [N] each.

    Attributes:
      reached: the judge takes the face for the target and no longer for the source.
      unnoticed: and the detector raises no alarm.
      margin: how far it is from failing at either, float [N].
    """

    reached: Array
    unnoticed: Array
    margin: Array


class UnnoticedAttacks:
    """The share of faces where an attack reaches its goal and raises no alarm.

    The alarm is one score at its one threshold of Table 2; the judge is the identity
    classifier on codes. Faces are judged as files hold them.

    Args:
      table: scores, thresholds and faces.
      config: see there.
      score: that raises the alarm, `js` or another one of the table.
    """

    def __init__(self, table: Table2, config: UnnoticedConfig, score: str = "js") -> None:
        self._table, self._config, self._score = table, config, score
        self._threshold = table.one_threshold(score)
        self._pgd = PGD(config.adaptive_steps)  # compiled once for all weights and epsilons
        # What an attacker sees, made once: attacks compile once for each.
        self._behind = functools.cache(self._seen_by)
        self._rows = _told_apart(table.halves["test"], config.adaptive_images)
        self._halves = {
            "test": _part(table.halves["test"], self._rows),
            "validation": _part(
                table.halves["validation"],
                _told_apart(table.halves["validation"], config.tuning_images),
            ),
        }

    def row(self, epsilon: float, attacker: str) -> Row:
        """One attacker at one epsilon: `reached`, `unnoticed`, and `false_alarms`."""
        half = self._halves["test"]
        columns: dict[str, Measurement] = {}
        if attacker == "unaware":
            images = self._table.stored("test", f"eps={epsilon:g}")[self._rows]
            outcome = self._outcome(half.pairs, images, epsilon)
        else:
            weight = self._tuned(attacker, epsilon)
            outcome = self._attacked(
                "test", attacker, epsilon, weight, self._config.adaptive_starts
            )
            columns["weight"] = Measurement.bare(weight, len(self._halves["validation"].people))
        alarms = flagged(self._table.normal["test"][self._score], self._threshold)
        columns |= {
            "reached": over_people.mean(outcome.reached, half.people),
            "unnoticed": over_people.mean(outcome.unnoticed, half.people),
            "false_alarms": over_people.mean(alarms, self._table.halves["test"].people),
        }
        order = ("reached", "unnoticed", "false_alarms", "weight")
        return Row(
            row_name(epsilon, attacker, self._score),
            {name: columns[name] for name in order if name in columns},
        )

    def _tuned(self, attacker: str, epsilon: float) -> float:
        """The weight with most unnoticed successes on validation, of equals by their margins."""
        weights = sorted(self._config.adaptive_penalties)
        if len(weights) == 1:
            return weights[0]
        found = [self._attacked("validation", attacker, epsilon, each, 1) for each in weights]
        worth = [(int(each.unnoticed.sum()), float(each.margin.mean())) for each in found]
        best = worth.index(max(worth))
        if not worth[best][0] or best in (0, len(weights) - 1):
            _log.warning(
                "%s: the weight %g of `adaptive_penalties` is the best, with %d of %d validation "
                "faces; others beyond it may be better.",
                row_name(epsilon, attacker, self._score),
                weights[best],
                worth[best][0],
                len(found[best].unnoticed),
            )
        return weights[best]

    def _attacked(
        self, half: str, attacker: str, epsilon: float, weight: float, starts: int
    ) -> Outcome:
        pairs = self._halves[half].pairs
        goal = Undetected(self._goal(pairs, attacker), QUIET, weight)
        behind = self._behind(attacker, epsilon)
        radius = min(1.0, float(self._table.attack.radii(epsilon)))
        nobody = np.zeros(len(pairs), bool)
        best = Outcome(nobody, nobody, np.full(len(pairs), -np.inf))
        for seed in range(starts):
            stored = pairs.attacked(self._pgd, radius, goal, behind, seed).stored
            found = self._outcome(pairs, stored, epsilon)
            best = Outcome(
                best.reached | found.reached,
                best.unnoticed | found.unnoticed,
                np.maximum(best.margin, found.margin),
            )
        return best

    def _goal(self, pairs: AttackedPairs, attacker: str) -> Criterion:
        return pairs.swap("code") if attacker == "judge" else pairs.match(self._table.terms)

    def _outcome(self, pairs: AttackedPairs, images: Array, epsilon: float) -> Outcome:
        reached = pairs.success("code", images)
        scores = self._table.measure(self._score, images)
        source, target = pairs.similarities("code", images)
        threshold = pairs.victim.identities["code"].threshold
        silent = (self._threshold - scores) / self._lift(epsilon)
        margin = np.minimum(np.minimum(target - threshold, threshold - source), silent)
        return Outcome(reached, reached & ~flagged(scores, self._threshold), margin)

    def _lift(self, epsilon: float) -> float:
        """By how much an unaware attack lifts the score of the median validation face."""
        attacked = self._table.attacked("validation", f"eps={epsilon:g}")[self._score]
        normal = self._table.normal["validation"][self._score]
        return max(float(abs(np.median(attacked) - np.median(normal))), TINY)

    def _seen_by(self, attacker: str, epsilon: float) -> Function:
        victim = self._halves["test"].pairs.victim
        network = victim.embed("code") if attacker == "judge" else victim.encoder
        score, lift = self._table.differentiable(self._score), self._lift(epsilon)

        def above(images: tf.Tensor) -> tf.Tensor:
            return eased((score(images) - self._threshold) / lift)

        return with_score(network, above)


def row_name(epsilon: float, attacker: str, score: str = "js") -> str:
    """What an attacker's row is called; that of `js` does not name it."""
    known = attacker if score == "js" else f"{score},{attacker}"
    return f"eps={epsilon:g},{known}"


def _told_apart(half: Half, count: int) -> Array:
    """The first faces whose targets the judge takes for others: only there is a goal to reach."""
    rows = np.flatnonzero(half.pairs.apart())[:count]
    if len(rows):
        return rows
    _log.warning("The classifier tells no face from its target; those are attacked all the same.")
    return np.arange(min(count, len(half.people)))


def _part(half: Half, rows: Array) -> Half:
    return Half(half.pairs.part(rows), half.people[rows])
