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


def settle_precision(choice: str, loss_scaling: bool = False) -> str:
    """What `auto` means here; any other choice as it is.

    On a GPU `mixed_float16` for a training that scales its loss, otherwise what
    `without_loss_scaling` says. On a CPU `mixed_bfloat16` where it computes in bfloat16 and
    TensorFlow uses oneDNN's kernels, `float32` elsewhere.

    Args:
      choice: one of `PRECISIONS`, or `auto`.
      loss_scaling: whether the training keeps small gradients from vanishing in float16.
    """
    if choice != "auto":
        return choice
    if tf.config.list_physical_devices("GPU"):
        return "mixed_float16" if loss_scaling else without_loss_scaling("mixed_float16")
    if os.environ.get("TF_ENABLE_ONEDNN_OPTS", "1") in ("0", "false"):
        return "float32"
    try:
        words = set(Path("/proc/cpuinfo").read_text("utf-8").split())
    except OSError:
        return "float32"
    return "mixed_bfloat16" if words & {"avx512_bf16", "amx_bf16"} else "float32"


def without_loss_scaling(precision: str) -> str:
    """The precision of a training that does not scale its loss beside one that does.

    Gradients below 6e-8 are zero in float16. bfloat16 has the range of float32: it is taken where
    every GPU computes in it, and `float32` elsewhere.
    """
    if precision != "mixed_float16":
        return precision
    gpus = tf.config.list_physical_devices("GPU")
    able = [_capability(gpu) >= _BFLOAT16_SINCE for gpu in gpus]
    return "mixed_bfloat16" if able and all(able) else "float32"


_BFLOAT16_SINCE = (8, 0)
"""Compute capability of Nvidia's first GPUs with bfloat16, Ampere."""


def _capability(gpu: tf.config.PhysicalDevice) -> tuple[int, int]:
    """Nvidia's compute capability; (0, 0) where none is told, as for GPUs of others."""
    details = tf.config.experimental.get_device_details(gpu)
    major, minor = details.get("compute_capability", (0, 0))
    return int(major), int(minor)
