"""Who is cleaned for whom: ResGNs by the networks that they learned from, judges, attacks."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from experiments.drawing.figures import HeatMap
from experiments.face_verification.over_people import verified_share
from experiments.face_verification.trained_cleaners import TrainedCleaners
from experiments.face_verification.verification_experiment import VerificationExperiment
from experiments.running.results import Measurement, Row
from experiments.running.run import Run
from resgn.verification_set import COLUMNS

UNCLEANED = "none"


class CleaningMatrix:
    """Every network attacked, every ResGN in front, every network as judge.

    Each network is attacked on the pairs that it verifies correctly, in its own crop. There is a
    ResGN for each network, which learned from the attacks on it in its crop, and one that learned
    from the attacks on the first network with all of them as verification critics.

    Args:
      experiments: by the network under attack; nothing but the target differs.
      run: keeps rows and ResGNs.
      epsilon: of the attack.
    """

    def __init__(
        self, experiments: Mapping[str, VerificationExperiment], run: Run, epsilon: float
    ) -> None:
        self._experiments, self._run, self._epsilon = experiments, run, epsilon
        self.networks = tuple(experiments)
        self.trainings = (UNCLEANED, *self.networks, "+".join(self.networks))
        self._resgn = functools.cache(self._trained)

    def rows(self) -> list[tuple[str, str]]:
        """All pairs of a training and an attacked network, in the order of the table."""
        return [(trained, attack) for attack in self.networks for trained in self.trainings]

    def row(self, trained: str, attack: str) -> Row:
        """What each judge makes of one network's attacked images behind one ResGN."""
        name = row_name(trained, attack)
        return self._run.measured(name, lambda: self._measure(name, trained, attack))

    def thresholds(self) -> dict[str, dict[str, float]]:
        """By attacked network and judge: the pairs differ, and so do the thresholds."""
        return {
            attack: {
                judge: experiment.legitimate.threshold
                if judge == attack
                else experiment.judge(judge).threshold
                for judge in self.networks
            }
            for attack, experiment in self._experiments.items()
        }

    def _measure(self, name: str, trained: str, attack: str) -> Row:
        experiment = self._experiments[attack]
        test = experiment.sets.attacked("test", self._epsilon)
        if trained == UNCLEANED:
            clean, alone = tf.identity, experiment.undefended
        else:
            resgn = self._resgn(trained)
            clean, alone = functools.partial(resgn, training=False), experiment.defended(resgn)
        columns: dict[str, Measurement] = {}
        for judge in self.networks:
            outcomes: dict[str, np.ndarray] = (
                test.outcomes(alone)
                if judge == attack
                else experiment.judge(judge).outcomes(clean, test)
            )
            for column in COLUMNS:
                columns[column_name(judge, column)] = verified_share(
                    experiment.legitimate, column, outcomes[column]
                )
        return Row(name, columns)

    def _trained(self, name: str) -> tf.keras.Model:
        experiment = self._experiments.get(name)
        if experiment is None:
            experiment = self._experiments[self.networks[0]].learning_from(self.networks)
        resgns = TrainedCleaners(experiment, self._run)
        return resgns.get(resgns.recipe(f"train={name}", self._epsilon))


def row_name(trained: str, attack: str) -> str:
    """What a row is called in `result.json`."""
    return f"train={trained},attack={attack}"


def column_name(judge: str, column: str) -> str:
    """The same for a column."""
    return f"{judge}_{column}"


def heat_maps(rows: Sequence[Row], matrix: CleaningMatrix) -> list[HeatMap]:
    """A panel for each column of Table 1: trainings across, who is attacked and judges down."""
    cells = {row.name: row.columns for row in rows}
    sides = [(attack, judge) for attack in matrix.networks for judge in matrix.networks]
    return [
        HeatMap(
            title=column,
            cells=[
                [cells[row_name(t, attack)][column_name(judge, column)] for t in matrix.trainings]
                for attack, judge in sides
            ],
            across=[trained.replace("+", "\n+ ") for trained in matrix.trainings],
            down=[f"{attack}, {judge}" for attack, judge in sides],
            across_label="ResGN trained against",
            down_label="attacked, judge",
        )
        for column in COLUMNS
    ]
