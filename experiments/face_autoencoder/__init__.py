"""The protocol of Teng 2021: people, victim, attacked pairs, detection. No flags."""

from experiments.face_autoencoder.mofa_experiment import MofaExperiment
from experiments.face_autoencoder.settings import AutoencoderSettings

__all__ = ["AutoencoderSettings", "MofaExperiment"]
