"""Accuracy against attack intensity, from none to 0.1: no defence, Randomization and ResGN.

    python -m experiments.sweep                             # ORL, minutes on two cores
    python -m experiments.sweep --dataset=lfw --data_dir=DIR
    python -m experiments.sweep --test_eps=0,0.01,0.05      # other intensities

A finer look at what Tables 1 and 2 of Su et al. 2019 show at three intensities. ResGN has the joint
loss and is trained for --eps as in Table 1; resgn_from_zero learns from every intensity from none
up to it. One that an earlier run has trained already is used again. Only the probe passes through a
defence. The figure's axis is what the intensities are in stored images, in grey levels of 255.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable

import tqdm

from attacks import whole_levels
from experiments.drawing.figures import save_curves
from experiments.face_verification.defences import Defence
from experiments.face_verification.over_people import verified_share
from experiments.face_verification.papers import TABLE_1, TABLE_2
from experiments.face_verification.sentences import about_from_zero, about_network, about_pairs
from experiments.face_verification.trained_cleaners import TrainedCleaners
from experiments.face_verification.verification_experiment import VerificationExperiment
from experiments.flags import command_line, intensity_flags, run_flags, verification_flags
from experiments.flags.groups import FlagGroup
from experiments.flags.strategy_flags import restarting
from experiments.running.results import Row
from experiments.running.run import Run
from resgn.legitimate_pairs import Embed
from resgn.verification_set import VerificationSet

FLAGS = FlagGroup(
    verification_flags.FLAGS,
    intensity_flags.FLAGS,
    intensity_flags.FROM_ZERO_FLAGS,
    run_flags.FLAGS,
)

INTENSITIES = (0.0, 0.005, *(step / 100 for step in range(1, 11)))
DEFENCES = ("none", "randomization", "resgn")
FROM_ZERO = "resgn_from_zero"
COLUMNS = ("dodging", "impersonation")


def main(_: list[str]) -> None:
    """Train or find ResGN, measure each defence at each intensity, write curves."""
    learned = intensity_flags.intensity()
    tested = sorted(intensity_flags.tested_intensities(INTENSITIES))
    experiment = verification_flags.experiment()
    from_zero = bool(intensity_flags.FROM_ZERO.value)
    defences = (*DEFENCES, FROM_ZERO) if from_zero else DEFENCES
    more = {"eps": learned, "test_eps": tested, "from_zero": from_zero}
    settings = experiment.flat_settings(more)
    run = Run("sweep", settings, run_flags.place(), experiment.devices)
    run.same_data(experiment.legitimate.images)
    experiment.sets.craft("test", [epsilon for epsilon in tested if epsilon], keep=False)
    sweep = Sweep(experiment, run, learned)
    cells = [(defence, epsilon) for defence in defences for epsilon in tested]
    rows = [sweep.row(*cell) for cell in tqdm.tqdm(cells, desc="sweep", unit="point")]

    curves = {
        defence: [row for row, (name, _) in zip(rows, cells, strict=True) if name == defence]
        for defence in defences
    }
    taught = experiment.sets.training_intensities(learned)
    span = f"{learned:g}" if len(taught) == 1 else f"{taught[0]:g} to {taught[-1]:g}"
    save_curves(
        run.folder / "sweep.png",
        [whole_levels(epsilon) for epsilon in tested],
        curves,
        COLUMNS,
        "attack intensity (grey levels of 255)",
        f"{experiment.settings.dataset}: verified correctly; ResGN trained at {span}",
        mark=whole_levels(learned),
    )
    notes = " ".join([*about_pairs(experiment, tested), *about_network(experiment)])
    if from_zero:
        notes += " " + about_from_zero(experiment, learned)
    table = run.finish(rows, experiment.settings.precision, "defence", notes, **experiment.facts())
    print("\n" + table)
    print(f"{run.folder}: sweep.md, sweep.csv, sweep.png, result.json, tensorboard/, cleaners/")


@dataclasses.dataclass(eq=False)
class Sweep:
    """Measures one point after the other; one that was measured before is read back."""

    experiment: VerificationExperiment
    run: Run
    learned: float

    def row(self, defence: str, epsilon: float) -> Row:
        """What one defence is worth at one intensity."""
        name = f"{defence},eps={epsilon:g}"
        return self.run.measured(name, lambda: self._measure(name, defence, epsilon))

    def _measure(self, name: str, defence: str, epsilon: float) -> Row:
        outcomes = self._set(epsilon).attacked_outcomes(self._defences[defence]())
        paper = paper_figures(defence, self.learned, epsilon)
        legitimate = self.experiment.legitimate
        return Row(
            name,
            {
                column: verified_share(legitimate, column, outcomes[column], figure)
                for column, figure in zip(COLUMNS, paper, strict=True)
            },
        )

    def _set(self, epsilon: float) -> VerificationSet:
        if epsilon:
            return self.experiment.sets.attacked("test", epsilon)
        return self.experiment.sets.unattacked("test")

    @functools.cached_property
    def _defences(self) -> dict[str, Callable[[], Embed]]:
        return {
            "none": lambda: self.experiment.undefended,
            # The same draws at every intensity, so that the curve shows the attack alone.
            "randomization": lambda: self._randomization.embed(self.experiment.settings.seed),
            "resgn": lambda: self._resgn(False),
            FROM_ZERO: lambda: self._resgn(True),
        }

    @functools.cached_property
    def _randomization(self) -> Defence:
        return Defence.randomization(self.experiment.target, samples=1)

    @functools.cached_property
    def _resgn(self) -> Callable[[bool], Embed]:
        return functools.cache(self._trained)

    def _trained(self, from_zero: bool) -> Embed:
        resgns = TrainedCleaners(self.experiment, self.run)
        name = "joint,from_zero" if from_zero else "joint"
        recipe = resgns.recipe(name, self.learned, from_zero=from_zero)
        return self.experiment.defended(resgns.get(recipe))


def paper_figures(
    defence: str, learned: float, epsilon: float
) -> tuple[float | None, float | None]:
    """What Tables 1 and 2 say of a point, dodging and impersonation; None where they are silent."""
    if defence == "resgn":
        return TABLE_2.get((learned, epsilon), (None, None))
    if epsilon == 0.03:
        return TABLE_1.get(defence, (None, None))[:2]
    return (None, None)


if __name__ == "__main__":
    command_line.run(restarting(main), FLAGS)
