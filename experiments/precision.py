"""Which arithmetic the processor is good at."""

from __future__ import annotations

from pathlib import Path


def settle_precision(choice: str) -> str:
    """`auto` becomes `mixed_bfloat16` where the CPU computes in bfloat16, `float32` elsewhere."""
    if choice != "auto":
        return choice
    try:
        words = set(Path("/proc/cpuinfo").read_text("utf-8").split())
    except OSError:
        return "float32"
    return "mixed_bfloat16" if words & {"avx512_bf16", "amx_bf16"} else "float32"
