"""MoFA (Tewari et al. 2017): a face autoencoder with a morphable model and a renderer inside.

What is named here is loaded when it is first asked for, since TensorFlow takes seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from weights.lazy_names import lazy_names  # settles which Keras it is, before TensorFlow

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

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "Camera": "face_renderer",
            "FaceRenderer": "face_renderer",
            "MorphableModel": "morphable_model",
            "Photographs": "photographs",
            "encoder": "",
            "load_identity": "identity",
            "read_model": "face_model_files:read",
            "refine": "refinement",
        },
    )
