"""Table 1 of Su et al. 2019: what cleaning with ResGN is worth, for each choice of losses.

    python -m experiments.table1                                     # ORL, minutes on two cores
    python -m experiments.table1 --dataset=lfw --data_dir=DIR        # LFW, much longer
    python -m experiments.table1 --preset=paper --data_dir=DIR --facenet_weights=... \\
        --vgg_face_weights=...                                       # the paper's own figures

Each row is the share of pairs that the target network verifies correctly when the probe image first
passes through the defence: attacked to evade its own identity (dodging), attacked to take another's
(impersonation), and untouched (legitimate).
"""

from __future__ import annotations

import dataclasses

import numpy as np
import tqdm
from absl import flags

from experiments import cli, intensity_flags, verification_experiment
from experiments import run as run_flags
from experiments.cleaner_training import trained_cleaner
from experiments.figures import save_bars
from experiments.monitoring import log_panels
from experiments.results import Measurement, Row
from experiments.run import Run
from experiments.strategy import restarting
from experiments.verification_experiment import VerificationExperiment
from resgn.losses import TERMS
from resgn.verification_set import COLUMNS
from weights.errors import InputError

PAPER: dict[str, tuple[float, float, float]] = {
    "pixel": (0.9916, 0.9968, 0.9052),
    "texture": (0.9906, 0.9967, 0.9791),
    "verification": (0.8836, 0.9531, 0.9831),
    "pixel+texture": (0.9925, 0.9982, 0.9786),
    "pixel+verification": (0.9926, 0.9983, 0.9870),
    "texture+verification": (0.9599, 0.9757, 0.9883),
    "joint": (0.9945, 0.9992, 0.9918),
    "randomization": (0.6528, 0.6181, 0.9765),
    "none": (0.0084, 0.4321, 1.0),
}
"""Table 1 as printed: dodging, impersonation, legitimate."""

LOSSES = {name: tuple(name.split("+")) for name in list(PAPER)[:6]} | {"joint": TERMS}

_ROWS = flags.DEFINE_list("rows", list(PAPER), "Rows of the table, in this order.")

for _module in (verification_experiment, intensity_flags, run_flags):
    flags.adopt_module_key_flags(_module)  # shown by --help


def main(_: list[str]) -> None:
    """Prepare, train and measure row by row, write the table."""
    rows = check_rows(_ROWS.value)
    epsilon = intensity_flags.intensity()
    experiment = VerificationExperiment.from_flags(
        texture=any("texture" in LOSSES.get(row, ()) for row in rows)
    )
    run = Run("table1", experiment.settings("rows") | {"eps": epsilon}, experiment.devices)
    table = Table1(experiment, run, epsilon)
    for part in ("train", "validation", "test"):
        experiment.attacked(part, epsilon)
    measured = [table.row(name) for name in tqdm.tqdm(rows, desc="table 1", unit="row")]
    save_bars(run.folder / "table1.png", measured, f"Table 1 on {experiment.preset.dataset}")
    table_text = run.finish(
        measured, experiment.precision, "losses", notes(experiment, epsilon), **experiment.facts()
    )
    print("\n" + table_text)
    print(f"{run.folder}: table1.md, table1.csv, table1.png, result.json, tensorboard/")


@dataclasses.dataclass
class Table1:
    """Measures one row after the other; a row that was measured before is read back."""

    experiment: VerificationExperiment
    run: Run
    epsilon: float

    def row(self, name: str) -> Row:
        """One line of the table."""
        return self.run.measured(name, lambda: self._measure(name))

    def _measure(self, name: str) -> Row:
        outcomes = self._outcomes(name)
        columns = {
            column: Measurement.rate(outcomes[column], PAPER[name][number])
            for number, column in enumerate(COLUMNS)
        }
        return Row(name, columns)

    def _outcomes(self, name: str) -> dict[str, np.ndarray]:
        test = self.experiment.attacked("test", self.epsilon)
        if name == "none":
            return test.outcomes(self.experiment.undefended)
        if name == "randomization":
            return test.outcomes(self.experiment.randomized())
        epochs = None if name == "joint" else self.experiment.preset.ablation_epochs
        cleaner = trained_cleaner(
            self.experiment, self.run, name, self.epsilon, LOSSES[name], epochs
        )
        log_panels(self.run, name, 0, cleaner, "test", test, self.epsilon)
        return test.outcomes(self.experiment.defended(cleaner))


def check_rows(rows: list[str]) -> list[str]:
    """The rows asked for.

    Raises:
      InputError: one is unknown or named twice, or there is none.
    """
    unknown = [row for row in rows if row not in PAPER]
    if unknown or not rows or len(set(rows)) != len(rows):
        raise InputError(
            f"--rows names {', '.join(rows) or 'nothing'}; choose, each once, from "
            f"{', '.join(PAPER)}."
        )
    return rows


def notes(experiment: VerificationExperiment, epsilon: float) -> str:
    """What differs from the paper, in words below the table."""
    preset = experiment.preset
    but = ""
    if preset.epochs != preset.ablation_epochs:
        but = (
            f" for the joint row and {preset.ablation_epochs} for the others, which are "
            "therefore not to be compared with it"
        )
    return " ".join([*experiment.notes([epsilon]), *experiment.network_notes(but)])


if __name__ == "__main__":
    cli.run(restarting(main))
