"""Which arithmetic the machine is good at."""

from __future__ import annotations

import os
from pathlib import Path

import tensorflow as tf

PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
"""Keras policies of ResGN's hidden layers; variables, losses and output are float32 in any case."""


def critic_type(precision: str) -> str:
    """The type in which frozen critics compute beside a network of this precision.

    A GPU computes in float32 what is not float16, and float16 ends at 65,504: features of a network
    that was trained in float32 may lie above.
    """
    return "bfloat16" if precision == "mixed_bfloat16" else "float32"


def settle_precision(choice: str) -> str:
    """What `auto` means here; any other choice as it is.

    `mixed_float16` where there is a GPU, `mixed_bfloat16` where the CPU computes in bfloat16 and
    TensorFlow uses oneDNN's kernels, `float32` elsewhere.
    """
    if choice != "auto":
        return choice
    if tf.config.list_physical_devices("GPU"):
        return "mixed_float16"
    if os.environ.get("TF_ENABLE_ONEDNN_OPTS", "1") in ("0", "false"):
        return "float32"
    try:
        words = set(Path("/proc/cpuinfo").read_text("utf-8").split())
    except OSError:
        return "float32"
    return "mixed_bfloat16" if words & {"avx512_bf16", "amx_bf16"} else "float32"
