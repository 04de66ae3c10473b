"""Flags of the row `smoothed`."""

from __future__ import annotations

from typing import Any

from experiments.face_verification.settings import SMOOTHED, Smoothed, VerificationSettings
from experiments.flags.groups import FlagGroup

FLAGS = FlagGroup()

_VALUES = {
    "smoothing_sigma": FLAGS.number(
        "smoothing_sigma",
        None,
        f"Standard deviation of the noise before the row {SMOOTHED}, in images of [0, 1]; that of "
        f"--denoiser, or {Smoothed.SIGMA:g} where one is trained.",
        "(0, inf)",
    ),
    "smoothing_draws": FLAGS.integer(
        "smoothing_draws",
        None,
        f"Noisy copies of each probe by whose majority the row {SMOOTHED} decides (default "
        f"{VerificationSettings().smoothed.draws}).",
    ),
    "denoiser": FLAGS.path(
        "denoiser",
        None,
        f"Trained denoiser for the row {SMOOTHED}, cleaners/sigma=....h5 in the folder of a run of "
        "certify, instead of training one by the same recipe.",
    ),
}


def given() -> dict[str, Any]:
    """The values that were given, by their names in `VerificationSettings`."""
    return {name: flag.value for name, flag in _VALUES.items() if flag.value is not None}
