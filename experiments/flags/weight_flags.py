"""The flag of the commands about weight files."""

from __future__ import annotations

from absl import flags

from weights import registry

NETWORK = flags.DEFINE_enum(
    "network", None, list(registry.NETWORKS), "The network that a weight file is of."
)
