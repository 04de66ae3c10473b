"""Figure 5 of Teng 2021: similarity to source and target against epsilon, MoFA beside VGG-19.

    python -m experiments.mofa_sweep
    python -m experiments.mofa_sweep --dataset=celeba --data_dir=DIR --points=50 --pairs=100

Two readings of the figure, on one logarithmic grid of epsilons from 0.005 to 5. The caption's:
images are made against MoFA's code, and judged by the classifier on codes (`mofa`) and by VGG-19
(`vgg19_on_mofa`). And VGG-19 attacked itself, on its own embedding (`vgg19`). FGSM goes against the
classification loss, away from the class that the source is given (or, with --fgsm_loss=similarity,
toward the target), with the same change of a pixel. What is judged are stored 8-bit images: below
half a level nothing changes; where images in float say something else, they stand beside them.

The paper shows one pair; here are the median and the quartiles over many. Where the median
similarity to the target first lies above the threshold and that to the source below it, the network
has fallen; from where on it stays below, the source is lost. `panel.png` shows the first pair and
what the autoencoder makes of it.
"""

from __future__ import annotations

import functools

import numpy as np
import tqdm

from experiments.drawing.panel import save_panel
from experiments.drawing.similarity_figure import save_similarities
from experiments.face_autoencoder.mofa_experiment import MofaExperiment
from experiments.face_autoencoder.mofa_victim import AttackedPairs
from experiments.face_autoencoder.similarity_sweep import (
    FGSM_LOSSES,
    LARGEST,
    SMALLEST,
    SimilaritySweep,
    SweepSettings,
    falls_at,
    lost_at,
    row_name,
)
from experiments.flags import command_line, run_flags
from experiments.flags.autoencoder_flags import CommandFlags
from experiments.running.run import Run
from experiments.running.settings import flat

SETTINGS = CommandFlags(
    SweepSettings,
    {
        "points": "Epsilons for each curve, evenly spaced on a logarithmic axis.",
        "fgsm": "Draw the curves of FGSM, too.",
        "fgsm_loss": "What FGSM goes along: the classification loss, as the paper names it, or the "
        "similarity to the target.",
    },
    choices={"fgsm_loss": FGSM_LOSSES},
)
FLAGS = SETTINGS.group

SHOWN = 6
PLAIN = (
    *("source_similarity", "target_similarity"),
    *("float_source_similarity", "float_target_similarity", "auc"),
)


def main(_: list[str]) -> None:
    """Attack at every epsilon, judge, draw."""
    settings = SETTINGS.settings()
    experiment = MofaExperiment(settings.autoencoder)
    run = Run("mofa_sweep", flat(settings), run_flags.place())
    pairs = experiment.pairs(settings.pairs)
    run.same_data(pairs.sources, pairs.targets)
    sweep = SimilaritySweep(experiment, pairs, settings)
    measured = {
        row_name(*point): run.measured(row_name(*point), functools.partial(sweep.measure, *point))
        for point in tqdm.tqdm(settings.points_in_order, desc="sweep", unit="point")
    }
    judges = [run.measured(name, row) for name, row in sweep.judging.rows().items()]
    curves = {",".join(curve): sweep.curve(*curve, measured) for curve in settings.curves}
    save_similarities(run.folder / "mofa_sweep.png", list(curves.values()))
    draw(experiment, run, pairs, settings)
    fallen = {name: falls_at(curve) for name, curve in curves.items()}
    lost = {name: lost_at(curve) for name, curve in curves.items()}
    algorithm = settings.autoencoder.algorithm
    notes = (
        f"{experiment.about(pairs)} Median and quartiles (a spread, no interval), of stored images;"
        " float_: of images in float, where they say something else. Epsilon from "
        f"{SMALLEST:g} to {LARGEST:g}, reading {algorithm.reading}. Falls at epsilon "
        f"{in_words(fallen)}. The source is lost from {in_words(lost)}. "
        f"{sweep.judging.about(judges)}"
    )
    rows = [row for curve in curves.values() for row in curve.rows] + judges
    facts = pairs.facts() | {"fallen": fallen, "lost": lost}
    table = run.finish(rows, "float32", "point", notes, plain=PLAIN, **facts)
    print("\n" + table)
    print(f"{run.folder}: mofa_sweep.md, .csv, .png, panel.png, result.json")


def in_words(epsilons: dict[str, float | None]) -> str:
    """An epsilon for each curve, or none."""
    shown = {name: "none" if e is None else format(e, ".4g") for name, e in epsilons.items()}
    return ", ".join(f"{name}: {text}" for name, text in shown.items())


def draw(
    experiment: MofaExperiment, run: Run, pairs: AttackedPairs, settings: SweepSettings
) -> None:
    """Figure 5a: the first pair at some epsilons, each image above its reconstruction."""
    first = pairs.part(slice(1))
    sweep = SimilaritySweep(experiment, first, settings)
    chosen = np.linspace(0, settings.points - 1, min(SHOWN, settings.points)).astype(int)
    images = {"source": first.sources}
    for epsilon in (settings.epsilons[i] for i in chosen):
        images[f"epsilon {epsilon:.3g}"] = sweep.attacked("code", "attack", epsilon).stored
    images["target"] = first.targets
    save_panel(
        run.folder / "panel.png",
        {
            title: np.concatenate([image, experiment.reconstructions(image)])
            for title, image in images.items()
        },
    )


if __name__ == "__main__":
    command_line.run(main, FLAGS)
