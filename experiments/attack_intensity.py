"""Table 2 of Su et al. 2019: does a ResGN clean attacks of another intensity than it learned from?

    python -m experiments.attack_intensity                  # the whole table, minutes on two cores
    python -m experiments.attack_intensity --eps=0.03       # its column: trained at 0.03
    python -m experiments.attack_intensity --dataset=lfw --data_dir=DIR

A ResGN with the joint loss is trained for each intensity of --eps and measured at each of
--test_eps: dodging, impersonation, and the legitimate probes that the paper's text promises and its
table leaves out. Each is trained as Table 1's joint row is, which is the cell in the middle;
training examples have intensities from that of --eps up to --train_spread times it, so that
--train_spread=1 is the paper's way. A further one learns from every intensity from none up, so that
weak attacks are cleaned, too. One that an earlier run has trained already is used again.
"""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import tqdm

from attacks import whole_levels
from experiments.drawing.figures import HeatMap, save_heat_maps
from experiments.face_verification.over_people import verified_share
from experiments.face_verification.papers import TABLE_2
from experiments.face_verification.sentences import about_from_zero, about_network, about_pairs
from experiments.face_verification.trained_cleaners import TrainedCleaners
from experiments.face_verification.verification_experiment import VerificationExperiment
from experiments.flags import command_line, intensity_flags, run_flags, verification_flags
from experiments.flags.groups import FlagGroup
from experiments.flags.strategy_flags import restarting
from experiments.running.results import Row
from experiments.running.run import Run
from resgn.legitimate_pairs import Embed
from resgn.verification_set import COLUMNS
from weights.errors import InputError

FLAGS = FlagGroup(
    verification_flags.FLAGS,
    intensity_flags.FLAGS,
    intensity_flags.FROM_ZERO_FLAGS,
    run_flags.FLAGS,
)

INTENSITIES = (0.02, 0.03, 0.04)


def main(_: list[str]) -> None:
    """Craft, train at each intensity, measure at each, write table and heat maps."""
    learned = intensity_flags.intensities(INTENSITIES)
    tested = intensity_flags.tested_intensities(INTENSITIES)
    if 0.0 in tested:
        raise InputError("--test_eps must be above 0 here; the column legitimate is what 0 asks.")
    lessons = [Lesson(epsilon) for epsilon in learned]
    if intensity_flags.FROM_ZERO.value:
        lessons.append(Lesson(learned[len(learned) // 2], from_zero=True))
    experiment = verification_flags.experiment(rows_at_once=True)
    more = {"eps": learned, "test_eps": tested, "from_zero": lessons[-1].from_zero}
    settings = experiment.flat_settings(more)
    run = Run("attack_intensity", settings, run_flags.place(), experiment.devices)
    run.same_data(experiment.legitimate.images)
    taught = {
        e
        for lesson in lessons
        for e in experiment.sets.training_intensities(lesson.epsilon, lesson.from_zero)
    }
    for part, epsilons in (
        ("train", sorted(taught - {0.0})),
        ("validation", learned),
        ("test", tested),
    ):
        experiment.sets.craft(part, epsilons)
    makers = {
        str(lesson): functools.partial(column, experiment, run, lesson, tested)
        for lesson in lessons
    }
    with experiment.at_once(makers) as found:
        bar = tqdm.tqdm(lessons, desc="table 2", unit="ResGN")
        rows = [row for lesson in bar for row in found.take(str(lesson))]
    save_heat_maps(
        run.folder / "attack_intensity.png",
        heat_maps(rows, lessons, tested),
        f"Table 2 on {experiment.settings.dataset}: verified correctly (%), in brackets the paper",
    )
    notes = " ".join([*about_pairs(experiment, tested), *about_network(experiment)])
    if lessons[-1].from_zero:
        notes += " " + about_from_zero(experiment, lessons[-1].epsilon)
    table = run.finish(
        rows, experiment.settings.precision, "intensity", notes, **experiment.facts()
    )
    print("\n" + table)
    print(f"{run.folder}: attack_intensity.md, .csv, .png, result.json, tensorboard/, cleaners/")


@dataclasses.dataclass(frozen=True)
class Lesson:
    """What a ResGN of the table learns from.

    Attributes:
      epsilon: intensity of the attack.
      from_zero: every one from none up to it, too.
    """

    epsilon: float
    from_zero: bool = False

    def __str__(self) -> str:
        """As rows and figure name it."""
        return f"0-{self.epsilon:g}" if self.from_zero else f"{self.epsilon:g}"


def column(
    experiment: VerificationExperiment, run: Run, lesson: Lesson, tested: tuple[float, ...]
) -> list[Row]:
    """One column of Table 2: the ResGN trained at one intensity, at all that it is tested at."""

    @functools.cache  # not asked for where every row was measured before
    def defended() -> Embed:
        resgns = TrainedCleaners(experiment, run)
        recipe = resgns.recipe(f"train={lesson}", lesson.epsilon, from_zero=lesson.from_zero)
        return experiment.defended(resgns.get(recipe))

    @functools.cache
    def legitimate() -> np.ndarray:
        return experiment.sets.attacked("test", tested[0]).legitimate_outcomes(defended())

    def measure(epsilon: float) -> Row:
        outcomes = experiment.sets.attacked("test", epsilon).attacked_outcomes(defended())
        paper: tuple[float | None, float | None] = (None, None)
        if not lesson.from_zero:
            paper = TABLE_2.get((lesson.epsilon, epsilon), paper)
        pairs = experiment.legitimate
        columns = {
            column: verified_share(pairs, column, outcomes[column], paper[number])
            for number, column in enumerate(COLUMNS[:2])
        }
        columns["legitimate"] = verified_share(pairs, "legitimate", legitimate())
        return Row(row_name(lesson, epsilon), columns)

    return [
        run.measured(row_name(lesson, epsilon), functools.partial(measure, epsilon))
        for epsilon in tested
    ]


def row_name(lesson: Lesson, tested: float) -> str:
    """What a cell of Table 2 is called in `result.json`."""
    return f"train={lesson},test={tested:g}"


def with_level(epsilon: float) -> str:
    """An intensity and, below it, what it is in stored images."""
    return f"{epsilon:g}\n{whole_levels(epsilon)}/255"


def heat_maps(rows: list[Row], lessons: list[Lesson], tested: tuple[float, ...]) -> list[HeatMap]:
    """The table as the paper prints it: a column for each training intensity."""
    cells = {row.name: row.columns for row in rows}
    maps = []
    for name in COLUMNS:
        # What is legitimate does not depend on the intensity of the test.
        down = tested if name != "legitimate" else tested[:1]
        maps.append(
            HeatMap(
                title=name,
                cells=[[cells[row_name(t, e)][name] for t in lessons] for e in down],
                across=[
                    str(lesson) if lesson.from_zero else with_level(lesson.epsilon)
                    for lesson in lessons
                ],
                down=[with_level(e) for e in down] if name != "legitimate" else ["any"],
                across_label="trained at eps",
                down_label="tested at eps",
            )
        )
    return maps


if __name__ == "__main__":
    command_line.run(restarting(main), FLAGS)
