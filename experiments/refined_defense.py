"""Refining the code as a defence of MoFA: does drawing the face undo the attack?

    python -m experiments.refined_defense                                    # rendered people
    python -m experiments.refined_defense --dataset=celeba --data_dir=DIR

The attack moves what the encoder says, by changes that are hardly to be seen. A code refined by
Gauss-Newton steps until it draws the picture has to answer for every pixel. People are told apart
by the cosine of their shape and albedo coefficients alone, the encoder's or the refined ones; each
threshold is set on other people, and only pairs that both tell apart are attacked.

Rows: `encoder`, attacked by Algorithm 1 and judged by its own codes; `refined`, the same images
judged by refined codes; `refined,random`, refined codes of changes as large with random signs;
`refined,adaptive=B`, images attacked through the refinement itself with changes of at most B, by
implicit differentiation (`attacks.FixedPointAttack`), from several starts and with longer inner
loops if --adaptive_starts and --adaptive_inner say so; `refined,bpda=B`, the same with the
encoder's gradient; `refined,minimum`, the smallest of these budgets that breaks each pair, and how
many none breaks (`unbroken`); `refined,verdicts`, with --verdict_queries, the targets' photographs
brought as near to the sources as verdicts on refined codes alone allow (HopSkipJump), whose
`change` is what that took. Columns: `success`, accepted as the target and rejected as the
source; `undone`, accepted as the source and rejected as the target, which alone is to withstand;
the two similarities; the largest `change` of a pixel in grey levels; `second_success`, what
--second_judge makes of the images. `judge,...` says how well both codes tell the pairs' people
apart. `panel.png` shows what is drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import tqdm

from attacks import with_levels
from experiments.drawing.panel import save_panel
from experiments.face_autoencoder.judging import kinds_judged
from experiments.face_autoencoder.mofa_experiment import MofaExperiment
from experiments.face_autoencoder.refinement_bench import (
    RefinementBench,
    RefinementFaces,
    RefinementSettings,
)
from experiments.face_autoencoder.verdict_attack import draws_of, room_for_verdicts
from experiments.flags import command_line, run_flags
from experiments.flags.autoencoder_flags import CommandFlags
from experiments.running.kept_arrays import KeptArrays
from experiments.running.run import Run
from experiments.running.settings import flat
from mofa.arrays import Array

SETTINGS = CommandFlags(
    RefinementSettings,
    {
        "calibration_images": "Pictures of other people, from which the thresholds are.",
        "refine": "Gauss-Newton steps on each code.",
        "adaptive_steps": "Steps of the attack through the refinement.",
        "eps": "Epsilon of Algorithm 1.",
        "adaptive_budgets": "Largest changes of a pixel by the attack through the refinement; "
        "empty for none.",
        "adaptive_starts": "Starts of that attack on each image; the best counts.",
        "adaptive_inner": "Steps of the refinement for each step of that attack.",
        "bpda_budgets": "Largest changes of a pixel by the attack that takes the encoder's "
        "gradient for that of the refinement; empty for none.",
        "verdict_queries": "Verdicts for each pair that the attack by verdicts alone may ask for, "
        "each after a refinement of about a second; 0 for no such row.",
    },
    within={"eps": "(0, inf)", "adaptive_budgets": "(0, 1]", "bpda_budgets": "(0, 1]"},
)
FLAGS = SETTINGS.group


def main(_: list[str]) -> None:
    """Draw pairs, attack, refine, judge, draw."""
    settings = SETTINGS.settings()
    if settings.verdict_queries:
        room_for_verdicts()
    experiment = MofaExperiment(settings.autoencoder, kinds_judged(settings.judging))
    run = Run("refined_defense", flat(settings), run_flags.place())
    faces = RefinementFaces.load(experiment, settings)
    run.same_data(faces.others.images, faces.people.images)
    kept = KeptArrays(run.folder / "training")
    bench = RefinementBench(experiment, settings, kept, faces)
    crafts: dict[str, Callable[[], Array]] = {
        "encoder": bench.attacked,
        "refined": bench.attacked,
        "refined,random": bench.random,
    }
    budgets: dict[float, list[str]] = {}
    for kind, given in (("adaptive", settings.adaptive_budgets), ("bpda", settings.bpda_budgets)):
        for budget in given:
            name = f"refined,{kind}={budget:g}"
            crafts[name] = partial(bench.adaptive, budget, kind == "bpda")
            budgets.setdefault(budget, []).append(name)
    if settings.verdict_queries:
        crafts["refined,verdicts"] = bench.verdicts
    crafted = {name: craft() for name, craft in tqdm.tqdm(crafts.items(), unit="attack")}
    rows = [
        run.measured(name, partial(bench.row, name, images)) for name, images in crafted.items()
    ]
    if budgets:
        by_budget = {b: [(name, crafted[name]) for name in names] for b, names in budgets.items()}
        rows.append(run.measured("refined,minimum", partial(bench.minimum, by_budget)))
    known = bench.judge_rows()
    rows += known
    save_panel(run.folder / "panel.png", bench.drawn(crafted))
    judges = ", ".join(f"{kind} {judge.threshold:.3f}" for kind, judge in bench.judges.items())
    algorithm = settings.autoencoder.algorithm
    notes = (
        f"{settings.pairs} pairs of different people ({settings.autoencoder.faces.names}), who "
        f"were not trained on and whom both codes tell apart ({bench.pairs.told_apart:.0%} of "
        f"those drawn). Thresholds {judges}, from pictures of other people, at most "
        f"{settings.calibration_images}. Epsilon {algorithm.in_words([settings.eps])}, "
        f"cap {algorithm.cap:g}; {settings.refine} steps of refinement, without landmarks."
    )
    if budgets:
        notes += (
            f" Budgets {with_levels(sorted(budgets))}; {settings.adaptive_steps} steps from "
            f"{settings.adaptive_starts} starts, with {settings.adaptive_inner} of the refinement "
            "in each."
        )
    if settings.verdict_queries:
        notes += (
            f" By verdicts alone: HopSkipJump in L-infinity from the target's photograph, "
            f"{settings.verdict_queries} queries for each pair, "
            f"{draws_of(settings.verdict_queries)} of them for the first direction."
        )
    notes += f" {bench.pairs.about_intervals()} {bench.judging.about(known)}"
    plain = ("source_similarity", "target_similarity", "change", "auc", "median", "90%")
    print("\n" + run.finish(rows, "float32", "code, attack", notes, plain=plain))
    print(f"{run.folder}: refined_defense.md, .csv, result.json, panel.png")


if __name__ == "__main__":
    command_line.run(main, FLAGS)
