"""Flags of the perturbation attack on MoFA (Teng 2021, Algorithm 1)."""

from __future__ import annotations

from collections.abc import Sequence

from attacks import PerturbationAttack, with_levels
from experiments.flags.groups import FlagGroup
from weights.errors import InputError

FLAGS = FlagGroup()

CAP = FLAGS.number(
    "cap", 0.02, "Largest change of a pixel at epsilon 0.05, in images of [0, 1].", "(0, 1]"
)
STEPS = FLAGS.integer("steps", 50, "Steps of Adam.", 1)
READING = FLAGS.choice(
    "reading",
    "B",
    ["A", "B"],
    "What the paper's cap of 0.02 is on: B the change of a pixel, A the distortion d, to the "
    "letter (see docs/attacks.md).",
)

POSE_TERM = FLAGS.choice(
    "pose_term",
    "rotation",
    ["rotation", "both"],
    "What the pose term of Eq. 1 compares: rotation, as it is printed, or both rotation and "
    "translation, which then makes up about half of the distance (see docs/attacks.md).",
)


def perturbation_attack(cap: float | None = None) -> PerturbationAttack:
    """The attack that the flags describe, with another cap if one is given.

    Raises:
      InputError: the cap is not positive.
    """
    cap = CAP.value if cap is None else cap
    if not 0.0 < cap <= 1.0:
        raise InputError(f"--cap must lie in (0, 1], got {cap}.")
    if READING.value == "A":
        return PerturbationAttack.literal(cap, STEPS.value)
    return PerturbationAttack(STEPS.value, max_perturbation=cap)


def in_words(epsilons: Sequence[float]) -> str:
    """Epsilons of the attack that the flags describe, and the levels by which pixels may change."""
    return with_levels(epsilons, float(perturbation_attack().radii(1.0)))
