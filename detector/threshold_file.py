"""Thresholds of detection as a file, with what they are thresholds of."""

from __future__ import annotations

import json
import logging
import math
import os
from collections.abc import Mapping
from pathlib import Path

from detector.magnet import MagNetDetector
from detector.scores import SCORES
from weights import made_for
from weights.atomic import atomic_path
from weights.errors import InputError, brief

_log = logging.getLogger(__name__)


def write_thresholds(
    path: str | os.PathLike[str],
    thresholds: Mapping[str, float],
    rate: float,
    temperature: float,
    goes_with: Mapping[str, made_for.Content],
    false_alarms: float | None = None,
) -> None:
    """Write thresholds as JSON; the file is whole or absent.

    Args:
      path: where to.
      thresholds: by score, see `detector.scores.SCORES`.
      rate: share of normal images that each may flag.
      temperature: of the softmax behind the score `js`.
      goes_with: the files that decide the scores, by role, see `weights.made_for`.
      false_alarms: measured share of normal images of further people that any of them flags.

    Raises:
      InputError: `read_thresholds` would refuse these thresholds.
      ValueError: the rate or the temperature is not finite, and JSON has no such number.
    """
    _check_limits(path, thresholds)
    said = {"rate": rate, "thresholds": dict(thresholds), "temperature": temperature}
    if false_alarms is not None:
        said["false_alarms"] = false_alarms
    text = json.dumps(said | made_for.entry(goes_with), indent=2, allow_nan=False)
    with atomic_path(path) as temporary:
        temporary.write_text(text + "\n", "utf-8")


def read_thresholds(
    path: str | os.PathLike[str],
    temperature: float | None = None,
    used: Mapping[str, Path | made_for.Content] | None = None,
    allow_mismatch: bool = False,
) -> MagNetDetector:
    """Read what `write_thresholds` has written.

    Args:
      path: the file.
      temperature: with which the scores are taken; compared with that of the file.
      used: the files with which they are taken, compared likewise.
      allow_mismatch: take thresholds of other scores with a warning.

    Returns:
      A detector with a veto for each score.

    Raises:
      InputError: the file is missing, holds something else, or is of other scores.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise InputError(
            f"{path}: there is no such file; `python -m experiments.detection` leaves "
            "thresholds.json in the folder of its run."
        )
    try:
        said = json.loads(path.read_text("utf-8"))
        limits = {str(name): float(limit) for name, limit in said["thresholds"].items()}
        of, alarms = (
            None if said.get(name) is None else float(said[name])
            for name in ("temperature", "false_alarms")
        )
    except (ValueError, KeyError, AttributeError, TypeError, OverflowError) as error:
        raise InputError(f"{path} holds no thresholds of detection ({brief(error)}).") from error
    _check_limits(path, limits)
    made_for.check(path, used or {}, allow_mismatch)
    if "js" in limits and None not in (of, temperature) and of != temperature:
        problem = f"{path.name} has thresholds of temperature {of:g}, not of {temperature:g}"
        if not allow_mismatch:
            raise InputError(
                f"{problem}. Give `temperature={of:g}`, or `allow_mismatch` to go on all the same."
            )
        _log.warning("%s.", problem)
    return MagNetDetector(limits, alarms)


def _check_limits(path: str | os.PathLike[str], limits: Mapping[str, float]) -> None:
    if not limits or not set(limits) <= set(SCORES):
        raise InputError(f"{path} must name thresholds of {', '.join(SCORES)}.")
    for name, limit in limits.items():
        if not math.isfinite(limit):
            raise InputError(f"{path}: the threshold of {name} is not finite ({limit}).")
