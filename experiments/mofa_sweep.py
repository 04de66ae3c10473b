"""Figure 5 of Teng 2021: similarity to source and target against epsilon, MoFA beside VGG-19.

    python -m experiments.mofa_sweep
    python -m experiments.mofa_sweep --dataset=celeba --data_dir=DIR --points=50 --pairs=100

The attack on MoFA's code (epsilon from 0.005 to 0.2) is judged by the classifier on codes, the one
on the image classifier's embedding (0.005 to 5) by that; FGSM goes along the gradient of the
similarity to the target, through encoder and classifier, with the same change of a pixel. The paper
shows one pair; here are the median and the quartiles over many. Where the median similarity to the
target first lies above the threshold and that to the source below it, the network has fallen.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any, ClassVar

import numpy as np
import tqdm

from attacks import FGSM
from experiments.drawing.similarity_figure import COLUMNS, SimilarityCurve, save_similarities
from experiments.face_autoencoder.mofa_experiment import MofaExperiment
from experiments.face_autoencoder.mofa_victim import AttackedPairs
from experiments.face_autoencoder.settings import AutoencoderSettings
from experiments.flags import command_line, run_flags
from experiments.flags.autoencoder_flags import CommandFlags
from experiments.running.results import Measurement, Row
from experiments.running.run import Run
from experiments.running.settings import Presets, check_at_least, flat, part
from mofa.arrays import Array

LARGEST = {"mofa": 0.2, "vgg19": 5.0}
SMALLEST = 0.005
KINDS = {"mofa": "code", "vgg19": "image"}
TITLES = {"mofa": "MoFA", "vgg19": "VGG-19", "attack": "perturbation attack", "fgsm": "FGSM"}


@dataclasses.dataclass(frozen=True)
class SweepSettings(Presets):
    """What decides Figure 5.

    Attributes:
      pairs: to attack.
      points: epsilons for each curve, evenly spaced as the paper's are.
      fgsm: the curves of FGSM, too.
    """

    autoencoder: AutoencoderSettings = part(AutoencoderSettings())
    pairs: int = 100
    points: int = 50
    fgsm: bool = True

    LAPTOP: ClassVar[dict[str, Any]] = AutoencoderSettings.LAPTOP | {"pairs": 16, "points": 9}
    SMOKE: ClassVar[dict[str, Any]] = AutoencoderSettings.SMOKE | {"pairs": 1, "points": 2}

    def __post_init__(self) -> None:
        check_at_least(self, 1, "pairs")
        check_at_least(self, 2, "points")


SETTINGS = CommandFlags(
    SweepSettings,
    {
        "points": "Epsilons for each curve, evenly spaced as the paper's are.",
        "fgsm": "Draw the curves of FGSM, too.",
    },
)
FLAGS = SETTINGS.group


def main(_: list[str]) -> None:
    """Attack at every epsilon, judge, draw."""
    settings = SETTINGS.settings()
    experiment = MofaExperiment(settings.autoencoder)
    run = Run("mofa_sweep", flat(settings), run_flags.place())
    pairs = experiment.pairs(settings.pairs)
    run.same_data(pairs.sources, pairs.targets)
    attacks = ("attack", "fgsm") if settings.fgsm else ("attack",)
    wanted = [
        (network, attack, float(epsilon))
        for attack in attacks
        for network in KINDS
        for epsilon in np.linspace(SMALLEST, LARGEST[network], settings.points)
    ]
    sweep = SimilaritySweep(experiment, pairs)
    rows = [
        run.measured(row_name(*point), functools.partial(sweep.measure, *point))
        for point in tqdm.tqdm(wanted, desc="sweep", unit="point")
    ]
    curves = {
        f"{network},{attack}": SimilarityCurve(
            f"{TITLES[network]}, {TITLES[attack]}",
            [float(f"{epsilon:.4g}") for *of, epsilon in wanted if of == [network, attack]],
            [row for row, (*of, _) in zip(rows, wanted, strict=True) if of == [network, attack]],
            experiment.victim.identities[KINDS[network]].threshold,
        )
        for attack in attacks
        for network in KINDS
    }
    save_similarities(run.folder / "mofa_sweep.png", list(curves.values()))
    fallen = {name: falls_at(curve) for name, curve in curves.items()}
    notes = (
        f"{experiment.about(pairs)} Median and quartiles (a spread, no interval). Falls at epsilon "
        + ", ".join(f"{k}: {'none' if v is None else format(v, '.4g')}" for k, v in fallen.items())
        + ". Images in float, not rounded to 8 bits."
    )
    table = run.finish(
        rows, "float32", "point", notes, plain=COLUMNS, fallen=fallen, **pairs.facts()
    )
    print("\n" + table)
    print(f"{run.folder}: mofa_sweep.md, .csv, .png, result.json")


def row_name(network: str, attack: str, epsilon: float) -> str:
    """What a point of a curve is called in `result.json`."""
    return f"{network},{attack},eps={epsilon:.4g}"


class SimilaritySweep:
    """The attacks on some pairs, compiled once for all epsilons."""

    def __init__(self, experiment: MofaExperiment, pairs: AttackedPairs) -> None:
        self._experiment, self._pairs = experiment, pairs
        self._semantic, self._fgsm = experiment.settings.algorithm.attack(), FGSM()

    def measure(self, network: str, attack: str, epsilon: float) -> Row:
        """Similarities at one epsilon; `success` beside them."""
        kind = KINDS[network]
        images = self._attacked(network, attack, epsilon)
        source, target = self._pairs.similarities(kind, images)
        columns = {
            "source_similarity": Measurement.quartiles(source),
            "target_similarity": Measurement.quartiles(target),
            "success": Measurement.rate(self._pairs.success(kind, images)),
        }
        return Row(row_name(network, attack, epsilon), columns)

    def _attacked(self, network: str, attack: str, epsilon: float) -> Array:
        """Attacked images of all pairs at one epsilon."""
        pairs, victim, kind = self._pairs, self._experiment.victim, KINDS[network]
        if attack == "fgsm":
            # Its budget is the change of a pixel, which has to lie in (0, 1].
            change = min(1.0, self._semantic.upper * epsilon)
            return pairs.attacked(self._fgsm, change, pairs.toward(kind), victim.embed(kind)).images
        if network == "mofa":
            return pairs.attacked(
                self._semantic, epsilon, pairs.match(self._experiment.terms)
            ).images
        return pairs.attacked(self._semantic, epsilon, pairs.swap(kind), victim.embed(kind)).images


def falls_at(curve: SimilarityCurve) -> float | None:
    """The first epsilon at which the median pair is accepted as target and rejected as source."""
    for epsilon, row in zip(curve.epsilons, curve.rows, strict=True):
        source, target = (row.columns[name].value for name in COLUMNS)
        if source < curve.threshold < target:
            return epsilon
    return None


if __name__ == "__main__":
    command_line.run(main, FLAGS)
