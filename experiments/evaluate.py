"""What your own defence is worth: reported, measured, certified, and flags when not to trust it.

    python -m experiments.evaluate --cleaner=my_package.my_module:my_cleaner
    python -m experiments.evaluate --cleaner=... --dataset=lfw --data_dir=DIR --adaptive_pairs=100
    python -m experiments.evaluate --rows=smoothed --cleaner=...     # beside a row with a guarantee

One JSON, result.json in the folder of the run. reported: under FGSM by someone who does not know
the defence, as papers report it. measured: under the best of several attacks by someone who does.
certified: what no attack can take, where noisy copies of the probe vote behind the defence.
docs/evaluate_your_defence.md says how to read it.
"""

from __future__ import annotations

import functools
from typing import cast

import tqdm

from attacks import with_levels
from experiments.face_verification.adaptive_attacks import AdaptiveAttacks
from experiments.face_verification.cleaners import check_cleaner, needs_texture
from experiments.face_verification.defences import Defence
from experiments.face_verification.denoisers import sigma_of_row
from experiments.face_verification.over_people import verified_share
from experiments.face_verification.sentences import about_pairs, about_smoothed, warn_of_radii
from experiments.face_verification.settings import SMOOTHED
from experiments.face_verification.smoothed_defence import smoothed_defence
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
from experiments.running.results import Row
from experiments.running.run import Run
from resgn.bring_your_own import own_cleaner
from resgn.cleaners import Cleaner
from resgn.evaluation import Attacked, Evaluation, Smoothing, evaluate, evaluate_vote
from resgn.smoothing import Draws, MajorityVote
from weights.errors import InputError

FLAGS = FlagGroup(
    verification_flags.FLAGS,
    verification_flags.CLEANER_FLAGS,
    smoothing_flags.FLAGS,
    intensity_flags.FLAGS,
)

_ROWS = FLAGS.names(
    "rows",
    [],
    f"Rows of this project before yours, to compare with: {SMOOTHED} votes with its own noise.",
)
_SIGMA = FLAGS.number("sigma", 0.12, "Standard deviation of the noise that votes.", "(0, inf)")
_RADIUS = FLAGS.number(
    "radius", 0.12, "Radius of the certificates, in L2 over all pixels.", "[0, inf)"
)
_DRAWS = FLAGS.integer("draws", 300, "Noisy copies of each probe that bound a probability.", 1)
_SELECTION = FLAGS.integer("selection_draws", 50, "Further copies, that guess the decision.", 1)
_PAIRS = FLAGS.integer("certified_pairs", 10, "Pairs of each kind to certify at most.", 1)


def main(_: list[str]) -> None:
    """Measure one defence after the other, write the table and the JSON."""
    rows, names = list(_ROWS.value), list(verification_flags.CLEANER.value)
    if rows not in ([], [SMOOTHED]):
        raise InputError(f"`rows` knows {SMOOTHED}, once; name your defence in --cleaner.")
    if not rows and not names:
        raise InputError("Name your defence: --cleaner=package.module:callable.")
    if len(set(names)) < len(names):
        raise InputError("--cleaner names a defence twice.")
    smoothing = Smoothing(
        _SIGMA.value, _RADIUS.value, Draws(_SELECTION.value, _DRAWS.value), _PAIRS.value
    )
    epsilon = intensity_flags.intensity()
    cleaners = [own_cleaner(name) for name in names]
    experiment = verification_flags.experiment(
        texture=needs_texture(rows, smoothing_flags.given()), **smoothing_flags.given()
    )
    for row in rows:
        check_cleaner(row, experiment)
    # A row that votes has its own noise.
    own = [smoothing.sigma] if cleaners else []
    for sigma in [*own, *(sigma_of_row(experiment) for _ in rows)]:
        warn_of_radii(sigma, [smoothing.radius], smoothing.draws)
    more = {
        **({"rows": rows} if rows else {}),
        "cleaner": names,
        "eps": epsilon,
        "sigma": smoothing.sigma,
        "radius": smoothing.radius,
        "draws": smoothing.draws.certification,
        "selection_draws": smoothing.draws.selection,
        "certified_pairs": smoothing.pairs,
    }
    run = Run("evaluate", experiment.flat_settings(more), run_flags.place(), experiment.devices)
    run.same_data(experiment.legitimate.images)
    attacks = AdaptiveAttacks.of(experiment, epsilon)

    test, seed = experiment.sets.attacked("test", epsilon), experiment.settings.seed

    def voted() -> Row:
        defence = smoothed_defence(experiment, run)
        known = functools.partial(attacked, attacks, defence)
        vote = cast(MajorityVote, defence.vote)
        voted = evaluate_vote(vote, defence.compared(test), known, smoothing, seed)
        return row_of(SMOOTHED, voted, experiment)

    def measured(cleaner: Cleaner) -> Row:
        def known(cleaner: Cleaner) -> Attacked:
            samples = experiment.settings.adaptive.eot_samples
            return attacked(attacks, Defence.of(cleaner, experiment.target, samples))

        found = evaluate(cleaner, experiment.target, test, known, smoothing, seed)
        return row_of(cleaner.name, found, experiment)

    defences = dict.fromkeys(rows, voted) | {
        cleaner.name: functools.partial(measured, cleaner) for cleaner in cleaners
    }
    table_rows = [
        run.measured(name, measure)
        for name, measure in tqdm.tqdm(defences.items(), desc="evaluate", unit="defence")
    ]
    table = run.finish(
        table_rows,
        experiment.settings.precision,
        "defence",
        notes(experiment, epsilon, smoothing, SMOOTHED in rows),
        **experiment.facts(),
    )
    print("\n" + table)
    print(f"{run.folder}: result.json, evaluate.md, evaluate.csv")


def attacked(attacks: AdaptiveAttacks, defence: Defence) -> Attacked:
    """The worst case over all attacks that know a defence."""
    withstood = attacks.measure(defence)
    verified = {k.removeprefix("adaptive_"): seen for k, seen in withstood.verified.items()}
    return Attacked(verified, withstood.findings)


def row_of(name: str, found: Evaluation, experiment: VerificationExperiment) -> Row:
    """One line of the table."""
    parts = {"reported": found.reported, "measured": found.measured, "certified": found.certified}
    columns = {
        f"{part}_{kind}": verified_share(experiment.legitimate, kind, seen)
        for part, outcomes in parts.items()
        for kind, seen in outcomes.items()
    }
    return Row(name, columns, found.flags)


def notes(
    experiment: VerificationExperiment, epsilon: float, smoothing: Smoothing, smoothed: bool = False
) -> str:
    """What each group of columns is.

    Args:
      experiment: faces, target and settings.
      epsilon: intensity of the attack.
      smoothing: how was certified.
      smoothed: whether there is the row of that name.
    """
    adaptive, draws = experiment.settings.adaptive, smoothing.draws
    sentences = [
        *about_pairs(experiment, [epsilon]),
        f"measured: at most {adaptive.adaptive_pairs} + {adaptive.adaptive_pairs} pairs, the best "
        f"of no attack, the stored example and PGD of {adaptive.adaptive_steps} steps without and "
        f"through the defence within eps {with_levels([epsilon])}; 8-bit images.",
        f"certified: at most {smoothing.pairs} + {smoothing.pairs} pairs, untouched; noise of "
        f"sigma {smoothing.sigma:g}, {draws.selection} + {draws.certification} draws, right and "
        f"proved up to an L2 radius of {smoothing.radius:g} with {100 * draws.confidence:g} % "
        "confidence.",
    ]
    if smoothed:
        sentences += [*about_smoothed(experiment), "It is certified with its own noise."]
    return " ".join(sentences)


if __name__ == "__main__":
    command_line.run(restarting(main), FLAGS)
