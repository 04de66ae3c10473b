"""Figure 6 of Teng 2021: bringing attacked faces back to what they were.

    python -m experiments.defense
    python -m experiments.defense --dataset=celeba --data_dir=DIR --pairs=100

Attacked faces pass through a defence before they reach MoFA: Gaussian noise (Eq. 7), the detector's
autoencoder, the small ResGNs that come with the project, trained for FaceNet (`resgn`) and dlib's
network, or MagNet, which refuses what its detectors flag and hands the rest to the autoencoder.
`panel.png` shows original, adversarial, target and each defended image beside what MoFA
reconstructs from it, `figure6.png` the same with the numbers of each. Columns: `undone`, the share
of pairs in which the source is accepted again and the target rejected; `stopped`, in which the
attack does not succeed, or is refused; `distance` of Eq. 1 and `similarity` of identity to the
original (before a defence: the row none); `back`, how much of the way that the attack moved the
code the defence takes back, and `back_shape` and so on for each part of the code. What it costs:
`kept`, the share of normal faces that pass and are accepted as themselves, and their distance and
similarity to what they were. The adaptive columns are the same under attacks that go through the
defence, averaged over draws where it is random, and keep MagNet's scores below its thresholds: for
each pair, also where there is no defence, the best of the unaware image, of Algorithm 1 and of PGD
on what the judge decides by. Faces are judged in 8 bits, as files hold them.
"""

from __future__ import annotations

import functools

import tqdm

from experiments.drawing.defence_figure import save_figure_6
from experiments.drawing.panel import save_panel
from experiments.face_autoencoder.defence_bench import (
    DEFENCES,
    PLAIN,
    DefenceBench,
    DefenceSettings,
    ImageDefences,
)
from experiments.face_autoencoder.mofa_experiment import MofaExperiment
from experiments.flags import command_line, run_flags
from experiments.flags.autoencoder_flags import CommandFlags
from experiments.running.run import Run
from experiments.running.settings import flat
from mofa.arrays import Array

SETTINGS = CommandFlags(
    DefenceSettings,
    {
        "eot_samples": "Draws of noise that each step of the adaptive attack averages over.",
        "normal_images": "Normal faces of other people, from which MagNet has its thresholds.",
        "eps": "Epsilon of the attack.",
        "noise_scale": "Standard deviation of the noise, Eq. 7.",
        "adaptive": "Measure attacks through each defence, too.",
        "adaptive_weight": "Weight, in an attack on MagNet, of scores that raise its alarm.",
        "false_alarm_rate": "Share of normal faces that each of MagNet's detectors may flag.",
        "rows": f"Defences to measure, from {', '.join(DEFENCES)}.",
    },
    within={
        "eps": "(0, inf)",
        "noise_scale": "[0, inf)",
        "adaptive_weight": "[0, inf)",
        "false_alarm_rate": "[0, 0.5]",
    },
)
FLAGS = SETTINGS.group

SHOWN = 6


def main(_: list[str]) -> None:
    """Attack, defend, measure, draw."""
    settings = SETTINGS.settings()
    algorithm = settings.autoencoder.algorithm
    experiment = MofaExperiment(settings.autoencoder, ("code",))
    defences = ImageDefences(experiment, settings)
    run = Run("defense", flat(settings), run_flags.place())
    pairs = experiment.pairs(settings.pairs)
    run.same_data(pairs.sources, pairs.targets)
    bench = DefenceBench(experiment, settings, pairs, defences)
    rows = [
        run.measured(name, functools.partial(bench.row, name))
        for name in tqdm.tqdm(settings.rows, desc="defences", unit="defence")
    ]
    draw(experiment, run, bench, [n for n in settings.rows if n not in ("none", "magnet")])
    notes = (
        f"{experiment.about(pairs)} Epsilon {algorithm.in_words([settings.eps])}, noise "
        f"{settings.noise_scale:g}."
    )
    if "magnet" in settings.rows:
        notes += (
            f" MagNet's thresholds: {settings.false_alarm_rate:g} of {settings.normal_images} "
            "normal faces of other people, or as many as there are, for each score."
        )
    print("\n" + run.finish(rows, "float32", "defence", notes, plain=PLAIN, **pairs.facts()))
    print(f"{run.folder}: defense.md, .csv, result.json, panel.png, figure6.png")


def draw(experiment: MofaExperiment, run: Run, bench: DefenceBench, names: list[str]) -> None:
    """Figure 6: images and, beside each, what MoFA reconstructs from it, without and with numbers.

    Args:
      experiment: draws.
      run: whose folder gets the figures.
      bench: attacked and defended faces.
      names: of the defences to show.
    """
    shown = slice(SHOWN)
    images = {
        "original": bench.pairs.sources,
        "adversarial": bench.attacked,
        "target": bench.pairs.targets,
    } | {name: bench.defended(name) for name in names}
    drawn = {name: experiment.reconstructions(each[shown]) for name, each in images.items()}
    numbers = {
        name: list(
            zip(
                bench.distance(each)[shown],
                bench.pairs.similarities("code", each)[0][shown],
                strict=True,
            )
        )
        for name, each in images.items()
    }
    columns: dict[str, Array] = {}
    for name, each in images.items():
        columns |= {name: each[shown], f"{name}, reconstructed": drawn[name]}
    save_panel(run.folder / "panel.png", columns)
    images = {name: each[shown] for name, each in images.items()}
    save_figure_6(run.folder / "figure6.png", images, drawn, numbers)


if __name__ == "__main__":
    command_line.run(main, FLAGS)
