"""Flags that every experiment on face verification has: which faces, which target."""

from __future__ import annotations

from absl import flags

from experiments.presets import help_of
from resgn.faces.dataset import DATASETS
from resgn.target import TARGETS

DATASET = flags.DEFINE_enum(
    "dataset",
    None,
    list(DATASETS),
    "Faces: orl comes with the installation; lfw, celeba and folder (one folder for each person) "
    f"are read from --data_dir. {help_of('dataset')}",
)
DATA_DIR = flags.DEFINE_string(
    "data_dir", None, "Folder of the data set, in the layout in which it comes."
)
TARGET = flags.DEFINE_enum(
    "target", None, list(TARGETS), f"Network under attack. {help_of('target')}"
)
FACENET_WEIGHTS = flags.DEFINE_string(
    "facenet_weights",
    None,
    "FaceNet's weight file (.pb, checkpoint, .h5, .pt) for --target=facenet.",
)


def weights_of(target: str) -> str | None:
    """The weight file that the flags name for a target."""
    return FACENET_WEIGHTS.value if target == "facenet" else None
