"""Table 1 of Su et al. 2019: what cleaning with ResGN is worth, for each choice of losses.

    python -m experiments.table1                                     # ORL, minutes on two cores
    python -m experiments.table1 --dataset=lfw --data_dir=DIR        # LFW, much longer
    python -m experiments.table1 --rows=all                          # with all further cleaners
    python -m experiments.table1 --preset=paper --data_dir=DIR --facenet_weights=... \\
        --vgg_face_weights=...                                       # the paper's own figures

Each row is the share of pairs that the target network verifies correctly when the probe image first
passes through the defence: attacked to evade its own identity (dodging), attacked to take another's
(impersonation), and untouched (legitimate). The adaptive columns are the same share on fewer pairs
under an attacker who knows the defence, the best of several attacks for each pair.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
import tqdm

from experiments.drawing.figures import save_bars
from experiments.face_verification.adaptive_attacks import AdaptiveAttacks
from experiments.face_verification.cleaners import (
    ADVERSARIAL,
    OTHERS,
    check_cleaner,
    check_names,
    make_defence,
    needs_texture,
    random_cleaners,
)
from experiments.face_verification.defences import RANDOMIZATION_SEED, Defence
from experiments.face_verification.monitoring import log_panels
from experiments.face_verification.over_people import verified_share
from experiments.face_verification.papers import TABLE_1
from experiments.face_verification.sentences import (
    about_judges,
    about_network,
    about_pairs,
    about_robust,
    about_smoothed,
)
from experiments.face_verification.settings import ROBUST, SMOOTHED
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
from experiments.running.results import Row
from experiments.running.run import Run
from resgn.judge import Judge
from resgn.target import TARGETS
from resgn.verification_set import COLUMNS, VerificationSet
from weights.errors import InputError

FLAGS = FlagGroup(
    verification_flags.FLAGS,
    verification_flags.CLEANER_FLAGS,
    smoothing_flags.FLAGS,
    robust_flags.FLAGS,
    intensity_flags.FLAGS,
)

ALL = (*TABLE_1, *OTHERS)

_ROWS = FLAGS.names(
    "rows",
    list(TABLE_1),
    f"Rows of the table, in this order; all adds {', '.join(OTHERS)} to the paper's.",
)
_JUDGES = FLAGS.names(
    "judges",
    [],
    f"Further networks that judge what was cleaned for the target ({', '.join(TARGETS)}, or "
    "package.module:callable), each in its own crop and with its own threshold; three more columns "
    "each.",
)
_ADVERSARIAL = FLAGS.boolean(
    "adversarial_training",
    False,
    f"Add the row {ADVERSARIAL}: the joint ResGN, trained on examples crafted through it.",
)


def main(_: list[str]) -> None:
    """Prepare, train and measure row by row, write the table."""
    rows = chosen_rows()
    epsilon = intensity_flags.intensity()
    experiment = verification_flags.experiment(
        needs_texture(rows, smoothing_flags.given()),
        rows_at_once=True,
        **smoothing_flags.given(),
        **robust_flags.given(),
    )
    for row in rows:
        check_cleaner(row, experiment)
    judges = chosen_judges(experiment)
    more = {"rows": rows, "eps": epsilon} | ({"judges": list(judges)} if judges else {})
    run = Run("table1", experiment.flat_settings(more), run_flags.place(), experiment.devices)
    run.same_data(experiment.legitimate.images)
    table = Table1(experiment, run, epsilon, judges)
    makers = {name: functools.partial(table.row, name) for name in rows}
    with experiment.at_once(makers) as found:
        measured = [found.take(name) for name in tqdm.tqdm(rows, desc="table 1", unit="row")]
    save_bars(run.folder / "table1.png", measured, f"Table 1 on {experiment.settings.dataset}")
    facts = experiment.facts()
    if judges:
        facts["judges"] = {name: judge.threshold for name, judge in judges.items()}
    table_text = run.finish(
        measured,
        experiment.settings.precision,
        "losses",
        notes(experiment, epsilon, judges, rows),
        **facts,
    )
    print("\n" + table_text)
    print(f"{run.folder}: table1.md, table1.csv, table1.png, result.json, tensorboard/")


@dataclasses.dataclass
class Table1:
    """Trains and measures a row at a time or several; what was measured before is read back."""

    experiment: VerificationExperiment
    run: Run
    epsilon: float
    judges: dict[str, Judge] = dataclasses.field(default_factory=dict)

    def row(self, name: str) -> Row:
        """One line of the table."""
        return self.run.measured(name, lambda: self._measure(name))

    def _measure(self, name: str) -> Row:
        defence = make_defence(name, self.experiment, self.run, self.epsilon)
        with self.experiment.preparing:
            test = self.experiment.sets.attacked("test", self.epsilon)
        if defence.cleaner is not None:
            cleaner, seed = defence.cleaner, tf.constant([self.experiment.settings.seed, 0])
            log_panels(self.run, name, 0, lambda x: cleaner(x, seed), "test", test, self.epsilon)
        outcomes = defence.outcomes(test, self.experiment.settings.seed, self.experiment.devices)
        paper = dict(zip(COLUMNS, TABLE_1.get(name, ()), strict=False))
        findings: tuple[str, ...] = ()
        if self.experiment.settings.adaptive.adaptive:
            with self.experiment.preparing:
                attacks = self._adaptive
            adaptive = attacks.measure(defence)
            outcomes |= adaptive.verified
            findings = adaptive.findings
        outcomes |= self._judged(defence, test)
        share = functools.partial(verified_share, self.experiment.legitimate)
        columns = {c: share(c, seen, paper.get(c)) for c, seen in outcomes.items()}
        return Row(name, columns, findings)

    def _judged(self, defence: Defence, test: VerificationSet) -> dict[str, np.ndarray]:
        """What further networks make of the cleaned images.

        Randomization gives them none; a vote, and a network in the target's place, decide alone.
        """
        if defence.vote or defence.own or (defence.cleaner is None and defence.random):
            return {}
        seed = tf.constant([self.experiment.settings.seed, RANDOMIZATION_SEED])

        def clean(images: tf.Tensor) -> tf.Tensor:
            return images if defence.cleaner is None else defence.cleaner(images, seed)

        return {
            f"{name}_{column}": seen
            for name, judge in self.judges.items()
            for column, seen in judge.outcomes(clean, test).items()
        }

    @functools.cached_property
    def _adaptive(self) -> AdaptiveAttacks:
        attacks = AdaptiveAttacks.of(self.experiment, self.epsilon)
        attacks.transferred  # noqa: B018, made now, once for all rows
        return attacks


def chosen_rows() -> list[str]:
    """The rows asked for, each once.

    Raises:
      InputError: one is unknown or named twice, or there is none.
    """
    rows = [name for row in _ROWS.value for name in (ALL if row == "all" else (row,))]
    rows += [ADVERSARIAL] * (
        _ADVERSARIAL.value and ADVERSARIAL not in rows
    ) + verification_flags.CLEANER.value
    return check_names(rows, [*ALL, ADVERSARIAL], "rows")


def chosen_judges(experiment: VerificationExperiment) -> dict[str, Judge]:
    """The further networks asked for, by name.

    Raises:
      InputError: one is unknown, named twice or the target itself, or cannot be loaded.
    """
    names = list(_JUDGES.value)
    target = experiment.settings.target
    if len({*names, target}) <= len(names):
        raise InputError(f"--judges are further networks than the target, {target}, each once.")
    return {name: experiment.judge(name) for name in names}


def notes(
    experiment: VerificationExperiment,
    epsilon: float,
    judges: dict[str, Judge] | None = None,
    rows: Sequence[str] = (),
) -> str:
    """What differs from the paper, in words below the table.

    Args:
      experiment: faces, target and settings.
      epsilon: intensity of the attack.
      judges: further networks.
      rows: of the table.
    """
    sentences = [*about_pairs(experiment, [epsilon]), *about_network(experiment)]
    if SMOOTHED in rows:
        sentences += about_smoothed(experiment)
    if ROBUST in rows:
        sentences.append(about_robust(experiment, epsilon))
    adaptive = experiment.settings.adaptive
    if adaptive.adaptive:
        sentences.append(
            f"Adaptive columns: at most {adaptive.adaptive_pairs} + {adaptive.adaptive_pairs} of "
            "the test pairs; for each the best of no attack, the stored FGSM example, and PGD of "
            f"{adaptive.adaptive_steps} steps without and through the defence, averaged over "
            f"{adaptive.eot_samples} draws where it is random; a sixteenth and a quarter of the "
            "steps come first, spare the pairs that they break the rest, and are where the rest "
            "begins; judged on 8-bit images."
        )
    if judges:
        sentences += about_judges(judges, random_cleaners(rows, experiment))
    return " ".join(sentences)


if __name__ == "__main__":
    command_line.run(restarting(main), FLAGS)
