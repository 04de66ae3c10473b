"""Figure 5 of Teng 2021: similarities to source and target against epsilon, in two readings."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np

from attacks import FGSM, Misclassification
from experiments.drawing.similarity_figure import COLUMNS, SimilarityCurve
from experiments.face_autoencoder.judges import JudgeSettings
from experiments.face_autoencoder.judging import Judging
from experiments.face_autoencoder.mofa_experiment import MofaExperiment
from experiments.face_autoencoder.mofa_victim import Attacked, AttackedPairs
from experiments.face_autoencoder.settings import AutoencoderSettings
from experiments.running.results import Measurement, Row
from experiments.running.settings import Presets, check_at_least, part
from mofa.arrays import Array
from weights.errors import InputError

SMALLEST, LARGEST = 0.005, 5.0
"""Epsilons of the paper, for VGG-19; MoFA's are shown as far."""
ATTACKED = {"mofa": "code", "vgg19_on_mofa": "code", "vgg19": "image"}
"""By whose classifier the images of a curve are made: `vgg19_on_mofa` are MoFA's."""
JUDGED = {"mofa": "code", "vgg19_on_mofa": "image", "vgg19": "image"}
"""Who judges them."""
TITLES = {
    "mofa": "MoFA",
    "vgg19_on_mofa": "VGG-19 on images against MoFA",
    "vgg19": "VGG-19 attacked itself",
    "attack": "perturbation attack",
    "fgsm": "FGSM",
}
FGSM_LOSSES = ("classification", "similarity")
DIFFERENT = 0.005
"""Difference of a median from which on images in float stand beside the stored ones."""


@dataclasses.dataclass(frozen=True)
class SweepSettings(Presets):
    """What decides Figure 5.

    Attributes:
      pairs: to attack.
      points: epsilons for each curve, evenly spaced on a logarithmic axis.
      fgsm: the curves of FGSM, too.
      fgsm_loss: what FGSM goes along: `classification`, the cross-entropy of the class that the
        source is given, as the paper names it; or `similarity`, that to the target.
    """

    autoencoder: AutoencoderSettings = part(AutoencoderSettings())
    judging: JudgeSettings = part(JudgeSettings())
    pairs: int = 100
    points: int = 50
    fgsm: bool = True
    fgsm_loss: str = "classification"

    # About ten minutes on two cores; the paper's size takes an hour and a half.
    LAPTOP: ClassVar[dict[str, Any]] = AutoencoderSettings.LAPTOP | {"pairs": 24, "points": 19}
    SMOKE: ClassVar[dict[str, Any]] = AutoencoderSettings.SMOKE | {
        "pairs": 1,
        "points": 2,
        "second_judge": "none",
    }

    def __post_init__(self) -> None:
        check_at_least(self, 1, "pairs")
        check_at_least(self, 2, "points")
        if self.fgsm_loss not in FGSM_LOSSES:
            raise InputError(
                f"`fgsm_loss` must be {' or '.join(FGSM_LOSSES)}; got {self.fgsm_loss!r}."
            )

    @property
    def epsilons(self) -> list[float]:
        """Of every curve, ascending."""
        return [float(each) for each in np.geomspace(SMALLEST, LARGEST, self.points)]

    @property
    def attacks(self) -> tuple[str, ...]:
        """How images are made."""
        return ("attack", "fgsm") if self.fgsm else ("attack",)

    @property
    def curves(self) -> list[tuple[str, str]]:
        """Network and attack of each, in the order of the table."""
        return [(network, attack) for attack in self.attacks for network in JUDGED]

    @property
    def points_in_order(self) -> list[tuple[str, str, float]]:
        """All that is to be measured; curves of the same images one after the other."""
        return [
            (network, attack, epsilon)
            for attack in self.attacks
            for epsilon in self.epsilons
            for network in JUDGED
        ]


def row_name(network: str, attack: str, epsilon: float) -> str:
    """What a point of a curve is called in `result.json`."""
    return f"{network},{attack},eps={epsilon:.4g}"


class SimilaritySweep:
    """The attacks on some pairs, compiled once for all epsilons.

    Args:
      experiment: the victim, with classifiers on codes and on images.
      pairs: whom.
      settings: see there.
    """

    def __init__(
        self, experiment: MofaExperiment, pairs: AttackedPairs, settings: SweepSettings
    ) -> None:
        self._experiment, self._pairs, self._settings = experiment, pairs, settings
        self.judging = Judging(experiment, settings.judging, pairs)
        self._semantic, self._fgsm = experiment.settings.algorithm.attack(), FGSM()
        self._logits = {kind: experiment.victim.logits(kind) for kind in set(ATTACKED.values())}
        self._last: tuple[tuple[str, str, float], Attacked] | None = None

    def measure(self, network: str, attack: str, epsilon: float) -> Row:
        """Similarities of stored images at one epsilon, with `success`.

        Where those of the images in float differ by half a hundredth or more, or their success
        does, they stand beside them, with `float_` before the name.
        """
        attacked = self.attacked(ATTACKED[network], attack, epsilon)
        stored, floats = (self._columns(JUDGED[network], each) for each in attacked[::-1])
        if any(abs(stored[k].value - floats[k].value) >= DIFFERENT for k in stored):
            stored |= {f"float_{name}": value for name, value in floats.items()}
        return Row(
            row_name(network, attack, epsilon),
            stored | self.judging.columns(self._pairs, attacked),
        )

    def _columns(self, kind: str, images: Array) -> dict[str, Measurement]:
        source, target = self._pairs.similarities(kind, images)
        return {
            "source_similarity": Measurement.quartiles(source),
            "target_similarity": Measurement.quartiles(target),
            "success": self._pairs.measured(self._pairs.success(kind, images)),
        }

    def attacked(self, kind: str, attack: str, epsilon: float) -> Attacked:
        """The pairs' images at one epsilon, made against the classifier of a kind.

        The last ones are kept, since two curves may be of the same.
        """
        name = kind, attack, epsilon
        if self._last is None or self._last[0] != name:
            self._last = name, self._craft(*name)
        return self._last[1]

    def _craft(self, kind: str, attack: str, epsilon: float) -> Attacked:
        pairs, victim = self._pairs, self._experiment.victim
        if attack == "fgsm":
            # Its budget is the change of a pixel, which has to lie in (0, 1].
            change = min(1.0, self._semantic.upper * epsilon)
            if self._settings.fgsm_loss == "similarity":
                return pairs.attacked(self._fgsm, change, pairs.toward(kind), victim.embed(kind))
            goal = Misclassification(*victim.classes(kind, pairs.sources))
            return pairs.attacked(self._fgsm, change, goal, self._logits[kind])
        if kind == "code":
            return pairs.attacked(self._semantic, epsilon, pairs.match(self._experiment.terms))
        return pairs.attacked(self._semantic, epsilon, pairs.swap(kind), victim.embed(kind))

    def curve(self, network: str, attack: str, rows: dict[str, Row]) -> SimilarityCurve:
        """One panel of the figure, from rows by name."""
        epsilons = self._settings.epsilons
        return SimilarityCurve(
            f"{TITLES[network]},\n{TITLES[attack]}",
            [float(f"{epsilon:.4g}") for epsilon in epsilons],
            [rows[row_name(network, attack, epsilon)] for epsilon in epsilons],
            self._experiment.victim.identities[JUDGED[network]].threshold,
        )


def falls_at(curve: SimilarityCurve) -> float | None:
    """The first epsilon at which the median pair is accepted as target and rejected as source."""
    for epsilon, row in zip(curve.epsilons, curve.rows, strict=True):
        source, target = (row.columns[name].value for name in COLUMNS)
        if source < curve.threshold < target:
            return epsilon
    return None


def lost_at(curve: SimilarityCurve) -> float | None:
    """The first epsilon from which on the median pair is no longer accepted as its source."""
    lost = [row.columns["source_similarity"].value < curve.threshold for row in curve.rows]
    stays = [all(lost[i:]) for i in range(len(lost))]
    return curve.epsilons[stays.index(True)] if any(stays) else None
