"""The judges of a table on the attack on MoFA: their rows, and the verdicts of the second one."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from experiments.face_autoencoder.face_networks import network_on_crops
from experiments.face_autoencoder.judges import (
    Judge,
    JudgeSettings,
    KnownFaces,
    in_words,
    judge_row,
)
from experiments.face_autoencoder.mofa_experiment import MofaExperiment
from experiments.face_autoencoder.mofa_victim import BATCH, Attacked, AttackedPairs
from experiments.running.results import Measurement, Row
from mofa.arrays import Array
from mofa.people import few_of_each
from resgn.target import embed_all

CALIBRATION_IMAGES = 200
"""Pictures of other people, from which the second judge's threshold is."""
KNOWN_IMAGES = 400
"""Pictures of the people attacked, on which a judge is measured, at the most."""
EACH = 8

_log = logging.getLogger(__name__)


def kinds_judged(settings: JudgeSettings, *kinds: str) -> tuple[str, ...]:
    """Identity classifiers that an experiment has to load: its own, and the second judge's."""
    more = ("image",) if settings.second_judge == "image" and "image" not in kinds else ()
    return (*kinds, *more)


class Judging:
    """Measures the judges on the pairs of a table.

    Args:
      experiment: the victim, its data, and its identity classifiers, which are the first judges.
      settings: who is the second.
      pairs: who is attacked; of photographs of one's own, whose people nobody knows, nothing is
        measured.
    """

    def __init__(
        self, experiment: MofaExperiment, settings: JudgeSettings, pairs: AttackedPairs
    ) -> None:
        self._experiment, self._settings, self._pairs = experiment, settings, pairs

    @functools.cached_property
    def second(self) -> Judge | None:
        """The second judge; None where none is wanted or can be had."""
        name = self._settings.second_judge
        if name == "none" or self._pairs.people is None:
            return None
        victim = self._experiment.victim
        if name == "image":
            look = functools.partial(victim.embeddings, "image")
            return Judge(name, look, victim.identities["image"].threshold)
        others = self._experiment.people("validation", 2, may_be_nobody=True)
        rows = few_of_each(others.people, CALIBRATION_IMAGES)
        if len(np.unique(others.people[rows])) < 2:
            _log.warning("No pairs to calibrate %s on: there is no second judge.", name)
            return None
        network = tf.function(network_on_crops(name, self._experiment.renderer), autograph=False)

        def embeddings(images: Array) -> Array:
            return embed_all(network, images, BATCH)

        chosen = others.part(rows)
        return Judge.calibrated(name, embeddings, chosen.images, chosen.people)

    @functools.cached_property
    def judges(self) -> list[Judge]:
        """The identity classifiers, and the second judge where it is none of them."""
        victim = self._experiment.victim
        found = [
            Judge(kind, functools.partial(victim.embeddings, kind), classifier.threshold)
            for kind, classifier in victim.identities.items()
        ]
        second = self.second
        return found if second is None or second.name == "image" else [*found, second]

    def columns(self, pairs: AttackedPairs, attacked: Attacked) -> dict[str, Measurement]:
        """`second_success`, of stored images; nothing without a second judge.

        Args:
          pairs: sources and targets of these images.
          attacked: the images.
        """
        if self.second is None:
            return {}
        won = self.second.success(attacked.stored, pairs.sources, pairs.targets)
        return {"second_success": pairs.measured(won)}

    def rows(self) -> dict[str, Callable[[], Row]]:
        """What gives the row of each judge, by its name."""
        if self._pairs.people is None:
            return {}
        return {f"judge,{judge.name}": functools.partial(self._row, judge) for judge in self.judges}

    def about(self, rows: Sequence[Row]) -> str:
        """What the judges are worth, by their rows, and who the second one is, in sentences."""
        said = [in_words(rows)]
        if self.second is not None:
            said.append(
                f"second_success: the verdict of {self.second.name} on stored images, at its own "
                f"threshold of {self.second.threshold:.3f}."
            )
        return " ".join(said)

    def _row(self, judge: Judge) -> Row:
        sources, targets = self._ends
        faces, people = self._known
        return judge_row(
            judge.name,
            judge.threshold,
            KnownFaces(judge.embeddings(faces), people),
            KnownFaces(judge.remembered(self._pairs.sources), sources),
            KnownFaces(judge.remembered(self._pairs.targets), targets),
            self._experiment.settings.seed,
        )

    @property
    def _ends(self) -> tuple[Array, Array]:
        if self._pairs.people is None:
            raise ValueError("pairs: nobody knows whose pictures they are")
        return self._pairs.people

    @functools.cached_property
    def _known(self) -> tuple[Array, Array]:
        """Untouched pictures of the people attacked, and whose they are."""
        pictures = self._experiment.people("test")
        attacked = np.flatnonzero(np.isin(pictures.people, np.concatenate(self._ends)))
        chosen = few_of_each(pictures.people[attacked], KNOWN_IMAGES, EACH)
        if not len(chosen):  # nobody has two: they still are third persons
            chosen = np.arange(min(KNOWN_IMAGES, len(attacked)))
        found = pictures.part(attacked[chosen])
        return found.images, found.people
