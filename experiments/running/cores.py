"""How many cores this process may use."""

from __future__ import annotations

import os


def cores() -> int:
    """Those that the process is held to, where the system can say so; macOS cannot."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
