"""Scores, thresholds and verdicts of Table 2 of Teng 2021."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np
import tensorflow as tf

from attacks import FGSM, PGD, Attack, PerturbationAttack, Term, whole_levels
from attacks.semantic_match import entry_weights
from detector.detection import (
    FALSE_ALARM_RATES,
    DetectionResult,
    ScoreSet,
    Thresholds,
    Verdicts,
    best_accuracy_threshold,
    validation_half,
)
from detector.magnet import MagNetDetector
from detector.roc import RocCurve
from detector.scores import SCORES, DetectionScores
from experiments.face_autoencoder import over_people
from experiments.face_autoencoder.crafted_images import CraftedImages
from experiments.face_autoencoder.mofa_victim import BATCH, AttackedPairs, Victim
from experiments.face_autoencoder.papers import TABLE_2
from experiments.face_autoencoder.pictures import Pictures
from experiments.running.results import Measurement, Row
from mofa import code as codes
from mofa.arrays import Array
from mofa.people import strangers
from mofa.photographs import Photographs
from weights.errors import InputError

UNSEEN_EPSILON = 0.05
"""At whose change of a pixel FGSM and PGD attack, and whose thresholds judge them."""

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
    if any(len(np.unique(people.people[rows])) < 2 for rows in chosen):
        raise InputError(
            f"Of {images} faces of each half those of one are all of one person, who has nobody to "
            "be attacked towards: raise `images`, or give more people."
        )
    return people.part(chosen[0]), people.part(chosen[1])


@dataclasses.dataclass(frozen=True)
class Table2Config:
    """What is measured how.

    Attributes:
      false_alarm_rate: of each of MagNet's detectors; the rate is MagNet's.
    """

    false_alarm_rate: float = 0.01

    def __post_init__(self) -> None:
        if not 0.0 <= self.false_alarm_rate <= 0.5:
            raise InputError(
                f"`false_alarm_rate` must lie in [0, 0.5], got {self.false_alarm_rate}."
            )


@dataclasses.dataclass(frozen=True, eq=False)
class Half:
    """Faces of one half of the people.

    Attributes:
      pairs: faces and the faces whose code they are to get.
      people: int [N], whose the faces are.
    """

    pairs: AttackedPairs
    people: Array


class ImageScore(Protocol):
    """A score that does not come from a reconstruction: the higher, the more attacked."""

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        """Of images float32 [N, 224, 224, 3] in [0, 1]: [N], differentiable."""

    def measure(self, images: Array, batch_size: int = BATCH) -> Array:
        """The same of many images, at so many at a time."""


class Table2:
    """Scores of normal and attacked faces of both halves.

    Rows are named `eps=...` as files hold the attacked faces, in 8 bits; `eps=...,float` as the
    attack gave them; `fgsm` and `pgd`.

    Attributes:
      halves: by name, `validation` and `test`.
      normal: by half, scores of the faces as they are.
      scores: the detector's.
      terms: of Eq. 1.
      attack: Algorithm 1.
      series: the rows of Algorithm 1 by which the one threshold is settled.

    Args:
      scores: of images, by what they are called: those of the detector under "", the divergence
        with other reconstructions under further names.
      terms: of Eq. 1.
      halves: see above.
      attack: Algorithm 1.
      epsilons: of the attack.
      config: see there.
      crafted: gives attacked images in 8 bits, and may keep them.
      others: further scores by the name of their columns.
    """

    def __init__(
        self,
        scores: Mapping[str, DetectionScores],
        terms: Mapping[str, Term],
        halves: Mapping[str, Half],
        attack: PerturbationAttack,
        epsilons: Sequence[float],
        config: Table2Config,
        crafted: CraftedImages | None = None,
        others: Mapping[str, ImageScore] | None = None,
    ) -> None:
        self._all_scores, self.scores = scores, scores[""]
        self._other_scores = dict(others or {})
        self.terms, self.attack = terms, attack
        self._crafted = crafted or CraftedImages()
        self.halves, self._config = halves, config
        self.normal: dict[str, Scores] = {
            name: self._measured(half.pairs.sources) for name, half in halves.items()
        }
        self._unseen: dict[str, Attack] = {"fgsm": FGSM(), "pgd": PGD(attack.steps)}
        self._attacked: dict[tuple[str, str], Scores] = {}
        names = [f"eps={epsilon:g}" for epsilon in epsilons]
        # Where a change is below one level, files hold the faces as they were.
        levels = [whole_levels(float(attack.radii(epsilon))) for epsilon in epsilons]
        nothing = {name for name, level in zip(names, levels, strict=True) if not level}
        self.series = tuple(f"{name},float" if name in nothing else name for name in names)
        self._stored_alone = tuple(name for name in names if name in nothing)

    @property
    def names(self) -> tuple[str, ...]:
        """All rows."""
        return *self._stored_alone, *self.series, *self._unseen

    def _measured(self, images: Array) -> Scores:
        found = self.scores.measure(images, BATCH)
        for name, scores in self._all_scores.items():
            if name:
                found[f"js_{name}"] = scores.measure(images, BATCH)["js"]
        return found | {name: self.measure(name, images) for name in self._other_scores}

    def measure(self, score: str, images: Array) -> Array:
        """One score of images, `js` or another's, [N]."""
        if score == "js":
            return self.scores.measure(images, BATCH)["js"]
        return self._other_scores[score].measure(images, BATCH)

    def differentiable(self, score: str) -> Callable[[tf.Tensor], tf.Tensor]:
        """The same from a tensor of images, with a gradient."""
        return self.scores.divergence if score == "js" else self._other_scores[score]

    def stored(self, half: str, name: str) -> Array:
        """Attacked faces, float32 [N, 224, 224, 3]; in 8 bits but for rows that say `float`."""
        pairs = self.halves[half].pairs
        match = pairs.match(self.terms)
        attack: Attack = self._unseen.get(name, self.attack)
        if name.endswith(",float"):
            return pairs.attacked(attack, _epsilon(name), match).images
        epsilon = self.attack.upper * UNSEEN_EPSILON if name in self._unseen else _epsilon(name)
        return self._crafted(
            attack,
            epsilon,
            pairs,
            entry_weights(self.terms, codes.SIZE),
            lambda: pairs.attacked(attack, epsilon, match).images,
        )

    def attacked(self, half: str, name: str) -> Scores:
        """Scores of attacked faces; `name` is the row's."""
        if (half, name) not in self._attacked:
            self._attacked[half, name] = self._measured(self.stored(half, name))
        return self._attacked[half, name]

    def thresholds(self, name: str, score: str) -> Thresholds:
        """From the validation half alone."""
        return Thresholds.of(
            ScoreSet(self.normal["validation"][score], self.attacked("validation", name)[score])
        )

    def one_threshold(self, score: str) -> float:
        """The threshold whose accuracy, the mean over all epsilons, is best on validation."""
        attacked = [self.attacked("validation", name)[score] for name in self.series]
        normal = np.tile(self.normal["validation"][score], len(attacked))
        return best_accuracy_threshold(normal, np.concatenate(attacked))

    def reconstruction(self) -> Row:
        """How far reconstructions of the test half's normal faces are off, for each number."""
        half = self.halves["test"]
        norms = {"rmse": self.normal["test"]["l2"]}
        for name, scores in self._all_scores.items():
            if name:
                norms[f"rmse_{name}"] = scores.measure(half.pairs.sources, BATCH)["l2"]
        root = np.sqrt(half.pairs.sources[0].size)
        columns = {name: over_people.mean(norm / root, half.people) for name, norm in norms.items()}
        return Row("normal", columns)

    def row(self, name: str) -> Row:
        """One row of the table; intervals are over people, none without width."""
        seen = name if name.startswith("eps=") else f"eps={UNSEEN_EPSILON:g}"
        paper = TABLE_2.get(_epsilon(name), (None,) * 4) if name == seen else (None,) * 4
        papers = dict(zip(SCORES, paper, strict=True))
        attacked, normal = self.attacked("test", name), self.normal["test"]
        columns: dict[str, Measurement] = {}
        areas: dict[str, Measurement] = {}
        for score in attacked:
            test = ScoreSet(normal[score], attacked[score])
            found = DetectionResult.of(self.thresholds(seen, score), test)
            one = Verdicts.of(self.one_threshold(score), test)
            columns[score] = self._share(found.best_accuracy.correct, papers.get(score))
            columns[f"{score}_one"] = self._share(one.correct, papers.get(score))
            areas |= self._curve(score, test)
            for rate in shown(len(self.normal["validation"][score])):
                verdicts = found.false_alarm[rate]
                areas[f"{score}_caught_{rate:g}"] = self._share(verdicts.detections)
                areas[f"{score}_alarms_{rate:g}"] = self._share(verdicts.false_alarms)
        # At thresholds from normal faces of the other half, so that false alarms are measured, too.
        caught, alarms = self.magnet.flags(attacked), self.magnet.flags(normal)
        columns["magnet"] = self._share(np.concatenate([~alarms, caught]))
        columns["magnet_caught"] = self._share(caught)
        columns["magnet_false_alarms"] = self._share(alarms)
        return Row(name, columns | areas)

    def _share(self, outcomes: Array, paper: float | None = None) -> Measurement:
        """Of outcomes of each face, normal ones before attacked ones where both are there."""
        people = self.halves["test"].people
        by_face = outcomes.reshape(-1, len(people)).T
        return over_people.mean(by_face, people, paper)

    def _curve(self, score: str, test: ScoreSet) -> dict[str, Measurement]:
        """Area under the ROC, and attacks caught where these faces raise so many false alarms."""
        rates = shown(len(test.normal))

        def read(rows: Array) -> dict[str, float]:
            roc = RocCurve.of(test.normal[rows], test.attacked[rows])
            caught = {f"{score}_tpr_{rate:g}": roc.detection_rate_at(rate) for rate in rates}
            return {f"{score}_auc": roc.auc()} | caught

        return over_people.measured(self.halves["test"].people, read, shares=True)

    @functools.cached_property
    def magnet(self) -> MagNetDetector:
        """Every score with a veto, thresholds from the validation half's normal faces alone."""
        normal = {name: self.normal["validation"][name] for name in SCORES}
        return MagNetDetector.calibrated(normal, self._config.false_alarm_rate)


def shown(normal: int) -> list[float]:
    """Those of `FALSE_ALARM_RATES` that so many normal faces can show: one of them or more."""
    return [rate for rate in FALSE_ALARM_RATES if rate * normal >= 1.0 - 1e-9]


def _epsilon(name: str) -> float:
    return float(name.removeprefix("eps=").removesuffix(",float"))


def toward_others(victim: Victim, people: Photographs, seed: int) -> Half:
    """Every face as a source, each with a face of somebody else of the same half as target."""
    rng = np.random.default_rng(seed)
    targets = strangers(people.people, np.arange(len(people)), rng)
    pairs = AttackedPairs.of(victim, people.images, people.images[targets])
    return Half(pairs, people.people)
