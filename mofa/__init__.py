"""MoFA (Tewari et al. 2017): a face autoencoder with a morphable model and a renderer inside.

What is named here is loaded when it is first asked for, since TensorFlow takes seconds.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import weights  # noqa: F401 - settles which Keras it is before TensorFlow is imported

if TYPE_CHECKING:
    from mofa import encoder
    from mofa.face_model_files import read as read_model
    from mofa.face_renderer import Camera, FaceRenderer
    from mofa.identity import load_identity
    from mofa.morphable_model import MorphableModel
    from mofa.photographs import Photographs
    from mofa.refinement import refine

__all__ = [
    "Camera",
    "FaceRenderer",
    "MorphableModel",
    "Photographs",
    "encoder",
    "load_identity",
    "read_model",
    "refine",
]

_PLACES = {
    "Camera": "face_renderer.Camera",
    "FaceRenderer": "face_renderer.FaceRenderer",
    "MorphableModel": "morphable_model.MorphableModel",
    "Photographs": "photographs.Photographs",
    "load_identity": "identity.load_identity",
    "read_model": "face_model_files.read",
    "refine": "refinement.refine",
}


def __getattr__(name: str) -> Any:
    """Find what is named above in its module."""
    if name == "encoder":
        return importlib.import_module("mofa.encoder")
    if name not in _PLACES:
        raise AttributeError(f"module 'mofa' has no attribute {name!r}")
    module, thing = _PLACES[name].split(".")
    return getattr(importlib.import_module(f"mofa.{module}"), thing)


def __dir__() -> list[str]:
    """For who looks around in a notebook."""
    return sorted({*globals(), *__all__})
