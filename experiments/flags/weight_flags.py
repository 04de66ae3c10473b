"""The flag of the commands about weight files."""

from __future__ import annotations

from experiments.flags.groups import FlagGroup
from weights import registry

FLAGS = FlagGroup()

NETWORK = FLAGS.choice(
    "network", None, list(registry.NETWORKS), "The network that a weight file is of."
)
