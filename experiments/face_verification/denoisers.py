"""ResGNs that are trained on Gaussian noise: one training for `certify` and the row `smoothed`."""

from __future__ import annotations

from experiments.face_verification.certification_settings import denoiser_settings
from experiments.face_verification.settings import Smoothed
from experiments.face_verification.trained_cleaners import TrainedCleaners
from experiments.face_verification.trained_elsewhere import warn_of_people
from experiments.face_verification.verification_experiment import VerificationExperiment
from experiments.running.run import Run
from resgn.smoothing import Denoiser, GaussianNoise, load_denoiser


def trained_denoiser(experiment: VerificationExperiment, run: Run, sigma: float) -> Denoiser:
    """From the user's cache, or trained now; left as `cleaners/sigma=....h5` in the run's folder.

    Args:
      experiment: with the settings of the training.
      run: logs and folder.
      sigma: standard deviation of the noise.
    """
    resgns, settings, name = TrainedCleaners(experiment, run), experiment.settings, _name(sigma)
    resgns.get(resgns.recipe(name, 0.0, noise=GaussianNoise(sigma, settings.seed)))
    file = run.folder / "cleaners" / f"{name}.h5"
    return load_denoiser(file, experiment.target, sigma, settings.precision)


def given_denoiser(experiment: VerificationExperiment) -> Denoiser | None:
    """The denoiser that the settings name; None where one is to be trained.

    Raises:
      InputError: it is none, or was trained for another target or on other noise.
    """
    settings = experiment.settings
    if settings.denoiser is None:
        return None
    warn_of_people(settings.denoiser)
    sigma = settings.smoothed.sigma
    return load_denoiser(settings.denoiser, experiment.target, sigma, settings.precision)


def trained_as_in_certify(experiment: VerificationExperiment) -> VerificationExperiment:
    """The same faces and pairs, with the recipe that `certify` trains a denoiser by.

    What a table's flags say of ResGN's training is about its other rows.
    """
    settings = experiment.settings
    recipe = denoiser_settings(settings.preset, settings.dataset)
    return experiment.trained_by(start_from=None, **recipe)


def sigma_of_row(experiment: VerificationExperiment) -> float:
    """Standard deviation of the noise of the row `smoothed`."""
    given = given_denoiser(experiment)
    return given.sigma if given else experiment.settings.smoothed.sigma or Smoothed.SIGMA


def _name(sigma: float) -> str:
    return f"sigma={sigma:g}"
