"""Flags that name the morphable model."""

from __future__ import annotations

from experiments.flags.groups import FlagGroup

FLAGS = FlagGroup()

MODEL = FLAGS.path(
    "model",
    None,
    "Morphable model: a Basel Face Model (.h5 or .mat) or ICT-FaceKit's folder. By default the "
    "one that MoFA's encoder was trained with; the project's own open model elsewhere.",
)
LANDMARKS = FLAGS.path("landmarks", None, "JSON file {name: vertex} with landmarks for the model.")
