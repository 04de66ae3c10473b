"""The flag of experiments that choose how strong the attack is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from experiments.flags.groups import FlagGroup
from experiments.flags.number_lists import numbers_in
from weights.errors import InputError

FLAGS = FlagGroup()

EPS = FLAGS.names(
    "eps",
    None,
    "Attack intensity in images of [0, 1], 0.03 as in the paper's Table 1 unless said otherwise; "
    "several, separated by commas, where the command trains at several.",
)


TEST_EPS = FLAGS.names("test_eps", None, "Attack intensities to measure at, in images of [0, 1].")


def intensities(default: Sequence[float]) -> tuple[float, ...]:
    """What --eps names, each in (0, 1] and once, or the default.

    Raises:
      InputError: it is something else.
    """
    return _numbers("eps", EPS.value, default, "(0, 1]", lambda value: 0.0 < value <= 1.0)


def intensity(default: float = 0.03) -> float:
    """The one intensity that --eps names, or the default.

    Raises:
      InputError: it names several, or something else.
    """
    values = intensities([default])
    if len(values) > 1:
        raise InputError(f"--eps={','.join(EPS.value or [])}: this command takes one intensity.")
    return values[0]


def tested_intensities(default: Sequence[float]) -> tuple[float, ...]:
    """What --test_eps names, each in [0, 1] and once, or the default; 0 is no attack.

    Raises:
      InputError: it is something else.
    """
    return _numbers("test_eps", TEST_EPS.value, default, "[0, 1]", lambda value: 0 <= value <= 1)


def _numbers(
    name: str,
    given: Sequence[str] | None,
    default: Sequence[float],
    interval: str,
    fits: Callable[[float], bool],
) -> tuple[float, ...]:
    if given is None:
        return tuple(default)
    text = ",".join(given)
    values = numbers_in(given, fits)
    if values is None:
        raise InputError(
            f"--{name} must lie in {interval}, in images of [0, 1]; got {text or 'nothing'}."
        )
    if len(set(values)) != len(values):
        raise InputError(f"--{name} names one intensity twice: {text}.")
    return values
