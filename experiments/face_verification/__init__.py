"""The protocol of Su et al. 2019: pairs under attack, defences, cleaners. No flags."""

from experiments.face_verification.settings import VerificationSettings
from experiments.face_verification.verification_experiment import VerificationExperiment

__all__ = ["VerificationExperiment", "VerificationSettings"]
