"""Detecting and undoing an attack with an autoencoder of normal faces (Teng 2021, Section 3.3).

What is named here is loaded when it is first asked for, since TensorFlow takes seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from weights.lazy_names import lazy_names  # settles which Keras it is, before TensorFlow

if TYPE_CHECKING:
    from detector.defence import GaussianNoise, Reformer
    from detector.detection import DetectionResult, ScoreSet, Thresholds
    from detector.magnet import MagNetDetector
    from detector.perturbation_detector import PerturbationDetector, load_perturbation_detector
    from detector.saved_autoencoder import load_autoencoder
    from detector.scores import DetectionScores

__all__ = [
    "DetectionResult",
    "DetectionScores",
    "GaussianNoise",
    "MagNetDetector",
    "PerturbationDetector",
    "Reformer",
    "ScoreSet",
    "Thresholds",
    "load_autoencoder",
    "load_perturbation_detector",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "DetectionResult": "detection",
            "DetectionScores": "scores",
            "GaussianNoise": "defence",
            "MagNetDetector": "magnet",
            "PerturbationDetector": "perturbation_detector",
            "Reformer": "defence",
            "ScoreSet": "detection",
            "Thresholds": "detection",
            "load_autoencoder": "saved_autoencoder",
            "load_perturbation_detector": "perturbation_detector",
        },
    )
