"""The embeddings that noisy probes are compared with."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import tensorflow as tf

from experiments.face_verification.verification_experiment import VerificationExperiment
from experiments.running import content_cache
from resgn.smoothing import Denoiser, SmoothedVerifier
from resgn.smoothing.smoothed_verifier import seed_of

FORMAT = 1
"""Part of each name in the user's cache; to be raised when the same would be computed otherwise."""


@dataclasses.dataclass(frozen=True, eq=False)
class SmoothedReferences:
    """References as a smoothed verifier has them: untouched, or the mean of noisy copies.

    Attributes:
      experiment: faces and target.
      denoiser: says which.
    """

    experiment: VerificationExperiment
    denoiser: Denoiser

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Unit embeddings `[N, D]` of legitimate images; each is computed once and kept."""
        if not self.denoiser.reference_draws:
            return self.experiment.legitimate.embeddings[rows]
        return np.stack([self._smoothed(int(row)) for row in rows])

    @functools.cached_property
    def name(self) -> str:
        """What stands behind the noise, with its noise: 32 hexadecimal digits."""
        denoiser, experiment = self.denoiser, self.experiment
        whitening = denoiser.whitening
        settings = [
            *(FORMAT, tf.__version__, experiment.critics.target_name),
            *(experiment.settings.precision, dataclasses.asdict(denoiser.config), denoiser.sigma),
        ]
        arrays = [] if whitening is None else list(whitening.layer().values())
        return content_cache.digest(settings, [*denoiser.model.get_weights(), *arrays])

    def _smoothed(self, row: int) -> np.ndarray:
        image, draws = self.experiment.legitimate.images[row], self.denoiser.reference_draws
        seed = seed_of(self.experiment.settings.seed, row)
        return content_cache.kept(
            "references",
            content_cache.digest([self.name, draws, seed], [image]),
            np.empty(self._size, np.float32),
            lambda: self._verifier.reference(image, draws, seed),
        )

    @functools.cached_property
    def _size(self) -> int:
        whitening = self.denoiser.whitening
        if whitening is not None:
            return whitening.directions.shape[1]
        return self.experiment.legitimate.embeddings.shape[1]

    @functools.cached_property
    def _verifier(self) -> SmoothedVerifier:
        return self.denoiser.verifier(self.experiment.voting_target)
