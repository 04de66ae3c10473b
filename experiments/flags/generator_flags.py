"""The flag of commands that take a trained ResGN from a file."""

from __future__ import annotations

from experiments.flags.groups import FlagGroup

FLAGS = FlagGroup()

WEIGHTS = FLAGS.path(
    "weights",
    None,
    "A ResGN as training leaves it, cleaners/<row>.h5 in the folder of a run. Default: the small "
    "one for the target that comes with the project (FaceNet's where there is no target), or where "
    "a command trains, the one that it trains.",
)
