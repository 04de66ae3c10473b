"""The attack on MoFA: Figures 1 and 3 of Teng 2021, and how often it succeeds.

    python -m experiments.mofa_attack                                        # rendered people
    python -m experiments.mofa_attack --dataset=celeba --data_dir=DIR --pairs=200
    python -m experiments.mofa_attack --source=a.jpg --target=b.jpg          # your own photographs
    python -m experiments.mofa_attack --rows=all

A picture of one person is changed so that the autoencoder gives the code of another. Success means
that the identity classifier then accepts it as the target and rejects it as the source; only pairs
that it tells apart beforehand are attacked. `panel.png` shows for the first pairs source,
perturbation (ten times), adversarial image, target, and the reconstructions of the three.

Rows: `mofa` is Algorithm 1 on the code; `vgg19` the same attack on the image classifier's
embedding, judged by it; `fgsm`, `pgd` and `l2` other attacks on the code with the same largest
change, or a budget in L2; `shape`, `expression`, `albedo`, `pose` and `light` move that part of the
code and keep the others; `universal` adds one perturbation, learned on other pairs with one target,
to every source; `transfer` puts the images of `mofa` before the encoder of --transfer_encoder.
`judge,...` says how well each judge tells the people attacked apart, and how often a photograph of
a third person would have passed; `second_success` is what --second_judge makes of stored images.
"""

from __future__ import annotations

import functools

import tqdm

from experiments.drawing.panel import amplified, save_panel
from experiments.face_autoencoder.attack_table import ROWS, AttackTable, AttackTableSettings
from experiments.face_autoencoder.mofa_experiment import MofaExperiment
from experiments.face_autoencoder.mofa_victim import NUMBERS
from experiments.flags import command_line, run_flags
from experiments.flags.autoencoder_flags import CommandFlags
from experiments.running.run import Run
from experiments.running.settings import flat
from resgn.faces.image_file import write_image

SETTINGS = CommandFlags(
    AttackTableSettings,
    {
        "universal_steps": "Mini-batches of the universal perturbation.",
        "minimum_pairs": "Pairs for which the smallest epsilon is searched; 0 for none.",
        "eps": "Epsilon of Algorithm 1.",
        "rows": f"Attacks to measure, from {', '.join(ROWS)}, transfer; all for all but transfer.",
        "l2_budget": "Budget of the row l2: length of the whole perturbation.",
        "source": "A photograph of your own, to be attacked.",
        "target": "A photograph of the person for whom that of --source is to be taken.",
        "transfer_encoder": "Another encoder, for the row transfer.",
    },
    within={"eps": "(0, inf)", "l2_budget": "(0, inf)"},
)
FLAGS = SETTINGS.group

SHOWN = 8


def main(_: list[str]) -> None:
    """Attack, judge, draw."""
    settings = SETTINGS.settings()
    experiment = MofaExperiment(settings.autoencoder)
    run = Run("mofa_attack", flat(settings), run_flags.place())
    table = AttackTable(experiment, settings)
    run.same_data(table.pairs.sources, table.pairs.targets)
    rows = [
        run.measured(name, functools.partial(table.row, name))
        for name in tqdm.tqdm(settings.names, desc="attacks", unit="row")
    ]
    if settings.minimum_pairs:
        rows.append(run.measured("minimum_epsilon", table.minimum))
    judges = [run.measured(name, row) for name, row in table.judging.rows().items()]
    rows += judges
    draw(experiment, run, table)
    trace(table, run)
    algorithm = settings.autoencoder.algorithm
    notes = (
        f"{table.about()} Epsilon {algorithm.in_words([settings.eps])}, cap "
        f"{algorithm.cap:g}, reading {algorithm.reading}, pose term {algorithm.pose_term}. "
        "`matched`: the distance of Eq. 1 to the target has halved; `way`: the share of it that is "
        "covered; `pose_way`: of rotation and translation; `change`: the largest change of a "
        "pixel before it is stored, in grey levels of 255. success_8bit, success_jpeg and "
        f"minimum_epsilon are of stored images. {table.judging.about(judges)}"
    )
    plain = (*NUMBERS, "pose_way", "median", "90%", "auc")
    print("\n" + run.finish(rows, "float32", "attack", notes, plain=plain, **table.pairs.facts()))
    print(f"{run.folder}: mofa_attack.md, .csv, result.json, panel.png, adversarial_*.png")


def draw(experiment: MofaExperiment, run: Run, table: AttackTable) -> None:
    """Figures 1 and 3: the first pairs and what the autoencoder makes of them."""
    few = table.pairs.part(slice(SHOWN))
    attacked = table.attacked("mofa").stored[:SHOWN]
    save_panel(
        run.folder / "panel.png",
        {
            "source": few.sources,
            "perturbation x 10": amplified(attacked - few.sources),
            "adversarial": attacked,
            "target": few.targets,
            "source, reconstructed": experiment.reconstructions(few.sources),
            "adversarial, reconstructed": experiment.reconstructions(attacked),
            "target, reconstructed": experiment.reconstructions(few.targets),
        },
    )
    for number, image in enumerate(attacked):
        write_image(run.folder / f"adversarial_{number:03d}.png", image)


def trace(table: AttackTable, run: Run) -> None:
    """The loss of every step on the first pairs, in TensorBoard and `metrics.jsonl`."""
    found = table.trace()
    for step, (losses, distances) in enumerate(zip(found.losses, found.distances, strict=True)):
        run.log("trace", step, {"loss": float(losses.mean()), "distance": float(distances.mean())})


if __name__ == "__main__":
    command_line.run(main, FLAGS)
