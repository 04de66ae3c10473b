"""Detecting and undoing an attack with an autoencoder of normal faces (Teng 2021, Section 3.3).

What is named here is loaded when it is first asked for, since TensorFlow takes seconds.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import weights  # noqa: F401 - settles which Keras it is before TensorFlow is imported

if TYPE_CHECKING:
    from detector.defence import GaussianNoise, Reformer
    from detector.detection import DetectionResult, ScoreSet, Thresholds
    from detector.magnet import MagNetDetector
    from detector.saved_autoencoder import load_autoencoder
    from detector.scores import DetectionScores

__all__ = [
    "DetectionResult",
    "DetectionScores",
    "GaussianNoise",
    "MagNetDetector",
    "Reformer",
    "ScoreSet",
    "Thresholds",
    "load_autoencoder",
]

_PLACES = {
    "DetectionResult": "detection",
    "DetectionScores": "scores",
    "GaussianNoise": "defence",
    "MagNetDetector": "magnet",
    "Reformer": "defence",
    "ScoreSet": "detection",
    "Thresholds": "detection",
    "load_autoencoder": "saved_autoencoder",
}


def __getattr__(name: str) -> Any:
    """Find what is named above in its module."""
    if name not in _PLACES:
        raise AttributeError(f"module 'detector' has no attribute {name!r}")
    return getattr(importlib.import_module(f"detector.{_PLACES[name]}"), name)


def __dir__() -> list[str]:
    """For who looks around in a notebook."""
    return sorted({*globals(), *__all__})
