"""Flags that every experiment on face verification has: which faces, which target."""

from __future__ import annotations

from absl import flags

from experiments.flags.presets import help_of
from resgn.bring_your_own import is_own, own_target
from resgn.faces.loading import DATASETS
from resgn.target import PACKAGED_FACENET, TARGETS, Target, load_target

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
TARGET = flags.DEFINE_string(
    "target",
    None,
    f"Network under attack: {' or '.join(TARGETS)}, or your own as package.module:callable, from "
    "images [N, 160, 160, 3] in [0, 1] to embeddings [N, D]; see docs/bring_your_own.md. "
    f"{help_of('target')}",
)
FACENET_WEIGHTS = flags.DEFINE_string(
    "facenet_weights",
    None,
    "FaceNet's weight file (.pb, checkpoint, .h5, .pt) for --target=facenet. Default: "
    "20180408-102900 of 512 dimensions, which comes with the installation.",
)


def weights_of(target: str) -> str | None:
    """The weights that the flags name for a target: a file, or a name of the registry."""
    return FACENET_WEIGHTS.value or PACKAGED_FACENET if target == "facenet" else None


def chosen_target(name: str) -> Target:
    """The target of this name, ours or the user's own, frozen.

    Raises:
      InputError: unknown name, weights missing or damaged, or one's own target does not work.
    """
    return own_target(name) if is_own(name) else load_target(name, weights_of(name))
