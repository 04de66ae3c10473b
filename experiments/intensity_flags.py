"""The flag of experiments that choose how strong the attack is."""

from __future__ import annotations

from collections.abc import Sequence

from absl import flags

from weights.errors import InputError

EPS = flags.DEFINE_list(
    "eps",
    None,
    "Attack intensity in images of [0, 1], 0.03 as in the paper's Table 1 unless said otherwise; "
    "several, separated by commas, where the command trains at several.",
)


def intensities(default: Sequence[float]) -> tuple[float, ...]:
    """What --eps names, each in (0, 1] and once, or the default.

    Raises:
      InputError: it is something else.
    """
    if EPS.value is None:
        return tuple(default)
    try:
        values = tuple(float(text) for text in EPS.value)
    except ValueError:
        values = ()
    if not values or not all(0.0 < value <= 1.0 for value in values):
        given = ",".join(EPS.value) or "nothing"
        raise InputError(f"--eps must lie in (0, 1], in images of [0, 1]; got {given}.")
    if len(set(values)) != len(values):
        raise InputError(f"--eps names one intensity twice: {','.join(EPS.value)}.")
    return values


def intensity(default: float = 0.03) -> float:
    """The one intensity that --eps names, or the default.

    Raises:
      InputError: it names several, or something else.
    """
    values = intensities([default])
    if len(values) > 1:
        raise InputError(f"--eps={','.join(EPS.value or [])}: this command takes one intensity.")
    return values[0]
