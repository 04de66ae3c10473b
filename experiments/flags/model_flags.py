"""Flags that name the morphable model."""

from __future__ import annotations

from absl import flags

MODEL = flags.DEFINE_string(
    "model",
    None,
    "Morphable model: a Basel Face Model (.h5 or .mat) or ICT-FaceKit's folder. By default the "
    "one that MoFA's encoder was trained with; the project's own open model elsewhere.",
)
LANDMARKS = flags.DEFINE_string(
    "landmarks", None, "JSON file {name: vertex} with landmarks for the model."
)
