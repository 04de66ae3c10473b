"""Randomized smoothing (Cohen et al. 2019): a verifier with a guarantee, pair by pair.

A denoiser stands before a network that stays as it is (Salman et al. 2020). The decision on a pair
is the one that most noisy copies of the probe bring about; it holds for every probe within a
radius.
"""

from resgn.smoothing.certificate import (
    ABSTAINS,
    DIFFERENT,
    SAME,
    Certificates,
    Draws,
    certify,
    largest_radius,
    lower_bound,
    predict,
)
from resgn.smoothing.denoiser import Denoiser, load_denoiser
from resgn.smoothing.majority import MajorityVote, check_draws
from resgn.smoothing.noise import GaussianNoise
from resgn.smoothing.smoothed_verifier import SmoothedVerifier
from resgn.smoothing.threshold import noisy_threshold
from resgn.smoothing.whitening import Whitening

__all__ = [
    "ABSTAINS",
    "DIFFERENT",
    "SAME",
    "Certificates",
    "Denoiser",
    "Draws",
    "GaussianNoise",
    "MajorityVote",
    "SmoothedVerifier",
    "Whitening",
    "certify",
    "check_draws",
    "largest_radius",
    "load_denoiser",
    "lower_bound",
    "noisy_threshold",
    "predict",
]
