"""Flags of every run: its folder, whether it goes on with an earlier one, its seed."""

from __future__ import annotations

from pathlib import Path

from experiments.flags.groups import FlagGroup
from experiments.running.run import Place

SEEDED = FlagGroup()
"""What a command has that draws at random and is no run."""

FLAGS = FlagGroup(SEEDED)

OUTPUT_DIR = FLAGS.path(
    "output_dir", None, "Folder of this run. Default: runs/<experiment>/<time>/."
)
RESUME = FLAGS.boolean(
    "resume",
    False,
    "Go on with the run in --output_dir, or without it with the latest unfinished run that has "
    "the same flags.",
)
SEED = SEEDED.integer("seed", 0, "Seed of all randomness.", lower=0)


def place() -> Place:
    """Where the flags put the run."""
    folder = Path(OUTPUT_DIR.value) if OUTPUT_DIR.value else None
    return Place(folder, RESUME.value, SEED.value)
