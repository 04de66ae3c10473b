"""The flag of commands that take a trained ResGN from a file."""

from __future__ import annotations

from experiments.flags.groups import FlagGroup

FLAGS = FlagGroup()

WEIGHTS = FLAGS.path(
    "weights",
    None,
    "A ResGN as training leaves it, cleaners/<row>.h5 in the folder of a run. Default: the small "
    "one that comes with the project, or where a command trains, the one that it trains.",
)
