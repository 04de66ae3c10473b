"""Defences of MoFA measured on the same attacked pairs (Teng 2021, Section 3.4 and Figure 6)."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf

from attacks import (
    EOT,
    PGD,
    QUIET,
    Criterion,
    Stochastic,
    Undetected,
    code_distance,
    eased,
    through,
    with_score,
)
from attacks.semantic_match import entry_weights
from detector.defence import GaussianNoise, Reformer
from detector.magnet import MagNetDetector
from experiments.face_autoencoder import over_people
from experiments.face_autoencoder.face_detector import DetectorSettings, FaceDetector
from experiments.face_autoencoder.mofa_experiment import MofaExperiment
from experiments.face_autoencoder.mofa_victim import BATCH, AttackedPairs, Function
from experiments.face_autoencoder.settings import AutoencoderSettings
from experiments.running.results import Measurement, Row
from experiments.running.settings import Presets, check_above_zero, check_at_least, part
from mofa import code as codes
from mofa.arrays import Array
from mofa.people import spread_out
from resgn.saved_generator import PACKAGED, load_generator
from resgn.target import embed_all
from weights.errors import InputError

RESGNS = {"resgn": "facenet", "resgn_dlib": "dlib"}
"""ResGNs that come along, by their row: whose target they were trained for."""
DEFENCES = ("none", "noise", "autoencoder", *RESGNS, "magnet")
PLAIN = (
    *(f"back_{part}" for part in codes.SLICES),
    *("distance", "similarity", "back", "normal_distance", "normal_similarity"),
    *("adaptive_distance", "adaptive_similarity"),
)
"""Columns that are no rates."""
MEASURED_SEED = 0x5EED
"""Of the noise that is measured: no draw that an attack has seen."""
TRIED_SEED = 0x7213
"""Of the noise with which an attacker tries images out."""

ImageDefence = Callable[[tf.Tensor], tf.Tensor] | Stochastic
"""From images [N, 224, 224, 3] to the same."""


@dataclasses.dataclass(frozen=True)
class DefenceSettings(Presets):
    """What decides the table of defences.

    Attributes:
      pairs: to attack.
      eot_samples: draws of noise that each step of the adaptive attack averages over.
      normal_images: normal faces of other people, from which MagNet has its thresholds.
      eps: epsilon of the attack.
      noise_scale: standard deviation of the noise, Eq. 7.
      adaptive: also attack through each defence.
      adaptive_weight: of the scores above their thresholds in the loss of who attacks MagNet.
      false_alarm_rate: of each of MagNet's detectors.
      rows: of `DEFENCES`.
    """

    autoencoder: AutoencoderSettings = part(AutoencoderSettings(images_per_identity=20))
    detector: DetectorSettings = part(DetectorSettings())
    pairs: int = 1000
    eot_samples: int = 10
    normal_images: int = 10_000
    eps: float = 0.05
    noise_scale: float = 0.05
    adaptive: bool = True
    adaptive_weight: float = 1.0
    false_alarm_rate: float = 0.01
    rows: tuple[str, ...] = DEFENCES

    LAPTOP: ClassVar[dict[str, Any]] = AutoencoderSettings.LAPTOP | {
        "pairs": 32,
        "eot_samples": 2,
        "normal_images": 200,
    }
    SMOKE: ClassVar[dict[str, Any]] = AutoencoderSettings.SMOKE | {"pairs": 1, "normal_images": 4}

    def __post_init__(self) -> None:
        check_at_least(self, 1, "pairs", "eot_samples", "normal_images")
        check_at_least(self, 0, "noise_scale", "adaptive_weight")
        check_above_zero(self, "eps")
        if not 0.0 <= self.false_alarm_rate <= 0.5:
            raise InputError(
                f"`false_alarm_rate` must lie in [0, 0.5], got {self.false_alarm_rate}."
            )
        names = self.rows
        if not names or len(set(names)) != len(names) or not set(names) <= set(DEFENCES):
            raise InputError(f"`rows`: choose, each once, from {', '.join(DEFENCES)}.")


class ImageDefences:
    """Each defence by name, made once.

    Attributes:
      detector: autoencoder and scores, where a defence needs them.
      magnet: MagNet's detectors, if it is among the defences.

    Args:
      experiment: the victim and the people.
      settings: which defences.

    Raises:
      InputError: a file is missing, damaged, or made for others.
    """

    def __init__(self, experiment: MofaExperiment, settings: DefenceSettings) -> None:
        self._experiment, self._settings = experiment, settings
        self._made: dict[str, ImageDefence] = {"none": tf.identity}
        self.detector: FaceDetector | None = None
        self.magnet: MagNetDetector | None = None
        names = settings.rows
        if {"autoencoder", "magnet"} & set(names):
            self.detector = FaceDetector(experiment, settings.detector)
            reformer = Reformer(self.detector.reconstruct)
            self._made |= {"autoencoder": reformer, "magnet": reformer}
        if "noise" in names:
            noise = GaussianNoise(settings.noise_scale)
            self._made["noise"] = EOT(Stochastic(noise), settings.eot_samples)
        if "magnet" in names and self.detector is not None:
            self.magnet = self._magnet(self.detector)
        for name, target in RESGNS.items():
            if name not in names:
                continue
            cleaner = load_generator(PACKAGED[target]).model
            self._made[name] = functools.partial(cleaner, training=False)

    def _magnet(self, detector: FaceDetector) -> MagNetDetector:
        """MagNet's detectors with thresholds from normal faces of the validation part's people."""
        people = self._experiment.people("validation")
        normal = people.part(spread_out(len(people), self._settings.normal_images)).images
        scores = detector.scores.measure(normal, BATCH)
        return MagNetDetector.calibrated(scores, self._settings.false_alarm_rate)

    def defended(self, name: str, images: Array, seed: int = MEASURED_SEED) -> Array:
        """Images [N, 224, 224, 3] behind a defence; of a random one a single draw."""
        defence = self._made[name]

        def once(batch: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
            if isinstance(defence, Stochastic):
                # By the batch: images at one place of two batches do not share their noise.
                return defence(batch, tf.stack([seed, rows[0]]))
            return defence(batch)

        rows = np.arange(len(images), dtype=np.int32)
        return embed_all(tf.function(once, autograph=False), images, BATCH, [rows])

    def refused(self, name: str, images: Array) -> Array:
        """Which of the images [N, 224, 224, 3] a defence does not let pass: bool [N]."""
        if name != "magnet" or self.magnet is None or self.detector is None:
            return np.zeros(len(images), bool)
        return self.magnet.flags(self.detector.scores.measure(images, BATCH))

    def under_attack(
        self, name: str, network: Function, goal: Criterion
    ) -> tuple[Function | Stochastic, Criterion]:
        """What an attack through the defence climbs, and when it has reached its goal.

        Args:
          name: of the defence.
          network: from images to what the goal judges.
          goal: without a detector.
        """
        behind: Any = through(self._made[name], network)
        if name != "magnet" or self.magnet is None or self.detector is None:
            return behind, goal
        magnet, scores = self.magnet, self.detector.scores

        def above(images: tf.Tensor) -> tf.Tensor:
            return eased(magnet.excess(scores(images)))

        weight = self._settings.adaptive_weight
        return with_score(behind, above), Undetected(goal, QUIET, weight)


class DefenceBench:
    """Measures defences on the same attacked pairs.

    Attributes:
      pairs: whom.

    Args:
      experiment: the victim.
      settings: see there.
      pairs: see above.
      defences: what is measured.
    """

    def __init__(
        self,
        experiment: MofaExperiment,
        settings: DefenceSettings,
        pairs: AttackedPairs,
        defences: ImageDefences,
    ) -> None:
        self._experiment, self._settings = experiment, settings
        self.pairs, self._defences = pairs, defences
        self._attack = settings.autoencoder.algorithm.attack()
        self._weights = entry_weights(experiment.terms, codes.SIZE)
        self._threshold = pairs.victim.identities["code"].threshold

    @functools.cached_property
    def attacked(self) -> Array:
        """Attacked without knowledge of any defence, in 8 bits."""
        return self._experiment.attacked(self._attack, self.pairs, self._settings.eps)

    def defended(self, name: str) -> Array:
        """The attacked faces behind a defence."""
        return self._defences.defended(name, self.attacked)

    def row(self, name: str) -> Row:
        """One defence."""
        cleaned = self.defended(name)
        after, moved = self.distance(cleaned), self.distance(self.attacked)
        columns = self._outcome(name, self.attacked, cleaned)
        columns["back"] = self.pairs.measured(1.0 - after / np.maximum(moved, 1e-9))
        columns |= self._back_by_part(cleaned)
        normal = self._defences.defended(name, self.pairs.sources)
        similar = self.pairs.similarities("code", normal)[0]
        passed = ~self._defences.refused(name, self.pairs.sources)
        columns |= {
            "kept": self.pairs.measured((similar > self._threshold) & passed),
            "normal_distance": self.pairs.measured(self.distance(normal)),
            "normal_similarity": self.pairs.measured(similar),
        }
        if self._settings.adaptive:
            found = self._through(name)
            outcome = self._outcome(name, found, self._defences.defended(name, found))
            columns |= {f"adaptive_{column}": cell for column, cell in outcome.items()}
        return Row(name, columns)

    def _back_by_part(self, cleaned: Array) -> dict[str, Measurement]:
        """How much of what the attack did to each part of the code a defence takes back.

        Of all pairs together: in a single one an attack may have hardly moved a part.
        """
        found = self.pairs.victim.codes
        after, moved = (
            np.abs(found(images) - self.pairs.source_codes) for images in (cleaned, self.attacked)
        )

        def back(rows: Array) -> dict[str, float]:
            ratios = {
                part: after[rows, where].sum() / max(moved[rows, where].sum(), 1e-9)
                for part, where in codes.SLICES.items()
            }
            return {f"back_{part}": float(1.0 - ratio) for part, ratio in ratios.items()}

        known = self.pairs.people
        return over_people.measured(np.arange(len(self.pairs)) if known is None else known[0], back)

    def _through(self, name: str) -> Array:
        """Attacked by who knows the defence, in 8 bits: of each pair the best of three images.

        The one that was made without knowledge; that of Algorithm 1, which matches codes (Eq. 1);
        and that of PGD, which climbs what the judge decides by.
        """
        victim, settings = self.pairs.victim, self._settings
        pgd = PGD(settings.autoencoder.algorithm.steps)
        by_code = self._defences.under_attack(
            name, victim.encoder, self.pairs.match(self._experiment.terms)
        )
        by_judge = self._defences.under_attack(name, victim.embed("code"), self.pairs.swap("code"))
        radius = min(1.0, float(self._attack.radii(settings.eps)))
        found = np.stack(
            [
                self.attacked,
                *(
                    self.pairs.attacked(attack, budget, goal, behind).stored
                    for attack, budget, (behind, goal) in (
                        (self._attack, settings.eps, by_code),
                        (pgd, radius, by_judge),
                    )
                ),
            ]
        )
        better = np.argmax([self._tried(name, images) for images in found], axis=0)
        return found[better, np.arange(len(better))]

    def _tried(self, name: str, images: Array) -> Array:
        """How far the judge is from refusing an attacker's success, by draws that decide nothing.

        Returns:
          [N]; images that the defence refuses come last.
        """
        cleaned = self._defences.defended(name, images, TRIED_SEED)
        source, target = self.pairs.similarities("code", cleaned)
        margin = np.minimum(target - self._threshold, self._threshold - source)
        return np.where(self._defences.refused(name, images), margin - 4.0, margin)

    def _outcome(self, name: str, attacked: Array, cleaned: Array) -> dict[str, Measurement]:
        """What became of attacked faces."""
        source, target = self.pairs.similarities("code", cleaned)
        undone = (source > self._threshold) & (target < self._threshold)
        succeeds = (source < self._threshold) & (target > self._threshold)
        refused = self._defences.refused(name, attacked)
        return {
            "undone": self.pairs.measured(undone),
            "stopped": self.pairs.measured(~succeeds | refused),
            "distance": self.pairs.measured(self.distance(cleaned)),
            "similarity": self.pairs.measured(source),
        }

    def distance(self, images: Array) -> Array:
        """Distance of Eq. 1 between the codes of images and of their sources, [N]."""
        found = self.pairs.victim.codes(images)
        return np.asarray(code_distance(found, self.pairs.source_codes, self._weights).numpy())
