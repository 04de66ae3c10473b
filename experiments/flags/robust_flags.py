"""Flags of the row `robust_target`."""

from __future__ import annotations

from typing import Any

from experiments.face_verification.settings import ROBUST, VerificationSettings
from experiments.flags.groups import FlagGroup
from experiments.flags.settings_flags import SettingsFlags

FLAGS = FlagGroup()

_VALUES = SettingsFlags(
    FLAGS,
    {
        "robust_epochs": f"Passes over the training images by which the row {ROBUST} is tuned.",
        "robust_batch_size": f"Images of each step of the row {ROBUST}, learned from attacked and "
        "untouched.",
        "robust_learning_rate": f"Adam's learning rate for the row {ROBUST}, at its highest.",
        "robust_strength": f"Intensity of the attacks that the row {ROBUST} learns from, as a "
        "multiple of that of the table; their steps are --adversarial_steps.",
    },
    {"laptop": VerificationSettings.laptop("orl"), "paper": VerificationSettings()},
)


def given() -> dict[str, Any]:
    """The values that were given, by their names in `VerificationSettings`."""
    return _VALUES.given()
