"""The flag of entry points that write one file."""

from __future__ import annotations

from absl import flags

OUTPUT = flags.DEFINE_string(
    "output", None, "File to write; the project's own place for it where there is one."
)
