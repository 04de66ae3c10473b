"""Votes on probes, taken once: by this run or by an earlier one, behind the same denoiser."""

from __future__ import annotations

import dataclasses
import functools
import time

import numpy as np

from experiments.face_verification.certification_settings import CertificationSettings
from experiments.face_verification.smoothed_references import SmoothedReferences
from experiments.face_verification.verification_experiment import VerificationExperiment
from experiments.running import content_cache
from resgn.smoothing import Denoiser, SmoothedVerifier
from resgn.smoothing.smoothed_verifier import CERTIFICATION, SELECTION, seed_of

FORMAT = 1
"""Part of the name of all votes in the user's cache; to be raised when they would be others."""


@dataclasses.dataclass(frozen=True, eq=False)
class Ballots:
    """Takes votes on test probes behind one denoiser.

    Attributes:
      experiment: faces and target.
      settings: how many draws.
      denoiser: before the target.
    """

    experiment: VerificationExperiment
    settings: CertificationSettings
    denoiser: Denoiser

    def of_probe(self, row: int) -> np.ndarray:
        """Votes on all test pairs of a probe, from the user's cache or taken now.

        All its pairs, not only those that are certified: that takes no longer, and a run with
        other pairs finds them.

        Args:
          row: of the legitimate images.

        Returns:
          A scalar of the fields `votes`, int64 `[2, most]`: a row for each of selection and
          certification, the pairs of the probe in their order, zeros behind them; and `seconds`,
          which they took when they were taken.
        """
        legitimate, settings = self.experiment.legitimate, self.settings
        test = legitimate.parts["test"]
        image, kind = legitimate.images[row], self._kind
        references = self._references(test.reference[test.probe == row])
        seed = seed_of(self.experiment.settings.seed, row)

        def vote() -> np.ndarray:
            began, found = time.perf_counter(), np.zeros((), kind)
            for stream, draws in (
                (SELECTION, settings.selection_draws),
                (CERTIFICATION, settings.draws),
            ):
                votes = self._verifier.votes(image, references, draws, seed, stream)
                found["votes"][stream, : len(references)] = votes
            found["seconds"] = time.perf_counter() - began
            return found

        name = content_cache.digest([*self._decides, seed], [image, references])
        return content_cache.kept("votes", name, np.zeros((), kind), vote)

    @functools.cached_property
    def _kind(self) -> np.dtype:
        most = int(np.bincount(self.experiment.legitimate.parts["test"].probe).max())
        return np.dtype([("votes", np.int64, (2, most)), ("seconds", np.float64)])

    @functools.cached_property
    def _verifier(self) -> SmoothedVerifier:
        return self.denoiser.verifier(self.experiment.voting_target, self.settings.draw_batch)

    @functools.cached_property
    def _references(self) -> SmoothedReferences:
        return SmoothedReferences(self.experiment, self.denoiser)

    @functools.cached_property
    def _decides(self) -> list[str | int | float]:
        settings = self.settings
        return [
            *(FORMAT, self._references.name, self.denoiser.threshold),
            *(settings.selection_draws, settings.draws, settings.draw_batch),
        ]
