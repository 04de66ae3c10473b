"""The flag of experiments that choose how strong the attack is."""

from __future__ import annotations

from collections.abc import Sequence

from experiments.flags.groups import FlagGroup
from weights.errors import InputError

FLAGS = FlagGroup()

EPS = FLAGS.numbers(
    "eps",
    None,
    "Attack intensity in images of [0, 1], 0.03 as in the paper's Table 1 unless said otherwise; "
    "several, separated by commas, where the command trains at several.",
    "(0, 1]",
)


TEST_EPS = FLAGS.numbers(
    "test_eps",
    None,
    "Attack intensities to measure at, in images of [0, 1]; 0 is no attack.",
    "[0, 1]",
)

FROM_ZERO_FLAGS = FlagGroup()
"""A further training."""

FROM_ZERO = FROM_ZERO_FLAGS.boolean(
    "from_zero",
    True,
    "Measure a further ResGN, which learns from every intensity from no attack up to those of "
    "training at --eps, of several the middle one.",
)


def intensities(default: Sequence[float]) -> tuple[float, ...]:
    """What --eps names, or the default."""
    return tuple(default if EPS.value is None else EPS.value)


def intensity(default: float = 0.03) -> float:
    """The one intensity that --eps names, or the default.

    Raises:
      InputError: it names several.
    """
    values = intensities([default])
    if len(values) > 1:
        given = ",".join(f"{value:g}" for value in values)
        raise InputError(f"--eps={given}: this command takes one intensity.")
    return values[0]


def tested_intensities(default: Sequence[float]) -> tuple[float, ...]:
    """What --test_eps names, or the default; 0 is no attack."""
    return tuple(default if TEST_EPS.value is None else TEST_EPS.value)
