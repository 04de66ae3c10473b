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

import functools
from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import tqdm

from attacks import FGSM, Attack, Criterion
from experiments.drawing.figures import COLORS, save_figure
from experiments.face_autoencoder import mofa_experiment
from experiments.face_autoencoder.mofa_experiment import MofaExperiment
from experiments.face_autoencoder.mofa_victim import BATCH, AttackedPairs, Function
from experiments.flags import command_line, run_flags
from experiments.flags.attack_flags import perturbation_attack
from experiments.flags.groups import FlagGroup
from experiments.flags.preset_flags import PresetFlags
from experiments.running.results import Measurement, Row
from experiments.running.run import Run
from mofa.arrays import Array

FLAGS = FlagGroup(mofa_experiment.FLAGS)

PRESETS = PresetFlags(
    FLAGS,
    {
        "pairs": "Pairs to attack.",
        "points": "Epsilons for each curve, evenly spaced as the paper's are.",
        "identities": "Rendered people.",
        "images_per_identity": "Pictures of each.",
    },
    laptop={"pairs": 16, "points": 9, "identities": 60, "images_per_identity": 4},
    paper={"pairs": 100, "points": 50, "identities": 1000},
    smoke={"pairs": 1, "points": 2, "identities": 8, "images_per_identity": 1},
)
_FGSM = FLAGS.boolean("fgsm", True, "The curves of FGSM, too.")


LARGEST = {"mofa": 0.2, "vgg19": 5.0}
SMALLEST = 0.005
KINDS = {"mofa": "code", "vgg19": "image"}
COLUMNS = ("source_similarity", "target_similarity")


def main(argv: list[str]) -> None:
    """Attack at every epsilon, judge, draw."""
    del argv
    values = PRESETS.settle()
    experiment = MofaExperiment()
    run = Run(
        "mofa_sweep",
        experiment.settings(**values) | run_flags.settings_from_flags(["fgsm"]),
        run_flags.place(),
    )
    pairs = experiment.pairs(values["pairs"], values["identities"], values["images_per_identity"])
    run.same_data(pairs.sources, pairs.targets)
    curves = [(network, "attack") for network in KINDS]
    curves += [(network, "fgsm") for network in KINDS if _FGSM.value]
    sweep = Sweep(experiment, pairs)
    wanted = [
        (network, attack, float(epsilon))
        for network, attack in curves
        for epsilon in np.linspace(SMALLEST, LARGEST[network], max(2, values["points"]))
    ]
    rows = [
        run.measured(row_name(*point), functools.partial(sweep.measure, *point))
        for point in tqdm.tqdm(wanted, desc="sweep", unit="point")
    ]
    save_sweep(run.folder / "mofa_sweep.png", rows, curves, experiment)
    fallen = {f"{n},{a}": falls_at(rows, n, a, experiment) for n, a in curves}
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


class Sweep:
    """The attacks on some pairs, compiled once for all epsilons."""

    def __init__(self, experiment: MofaExperiment, pairs: AttackedPairs) -> None:
        self._experiment, self._pairs = experiment, pairs
        self._semantic, self._fgsm = perturbation_attack(), FGSM()

    def measure(self, network: str, attack: str, epsilon: float) -> Row:
        """Similarities at one epsilon; `success` beside them."""
        kind = KINDS[network]
        images = self.craft(network, attack, epsilon)
        source, target = self._pairs.similarities(kind, images)
        columns = {
            "source_similarity": Measurement.quartiles(source),
            "target_similarity": Measurement.quartiles(target),
            "success": Measurement.rate(self._pairs.success(kind, images)),
        }
        return Row(row_name(network, attack, epsilon), columns)

    def craft(self, network: str, attack: str, epsilon: float) -> Array:
        """Attacked images of all pairs at one epsilon."""
        pairs, victim = self._pairs, self._experiment.victim
        model: Function = victim.embed(KINDS[network])
        criterion: Criterion = pairs.swap(KINDS[network])
        chosen: Attack = self._semantic
        if attack == "fgsm":
            # Its budget is the change of a pixel, which has to lie in (0, 1].
            chosen, criterion = self._fgsm, pairs.toward(KINDS[network])
            epsilon = min(1.0, self._semantic.upper * epsilon)
        elif network == "mofa":
            model, criterion = victim.encoder, pairs.match(self._experiment.terms)
        return chosen.craft(model, pairs.sources, criterion, epsilons=[epsilon], batch_size=BATCH)[
            0
        ]


def points(rows: Sequence[Row], network: str, attack: str) -> tuple[Array, list[Row]]:
    """The epsilons of one curve and its rows."""
    start = f"{network},{attack},eps="
    chosen = [row for row in rows if row.name.startswith(start)]
    return np.array([float(row.name.removeprefix(start)) for row in chosen]), chosen


def falls_at(
    rows: Sequence[Row], network: str, attack: str, experiment: MofaExperiment
) -> float | None:
    """The first epsilon at which the median pair is accepted as target and rejected as source."""
    threshold = experiment.victim.identities[KINDS[network]].threshold
    for epsilon, row in zip(*points(rows, network, attack), strict=True):
        source, target = (row.columns[name].value for name in COLUMNS)
        if source < threshold < target:
            return float(epsilon)
    return None


def save_sweep(
    path: Path, rows: list[Row], curves: list[tuple[str, str]], experiment: MofaExperiment
) -> None:
    """A panel for each curve: median similarities with their quartiles, and the threshold."""
    figure, axes = plt.subplots(
        1, len(curves), figsize=(3.6 * len(curves), 3.6), sharey=True, squeeze=False
    )
    titles = {"mofa": "MoFA", "vgg19": "VGG-19", "attack": "perturbation attack", "fgsm": "FGSM"}
    for (network, attack), panel in zip(curves, axes[0], strict=True):
        epsilons, chosen = points(rows, network, attack)
        for number, name in enumerate(COLUMNS):
            cells = [row.columns[name] for row in chosen]
            color = COLORS[number]
            label = f"adversarial and {name.removesuffix('_similarity')}"
            panel.plot(epsilons, [c.value for c in cells], marker=".", color=color, label=label)
            low, high = ([getattr(c, end) for c in cells] for end in ("low", "high"))
            panel.fill_between(epsilons, low, high, color=color, alpha=0.2, linewidth=0)
        threshold = experiment.victim.identities[KINDS[network]].threshold
        panel.axhline(threshold, color="black", linestyle=":", linewidth=1, label="threshold")
        panel.set(
            title=f"{titles[network]}, {titles[attack]}", xlabel="epsilon", ylim=(-1.05, 1.05)
        )
        panel.grid(alpha=0.3)
    axes[0, 0].set_ylabel("cosine similarity")
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.tight_layout()
    figure.legend(
        handles, names, frameon=False, ncols=3, loc="upper center", bbox_to_anchor=(0.5, 0.01)
    )
    save_figure(figure, path)


if __name__ == "__main__":
    command_line.run(main, FLAGS)
