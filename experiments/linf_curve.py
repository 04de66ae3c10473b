"""The L-infinity curve: what defences keep of their pairs at 1, 2, 4 and 8 grey levels.

    python -m experiments.linf_curve                           # ORL, pairs of --adaptive_pairs
    python -m experiments.linf_curve --dataset=lfw --data_dir=DIR --denoiser=FILE
    python -m experiments.linf_curve --rows=none --cleaner=my_package.my_module:my_cleaner

PGD goes through each defence, averaged over draws where it is random (EOT), at one budget after the
other. Each attack begins with what the smaller budget led to and leaves alone who is broken. A
defence gives out at the first budget that leaves less than half of the pairs that it verifies
without an attack. Pairs are kept as they come, and --resume goes on from them.
"""

from __future__ import annotations

import tqdm

from attacks import with_levels
from attacks.eight_bits import LEVELS
from experiments.drawing.figures import save_curves
from experiments.face_verification.adaptive_attacks import AdaptiveAttacks
from experiments.face_verification.budget_curve import KINDS, BudgetCurve
from experiments.face_verification.cleaners import (
    KNOWN,
    check_cleaner,
    check_names,
    make_defence,
    needs_texture,
)
from experiments.face_verification.probe_pairs import ProbePairs
from experiments.face_verification.sentences import about_network, about_smoothed
from experiments.face_verification.settings import SMOOTHED
from experiments.face_verification.verification_experiment import VerificationExperiment
from experiments.flags import (
    command_line,
    intensity_flags,
    run_flags,
    smoothing_flags,
    verification_flags,
)
from experiments.flags.groups import FlagGroup
from experiments.flags.strategy_flags import restarting
from experiments.running.kept_arrays import KeptArrays
from experiments.running.run import Run
from weights.errors import InputError

FLAGS = FlagGroup(
    verification_flags.FLAGS,
    verification_flags.CLEANER_FLAGS,
    smoothing_flags.FLAGS,
    intensity_flags.FLAGS,
)

_ROWS = FLAGS.names(
    "rows", ["none", "randomization", "joint", SMOOTHED], f"Defences, from {', '.join(KNOWN)}."
)
_LEVELS = FLAGS.numbers(
    "levels", (1, 2, 4, 8), "Budgets in whole grey levels of 255, in L-infinity.", "[1, 255]"
)


def main(_: list[str]) -> None:
    """Attack one defence after the other, write table and curves."""
    names = check_names([*_ROWS.value, *verification_flags.CLEANER.value], list(KNOWN), "rows")
    levels, epsilon = chosen_levels(), intensity_flags.intensity()
    experiment = verification_flags.experiment(
        texture=needs_texture(names, smoothing_flags.given()), **smoothing_flags.given()
    )
    for name in names:
        check_cleaner(name, experiment)
    run = Run(
        "linf_curve",
        experiment.flat_settings({"rows": names, "eps": epsilon, "levels": levels}),
        run_flags.place(),
        experiment.devices,
    )
    run.same_data(experiment.legitimate.images)
    settings = experiment.settings
    attacks = AdaptiveAttacks(
        ProbePairs.untouched(experiment.legitimate, settings.adaptive.adaptive_pairs),
        experiment.target,
        epsilon,
        settings.adaptive.adaptive_steps,
        settings.seed,
    )
    kept = KeptArrays(run.folder / "outcomes", run.shared / "outcomes", experiment.devices)
    curves = [
        BudgetCurve.measured(attacks, make_defence(name, experiment, run, epsilon), levels, kept)
        for name in tqdm.tqdm(names, desc="linf_curve", unit="defence")
    ]
    save_curves(
        run.folder / "linf_curve.png",
        (0, *levels),
        {curve.name: curve.rows() for curve in curves},
        KINDS,
        "grey levels of 255 in L-infinity",
        f"PGD through the defence, {settings.dataset}, target {settings.target}",
    )
    table = run.finish(
        [row for curve in curves for row in curve.rows()],
        settings.precision,
        "defence, budget",
        notes(experiment, attacks, levels, epsilon, curves),
        gives_out={c.name: {kind: c.gives_out(kind) for kind in KINDS} for c in curves},
        gradients_per_pair={curve.name: curve.gradients for curve in curves},
        **experiment.facts(),
    )
    print("\n" + table)
    print(f"{run.folder}: linf_curve.md, linf_curve.csv, linf_curve.png, result.json, outcomes/")


def chosen_levels() -> tuple[int, ...]:
    """The budgets asked for, rising.

    Raises:
      InputError: one lies between two levels.
    """
    if between := [level for level in _LEVELS.value if level != int(level)]:
        raise InputError(f"--levels={between[0]:g}: a file holds whole grey levels; give such.")
    return tuple(sorted(int(level) for level in _LEVELS.value))


def notes(
    experiment: VerificationExperiment,
    attacks: AdaptiveAttacks,
    levels: tuple[int, ...],
    epsilon: float,
    curves: list[BudgetCurve],
) -> str:
    """What was measured how, and where each defence gives out."""
    settings, same = experiment.settings, attacks.pairs.same
    sentences = [
        "Percent verified correctly, 95 % Wilson interval in round brackets. levels=0: without an "
        "attack; others: within that many grey levels of 255 in L-infinity. Levels of "
        f"{', '.join(map(str, levels))} are eps "
        f"{', '.join(f'{level / LEVELS:.4f}' for level in levels)}.",
        f"Data {settings.dataset}, target {settings.target} with threshold "
        f"{experiment.legitimate.threshold:.3f}; {int(same.sum())} + {int((~same).sum())} pairs. "
        f"PGD through the defence of at most {attacks.steps} steps for each budget, from where the "
        f"smaller one ended, averaged over {settings.adaptive.eot_samples} draws of what is random "
        "(EOT); who is broken is attacked no more where the outcome is certain, everybody at each "
        "budget before random defences; judged on 8-bit images, random defences by "
        "draws that no attack has seen.",
        f"What learns from attacks learned from eps {with_levels([epsilon])}.",
        *about_network(experiment),
        *(about_smoothed(experiment) if SMOOTHED in [c.name for c in curves] else []),
        "A defence gives out at the first budget that leaves less than half of the pairs that it "
        "verifies without an attack:",
        *(curve.sentence() for curve in curves),
        "Gradients a pair: " + ", ".join(f"{c.name} {c.gradients:.0f}" for c in curves) + ".",
    ]
    return " ".join(sentences)


if __name__ == "__main__":
    command_line.run(restarting(main), FLAGS)
