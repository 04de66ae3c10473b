"""The flag of trainings that choose their arithmetic."""

from __future__ import annotations

from experiments.flags.groups import FlagGroup
from experiments.running.precision import settle_precision

FLAGS = FlagGroup()

_PRECISION = FLAGS.choice(
    "precision",
    "auto",
    ["auto", "float32", "mixed_bfloat16"],
    "Arithmetic of the hidden layers in training; auto takes bfloat16 on processors that compute "
    "in it.",
)


def precision() -> str:
    """The Keras policy that --precision stands for on this machine."""
    return settle_precision(_PRECISION.value)
