"""What defences are worth against someone who knows them: every attack, and how far each reaches.

    python -m experiments.adaptive                                   # ORL, cheap cleaners and ResGN
    python -m experiments.adaptive --rows=joint,jpeg --adaptive_pairs=100 --adaptive_steps=40
    python -m experiments.adaptive --rows=none --cleaner=my_package.my_module:my_cleaner

For each defence and attack the share of pairs that are still verified correctly, on 8-bit images.
PGD, APGD and MI-FGSM go through the defence, Square goes by its scores, HopSkipJump by its
verdicts, and some were made on another network. `worst_case` takes the best L-infinity attack for
each pair. `eps=...` counts whom PGD through the defence breaks within that budget, by a search for
the smallest one; of a random defence, where a search would take the luckiest of its tries, whom PGD
breaks that has this budget, as one draw decides. What a run that was cut off has finished is not
attacked again by --resume.
"""

from __future__ import annotations

import tqdm

from attacks import with_levels
from experiments.drawing.figures import save_curves
from experiments.face_verification.adaptive_attacks import AdaptiveAttacks
from experiments.face_verification.attacked_defence import KINDS, AttackedDefence
from experiments.face_verification.cleaners import (
    INPUT,
    KNOWN,
    check_cleaner,
    check_names,
    needs_texture,
)
from experiments.face_verification.sentences import about_network, about_robust, about_smoothed
from experiments.face_verification.settings import ROBUST, SMOOTHED, VerificationSettings
from experiments.face_verification.verification_experiment import VerificationExperiment
from experiments.flags import (
    command_line,
    intensity_flags,
    robust_flags,
    run_flags,
    smoothing_flags,
    verification_flags,
)
from experiments.flags.groups import FlagGroup
from experiments.flags.strategy_flags import restarting
from experiments.running.run import Run
from resgn.target import TARGETS
from weights.errors import InputError

FLAGS = FlagGroup(
    verification_flags.FLAGS,
    verification_flags.CLEANER_FLAGS,
    smoothing_flags.FLAGS,
    robust_flags.FLAGS,
    intensity_flags.FLAGS,
)

_ROWS = FLAGS.names("rows", ["none", "joint", *INPUT], f"Defences, from {', '.join(KNOWN)}.")
_EPS_L2 = FLAGS.number(
    "eps_l2", 2.0, "Budget in L2, over all pixels of images in [0, 1].", "(0, inf)"
)

_OTHERS = FLAGS.names(
    "transfer_from",
    None,
    "Networks on which perturbations are made, each in its own crop, and then tried on the target "
    f"behind each defence; by default {TARGETS[0]}, or {TARGETS[1]} where that is the target. An "
    "empty list for none.",
)

BUDGETS = (0.0025, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06)
"""Of the curve."""


def main(_: list[str]) -> None:
    """Attack one defence after the other, write table and curves."""
    names = check_names([*_ROWS.value, *verification_flags.CLEANER.value], list(KNOWN), "rows")
    epsilon = intensity_flags.intensity()
    budgets = intensity_flags.tested_intensities(BUDGETS)
    experiment = verification_flags.experiment(
        texture=needs_texture(names, smoothing_flags.given()),
        **smoothing_flags.given(),
        **robust_flags.given(),
    )
    for name in names:
        check_cleaner(name, experiment)
    others = chosen_others(experiment.settings)
    run = Run(
        "adaptive",
        experiment.flat_settings(
            {
                "rows": names,
                "eps": epsilon,
                "eps_l2": _EPS_L2.value,
                "test_eps": budgets,
                "transfer_from": others,
            }
        ),
        run_flags.place(),
        experiment.devices,
    )
    run.same_data(experiment.legitimate.images)
    attacks = AdaptiveAttacks.of(experiment, epsilon)
    measured = [
        AttackedDefence(experiment, run, attacks, name, _EPS_L2.value, others, budgets)
        for name in tqdm.tqdm(names, desc="adaptive", unit="defence")
    ]
    save_curves(
        run.folder / "adaptive.png",
        budgets,
        {each.name: each.curve() for each in measured},
        KINDS,
        "epsilon",
        f"PGD through the defence, {experiment.settings.dataset}",
    )
    quantiles = {each.name: each.quantiles() for each in measured}
    table = run.finish(
        [row for each in measured for row in (*each.rows(), *each.curve())],
        experiment.settings.precision,
        "defence, attack",
        notes(experiment, attacks, budgets, quantiles, others),
        minimum_epsilon=quantiles,
        **experiment.facts(),
    )
    print("\n" + table)
    print(f"{run.folder}: adaptive.md, adaptive.csv, adaptive.png, result.json, outcomes/")


def chosen_others(settings: VerificationSettings) -> list[str]:
    """The networks asked for, or the other one that comes along.

    Raises:
      InputError: one is the target, or named twice.
    """
    if _OTHERS.value is None:
        if settings.image_range != "plain":  # which is FaceNet's alone
            return []
        return [next(name for name in TARGETS if name != settings.target)]
    names = list(_OTHERS.value)
    if len({*names, settings.target}) <= len(names):
        raise InputError(
            f"--transfer_from names other networks than the target, {settings.target}, each once."
        )
    return names


def notes(
    experiment: VerificationExperiment,
    attacks: AdaptiveAttacks,
    budgets: tuple[float, ...],
    quantiles: dict[str, dict[str, dict[str, float | None]]],
    others: list[str],
) -> str:
    """What was measured how, and the smallest budgets."""
    settings, adaptive = experiment.settings, experiment.settings.adaptive
    sentences = [
        "Percent verified correctly under attack, 95 % Wilson interval in round brackets.",
        f"Data {settings.dataset}, target {settings.target} with threshold "
        f"{experiment.legitimate.threshold:.3f}; {int(attacks.pairs.same.sum())} + "
        f"{int((~attacks.pairs.same).sum())} pairs, eps {with_levels([attacks.epsilon])} in "
        "L-infinity and "
        f"{_EPS_L2.value:g} in L2, {adaptive.adaptive_steps} steps, {adaptive.restarts} starts of "
        f"PGD, {adaptive.queries} queries of Square and of HopSkipJump, "
        f"{adaptive.eot_samples} draws of what is random; judged on 8-bit images.",
        *(
            f"transfer_{other}: MI-FGSM on {other} alone, in its own crop; transfer: PGD on the "
            "target alone."
            for other in others
        ),
        *about_network(experiment),
        *(about_smoothed(experiment) if SMOOTHED in quantiles else []),
        *([about_robust(experiment, attacks.epsilon)] if ROBUST in quantiles else []),
        "worst_case: the best of the L-infinity attacks for each pair. eps=...: within that budget "
        "of PGD through the defence, by a search for the smallest that breaks a pair; before a "
        "random defence PGD attacks once at each budget and one draw decides, so that the smallest "
        f"budgets below are those of rows; of {with_levels(budgets)}.",
    ]
    lines = [
        f"{name}, {kind}: "
        + ", ".join(
            f"{100 * float(share):g} % of the pairs are broken "
            + ("by no budget tried" if budget is None else f"with eps {with_levels([budget])}")
            for share, budget in found.items()
        )
        + "."
        for name, kinds in quantiles.items()
        for kind, found in kinds.items()
    ]
    return "\n\n".join([" ".join(sentences), *lines])


if __name__ == "__main__":
    command_line.run(restarting(main), FLAGS)
