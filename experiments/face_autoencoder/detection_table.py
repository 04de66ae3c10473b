"""Scores, thresholds and verdicts of Table 2 of Teng 2021."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping

import numpy as np

from attacks import FGSM, PGD, Attack, PerturbationAttack, Term, Undetected, with_score
from attacks.semantic_match import entry_weights
from detector.detection import DetectionResult, ScoreSet, Thresholds, Verdicts, validation_half
from detector.magnet import MagNetDetector
from detector.scores import SCORES, DetectionScores
from experiments.face_autoencoder.crafted_images import CraftedImages
from experiments.face_autoencoder.mofa_victim import BATCH, AttackedPairs, Function, Victim
from experiments.face_autoencoder.papers import TABLE_2
from experiments.face_autoencoder.pictures import Pictures
from experiments.running.results import Measurement, Row
from experiments.running.settings import check_at_least
from mofa import code as codes
from mofa.arrays import Array
from mofa.people import strangers
from mofa.photographs import Photographs
from weights.errors import InputError

UNSEEN_EPSILON = 0.05
"""At whose change of a pixel FGSM and PGD attack, and whose thresholds judge them."""
TPR_AT = (0.01, 0.001)

Scores = dict[str, np.ndarray]


def halves(people: Pictures, images: int, seed: int) -> tuple[Photographs, Photographs]:
    """Faces for thresholds and faces to measure on, of different people.

    Raises:
      InputError: a half has fewer than two people, or none.
    """
    if len(np.unique(people.people)) < 4:
        raise InputError("Two halves of different people need four people or more.")
    first = validation_half(people.people, seed)
    rng = np.random.default_rng(seed)
    chosen = [rng.permutation(np.flatnonzero(side))[:images] for side in (first, ~first)]
    return people.part(chosen[0]), people.part(chosen[1])


@dataclasses.dataclass(frozen=True)
class Table2Config:
    """What is measured how.

    The rate is MagNet's; the paper has no attack that knows the detector.

    Attributes:
      false_alarm_rate: of each of MagNet's detectors.
      adaptive_images: faces that are attacked with the detector known.
      adaptive_weight: of the divergence in that attack's loss.
    """

    false_alarm_rate: float = 0.01
    adaptive_images: int = 1000
    adaptive_weight: float = 1.0

    def __post_init__(self) -> None:
        check_at_least(self, 0, "adaptive_weight")
        check_at_least(self, 1, "adaptive_images")
        if not 0.0 <= self.false_alarm_rate <= 0.5:
            raise InputError(
                f"`false_alarm_rate` must lie in [0, 0.5], got {self.false_alarm_rate}."
            )


class Table2:
    """Scores of normal and attacked faces of both halves.

    Attributes:
      pairs: by half, `validation` and `test`, faces and the faces whose code they are to get.
      normal: by half, scores of the faces as they are.

    Args:
      scores: of images.
      terms: of Eq. 1.
      pairs: see above.
      attack: Algorithm 1.
      config: see there.
      crafted: gives attacked images in 8 bits, and may keep them.
    """

    def __init__(
        self,
        scores: DetectionScores,
        terms: Mapping[str, Term],
        pairs: dict[str, AttackedPairs],
        attack: PerturbationAttack,
        config: Table2Config,
        crafted: CraftedImages | None = None,
    ) -> None:
        self._scores, self._terms, self._attack = scores, terms, attack
        self._crafted = crafted or CraftedImages()
        self.pairs, self._config = pairs, config
        self.normal: dict[str, Scores] = {
            name: scores.measure(pairs.sources, BATCH) for name, pairs in self.pairs.items()
        }
        self._others: dict[str, Attack] = {"fgsm": FGSM(), "pgd": PGD(attack.steps)}
        self._attacked: dict[tuple[str, str], Scores] = {}

    def attacked(self, half: str, name: str) -> Scores:
        """Scores of attacked faces; `name` is the row's."""
        if (half, name) not in self._attacked:
            pairs = self.pairs[half]
            match = pairs.match(self._terms)
            attack: Attack = self._others.get(name, self._attack)
            epsilon = (
                self._attack.upper * UNSEEN_EPSILON
                if name in self._others
                else float(name.removeprefix("eps="))
            )

            images = self._crafted(
                attack,
                epsilon,
                pairs,
                entry_weights(self._terms, codes.SIZE),
                lambda: pairs.attacked(attack, epsilon, match).images,
            )
            self._attacked[half, name] = self._scores.measure(images, BATCH)
        return self._attacked[half, name]

    def thresholds(self, name: str, score: str) -> Thresholds:
        """From the validation half alone."""
        return Thresholds.of(
            ScoreSet(self.normal["validation"][score], self.attacked("validation", name)[score])
        )

    def row(self, name: str, known: bool) -> Row:
        """One row of the table.

        Args:
          name: `eps=...`, `fgsm` or `pgd`.
          known: also measure an attacker who knows the detector.
        """
        seen = name if name.startswith("eps=") else f"eps={UNSEEN_EPSILON:g}"
        paper = TABLE_2.get(float(name[4:]), (None,) * 4) if name == seen else (None,) * 4
        attacked = self.attacked("test", name)
        columns: dict[str, Measurement] = {}
        areas: dict[str, Measurement] = {}
        for number, score in enumerate(SCORES):
            result = DetectionResult.of(
                self.thresholds(seen, score),
                ScoreSet(self.normal["test"][score], attacked[score]),
            )
            columns[score] = Measurement.rate(result.best_accuracy.correct, paper[number])
            count = len(attacked[score])
            areas[f"{score}_auc"] = Measurement.bare(result.roc.auc(), count)
            for rate in TPR_AT:
                share = result.roc.detection_rate_at(rate)
                areas[f"{score}_tpr_{rate:g}"] = Measurement.bare(share, count)
        # At thresholds from normal faces of the other half, so that false alarms are measured, too.
        caught, alarms = self.magnet.flags(attacked), self.magnet.flags(self.normal["test"])
        columns["magnet"] = Measurement.rate(np.concatenate([~alarms, caught]))
        columns["magnet_caught"] = Measurement.rate(caught)
        columns["magnet_false_alarms"] = Measurement.rate(alarms)
        if known:
            columns["adaptive_js"] = Measurement.rate(self._adaptive(seen))
        return Row(name, columns | areas)

    @functools.cached_property
    def magnet(self) -> MagNetDetector:
        """Every score with a veto, thresholds from the validation half's normal faces alone."""
        return MagNetDetector.calibrated(self.normal["validation"], self._config.false_alarm_rate)

    def _adaptive(self, name: str) -> Array:
        """Right verdicts of `js` where the attack keeps it low."""
        threshold = self.thresholds(name, "js").best_accuracy
        pairs = self.pairs["test"].part(slice(self._config.adaptive_images))
        goal = Undetected(pairs.match(self._terms), threshold, self._config.adaptive_weight)
        kept = pairs.attacked(self._attack, float(name[4:]), goal, self._code_and_score).stored
        found = self._scores.measure(kept, BATCH)["js"]
        normal = self.normal["test"]["js"][: len(pairs)]
        return Verdicts.of(threshold, ScoreSet(normal, found)).correct

    @functools.cached_property
    def _code_and_score(self) -> Function:
        return with_score(self.pairs["test"].victim.encoder, self._scores.divergence)


def toward_others(victim: Victim, people: Photographs, seed: int) -> AttackedPairs:
    """Every face as a source, each with a face of somebody else of the same half as target."""
    rng = np.random.default_rng(seed)
    targets = strangers(people.people, np.arange(len(people)), rng)
    return AttackedPairs.of(victim, people.images, people.images[targets])
