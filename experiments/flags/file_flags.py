"""The flag of entry points that write one file."""

from __future__ import annotations

from experiments.flags.groups import FlagGroup

FLAGS = FlagGroup()

OUTPUT = FLAGS.path(
    "output", None, "File to write; the project's own place for it where there is one."
)
