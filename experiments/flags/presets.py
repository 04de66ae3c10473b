"""Presets: named sets of values for flags, each of which can still be given by itself."""

from __future__ import annotations

import dataclasses
from typing import Any

from absl import flags

from weights.errors import InputError

# The papers' own figures (Su et al. 2019, Sections 4.1 and 4.2).
PAPER: dict[str, Any] = {
    "dataset": "lfw",
    "target": "facenet",
    "texture": "vgg_face",
    "calibrate": False,
    "train_spread": 1.0,
    "train_same": 2000,
    "train_different": 2000,
    "validation_same": 200,
    "validation_different": 200,
    "test_same": 1286,
    "test_different": 1294,
    "blocks": 24,
    "maps": 64,
    "in_kernel": 9,
    "out_kernel": 9,
    "scale": 1,
    "image_skip": False,
    "epochs": 1000,
    "ablation_epochs": 1000,
    "batch_size": 16,
    "learning_rate": 1e-4,
    "schedule": "staircase",
    "decay": 0.9,
    "warmup_steps": 0,
    "average": 0.0,
    "clip_norm": 0.0,
    "evaluate_every": 10,
    "pixel_weight": 1.0,
    "texture_weight": 1e-8,
    "verification_weight": 1e-3,
    "jpeg_quality": 75,
    "bits": 4,
    "gaussian_side": 5,
    "gaussian_sigma": 1.0,
    "median_side": 3,
    "noise_sigma": 0.03,
    "apegan_maps": 64,
    "apegan_epochs": 2,
    "apegan_batch_size": 64,
    "apegan_learning_rate": 2e-4,
    "magnet_maps": 32,
    "magnet_epochs": 100,
    "magnet_batch_size": 256,
    "magnet_learning_rate": 1e-3,
    "magnet_noise": 0.1,
    "adaptive": True,
    "adaptive_pairs": 1000,
    "adaptive_steps": 40,
    "eot_samples": 30,
    "restarts": 5,
    "queries": 5000,
    "adversarial_steps": 7,
    "adversarial_share": 0.5,
}

# Minutes on two cores: a small network at half the resolution that starts from the identity, and
# weights under which all three terms count. Steps teach more than large batches do: on held-out
# people, batches of 2 with a verification weight of 0.03 leave the embedding a third nearer to the
# legitimate one than batches of 4 with 0.1.
LAPTOP: dict[str, Any] = PAPER | {
    "dataset": "orl",
    "target": "dlib",
    "texture": "small",
    "calibrate": True,
    "train_spread": 1.33,
    "train_same": 500,
    "train_different": 500,
    "validation_same": 80,
    "validation_different": 80,
    "test_same": 250,
    "test_different": 250,
    "blocks": 3,
    "maps": 32,
    "in_kernel": 3,
    "out_kernel": 3,
    "scale": 2,
    "image_skip": True,
    "epochs": 6,
    "ablation_epochs": 1,
    "batch_size": 2,
    "learning_rate": 2e-3,
    "schedule": "cosine",
    "warmup_steps": 10,
    "average": 0.98,
    "evaluate_every": 1,
    "texture_weight": 1e-3,
    "verification_weight": 0.03,
    "apegan_maps": 32,
    "apegan_epochs": 3,
    "apegan_batch_size": 8,
    "apegan_learning_rate": 1e-3,
    "magnet_epochs": 6,
    "magnet_batch_size": 8,
    "adaptive_pairs": 25,
    "adaptive_steps": 10,
    "eot_samples": 4,
    "restarts": 2,
    "queries": 200,
    "adversarial_steps": 1,
}

# LFW's photographs are finer than ORL's: the full resolution, and about an hour on two cores.
LAPTOP_BY_DATASET: dict[str, dict[str, Any]] = {
    "lfw": {
        "train_same": 1000,
        "train_different": 1000,
        "validation_same": 150,
        "validation_different": 150,
        "test_same": 500,
        "test_different": 500,
        "adaptive_pairs": 50,
        "adaptive_steps": 20,
        "blocks": 6,
        "in_kernel": 9,
        "out_kernel": 9,
        "scale": 1,
        "train_spread": 1.2,
        "epochs": 8,
        "learning_rate": 1e-3,
        "average": 0.995,
    },
}

# Seconds; for tests.
SMOKE: dict[str, Any] = LAPTOP | {
    "train_same": 8,
    "train_different": 8,
    "validation_same": 4,
    "validation_different": 4,
    "test_same": 6,
    "test_different": 6,
    "blocks": 1,
    "maps": 8,
    "epochs": 2,
    "apegan_maps": 4,
    "apegan_epochs": 1,
    "magnet_maps": 4,
    "magnet_epochs": 1,
    "adaptive": False,
    "adaptive_pairs": 3,
    "adaptive_steps": 2,
    "eot_samples": 2,
    "restarts": 1,
    "queries": 4,
}

PRESETS = {"laptop": LAPTOP, "paper": PAPER, "smoke": SMOKE}

COUNTED = (
    "adaptive_pairs",
    "adaptive_steps",
    "adversarial_steps",
    "eot_samples",
    "queries",
    "restarts",
)
"""Values that are at least 1."""

PRESET = flags.DEFINE_enum(
    "preset",
    "laptop",
    sorted(PRESETS),
    "Values of all flags that are not given: laptop (minutes on two cores), paper (the paper's "
    "own figures, for GPUs), smoke (seconds, to see that everything runs).",
)


@dataclasses.dataclass(frozen=True)
class Preset:
    """The chosen preset with the flags that were given put over it."""

    values: dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        try:
            return self.values[name]
        except KeyError:
            raise AttributeError(name) from None

    @classmethod
    def from_flags(cls, **instead: Any) -> Preset:
        """Settle every value.

        Args:
          **instead: values of a command that has another default than the presets.

        Raises:
          InputError: a number is out of range.
        """
        name = PRESET.value
        values = dict(PRESETS[name])
        given = {key: flags.FLAGS[key].value for key in values}
        dataset = given["dataset"] or values["dataset"]
        if name == "laptop":
            values |= LAPTOP_BY_DATASET.get(dataset, {})
        values |= instead | {key: value for key, value in given.items() if value is not None}
        for key, value in values.items():
            if key == "train_spread" and not 1.0 <= value < float("inf"):
                raise InputError(f"--{key} must be 1 or more, got {value}.")
            if key.startswith(("train_", "validation_", "test_")) and value < 1:
                raise InputError(f"--{key} must be at least 1, got {value}.")
            if key.endswith("_weight") and not 0.0 <= value < float("inf"):
                raise InputError(f"--{key} must be 0 or more, got {value}.")
            if key in COUNTED and value < 1:
                raise InputError(f"--{key} must be at least 1, got {value}.")
            if key == "adversarial_share" and not 0.0 < value <= 1.0:
                raise InputError(f"--{key} must lie in (0, 1], got {value}.")
        return cls(values)


def help_of(name: str) -> str:
    """The values of a flag in the presets, for its help text."""
    others = "".join(
        f", on {dataset} {values[name]}"
        for dataset, values in LAPTOP_BY_DATASET.items()
        if name in values
    )
    return f"(laptop {LAPTOP[name]}{others}, paper {PAPER[name]})"
