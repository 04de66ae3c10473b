"""Presets of MoFA's training: named sets of values for flags that can still be given one by one."""

from __future__ import annotations

from typing import Any

from absl import flags

# The paper's own figures (Teng 2021, Section 4.1; weights from Tewari et al. 2017).
PAPER: dict[str, Any] = {
    "network": "vgg19",
    "width": 1.0,
    "dense_units": 4096,
    "input_size": 224,
    "batch_norm": False,
    "scaling": "lineage",
    "downscaling": "antialias",
    "image_size": 224,
    "iterations": 200_000,
    "batch_size": 5,
    "rendered_batch_size": 0,
    "rendered_people": 16_000,
    "optimizer": "adadelta",
    "learning_rate": 0.1,
    "schedule": "constant",
    "clip_norm": 0.0,
    "photometric": "vertex",
    "photometric_weight": 1.92,
    "landmark_weight": 1.6e-3,
    "regulariser_weight": 2.9e-5,
    "shape_weight": 1.0,
    "expression_weight": 0.8,
    "albedo_weight": 1.7e-3,
    "light_weight": 0.0,
    "code_weight": 1.0,
    "jitter": 0.0,
    "checkpoint_every": 1000,
    "test_images": 256,
}

# About an hour on one core: AlexNet at half its width, images at 144 pixels, Adam. VGG-19 at a
# quarter of its width and 96 pixels takes more than twice as long for its part of a step.
LAPTOP: dict[str, Any] = PAPER | {
    "network": "alexnet",
    "width": 0.5,
    "dense_units": 1024,
    "input_size": 144,
    "batch_norm": True,
    "scaling": "spread",
    "image_size": 144,
    "iterations": 15_000,
    "batch_size": 16,
    "rendered_batch_size": 12,
    "optimizer": "adam",
    "learning_rate": 1e-3,
    "schedule": "cosine",
    "clip_norm": 5.0,
    # Coefficients of learned albedo are N(0, 1), as those of the shape are.
    "albedo_weight": 0.3,
    "light_weight": 0.02,
    "code_weight": 0.2,
    # Vertices that lids and lips cover see another's colour: by `vertex` the truth costs 28 % of
    # what the mirrored picture does, by `area` 9 %, by rendered pixels 1 %. But along rendered
    # pixels the gradient can point uphill, and a longer training drifts away.
    "photometric": "area",
    "regulariser_weight": 3e-4,
    "jitter": 0.03,
    "checkpoint_every": 500,
    "test_images": 96,
}

SMOKE: dict[str, Any] = LAPTOP | {
    "network": "vgg19",
    "width": 0.0625,
    "dense_units": 16,
    "input_size": 32,
    "image_size": 32,
    "iterations": 3,
    "batch_size": 2,
    "rendered_batch_size": 2,
    "rendered_people": 8,
    "checkpoint_every": 2,
    "test_images": 4,
}

PRESETS = {"paper": PAPER, "laptop": LAPTOP, "smoke": SMOKE}

# On rendered faces, whose codes are known.
RENDERED: dict[str, dict[str, Any]] = {
    "paper": {"batch_size": 0, "rendered_batch_size": 5},
    "laptop": {
        "batch_size": 0,
        "rendered_batch_size": 32,
        "iterations": 3000,
        "learning_rate": 2e-3,
        "code_weight": 1.0,
        "checkpoint_every": 100,
    },
    "smoke": {"batch_size": 0, "rendered_batch_size": 2},
}


def settle(preset: str, rendered: bool) -> dict[str, Any]:
    """The values of a preset with the flags that were given put over them.

    Args:
      preset: `paper`, `laptop` or `smoke`.
      rendered: whether there are rendered faces alone.

    Returns:
      A value for each name of `PAPER`.
    """
    values = PRESETS[preset] | (RENDERED[preset] if rendered else {})
    given = {name: flags.FLAGS[name].value for name in values}
    return values | {name: value for name, value in given.items() if value is not None}


def help_of(name: str) -> str:
    """The values of a flag in the presets, for its help text."""
    rendered = RENDERED["laptop"].get(name)
    other = f", on rendered faces alone {rendered}" if rendered is not None else ""
    return f"(laptop {LAPTOP[name]}{other}, paper {PAPER[name]})"
