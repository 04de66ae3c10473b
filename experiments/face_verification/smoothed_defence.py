"""The row `smoothed`: a denoiser before the target, and the majority of noisy probes decides."""

from __future__ import annotations

import tensorflow as tf

from attacks import EOT, Stochastic
from experiments.face_verification.defences import Defence, OwnVerification
from experiments.face_verification.denoisers import (
    given_denoiser,
    sigma_of_row,
    trained_as_in_certify,
    trained_denoiser,
)
from experiments.face_verification.settings import SMOOTHED, Smoothed
from experiments.face_verification.smoothed_references import SmoothedReferences
from experiments.face_verification.verification_experiment import VerificationExperiment
from experiments.running.run import Run
from resgn.cleaners import Cleaner
from resgn.smoothing import Denoiser, MajorityVote
from resgn.smoothing.smoothed_verifier import DRAW_BATCH
from resgn.target import Target


def smoothed_defence(experiment: VerificationExperiment, run: Run) -> Defence:
    """As the experiment's settings have it; a denoiser that none names is trained."""
    settings = experiment.settings
    denoiser = given_denoiser(experiment) or trained_denoiser(
        trained_as_in_certify(experiment), run, sigma_of_row(experiment)
    )
    own = None
    if denoiser.reference_draws:
        own = OwnVerification(SmoothedReferences(experiment, denoiser), denoiser.threshold)
    samples = settings.adaptive.eot_samples
    return of_denoiser(denoiser, experiment.target, settings.smoothed, samples, own)


def of_denoiser(
    denoiser: Denoiser,
    target: Target,
    smoothed: Smoothed,
    samples: int,
    own: OwnVerification | None = None,
) -> Defence:
    """The row's defence.

    An attack climbs the mean margin over noisy copies, drawn anew for each step (EOT). Whether it
    has succeeded is decided by the votes of other copies.

    Args:
      denoiser: whose sigma and threshold are taken.
      target: behind it.
      smoothed: how many vote.
      samples: noisy copies for each gradient.
      own: the references, if they are smoothed.
    """
    embed = denoiser.before(target)

    def noise(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        return tf.random.stateless_normal(tf.shape(images), seed, stddev=denoiser.sigma)

    def denoised(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        return denoiser.model(images + noise(images, seed), training=False)

    def embedded(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        return embed(images + noise(images, seed))

    model = Stochastic(embedded)
    verifier = denoiser.verifier(target, min(DRAW_BATCH, smoothed.draws))
    return Defence(
        SMOOTHED,
        model,
        EOT(model, samples),
        Cleaner(SMOOTHED, denoised, random=True),
        MajorityVote(verifier, smoothed.draws, smoothed.confidence),
        own,
    )
