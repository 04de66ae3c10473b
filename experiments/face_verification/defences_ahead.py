"""The defences of a table's rows, the next one trained while a row is measured."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from experiments.face_verification.cleaners import make_defence
from experiments.face_verification.defences import Defence
from experiments.face_verification.verification_experiment import VerificationExperiment
from experiments.running.ahead import Ahead, workers
from experiments.running.run import Run

SMALL_BATCH = 4
"""Images up to which one training's step leaves cores idle, and two fit into memory."""


def defences_ahead(
    names: Sequence[str], experiment: VerificationExperiment, run: Run, epsilon: float
) -> Ahead[Defence]:
    """To be entered with `with`; where it is no faster, each is made when it is taken.

    Args:
      names: of the rows that are still to be measured, in their order.
      experiment: faces, target and settings.
      run: logs and folder of what is trained.
      epsilon: intensity of the attack that a cleaner learns to clean.
    """
    experiment.critics, experiment.sets  # noqa: B018, made once for all threads
    makers = {
        name: functools.partial(make_defence, name, experiment, run, epsilon) for name in names
    }
    small = experiment.settings.training.batch_size <= SMALL_BATCH
    return Ahead(makers, workers(experiment.devices) if small else 0)
