"""The threshold of a smoothed verifier, from noisy training pairs."""

from __future__ import annotations

import numpy as np

from weights.errors import InputError

MOST = 2.5
"""The largest radius of about 1,000 draws, in units of the noise's standard deviation."""

IMPOSTORS = 1.5
"""What a pair of two people weighs beside one of one person: a stranger let in costs more than a
second look. Of 1, 1.5 and 2 it came nearest, on validation pairs of LFW, to what was asked of both.
"""

_STILL = 1e-6
"""A spread that counts as none: float32 distances are no finer."""


def noisy_threshold(
    distances: np.ndarray, same: np.ndarray, most: float = MOST, impostors: float = IMPOSTORS
) -> float:
    """The threshold that certifies training pairs up to the largest mean radius.

    A pair of one person is certified at radius r where the share of its draws below the threshold
    is above Phi(r / sigma). With normally distributed distances r / sigma is the distance of their
    mean from the threshold in units of their spread. A pair on the wrong side counts 0, none counts
    more than `most`; how many pairs of a kind there are counts nothing.

    Args:
      distances: squared distances `[P, K]` of K noisy copies of each probe to its reference.
      same: bool `[P]`.
      most: the largest radius that a pair can be given, in units of the noise's standard deviation.
      impostors: weight of the pairs of two people beside those of one.

    Returns:
      The threshold; "same" is `distance < threshold`.

    Raises:
      InputError: there are not both kinds of pairs.
    """
    same = np.asarray(same, bool)
    if same.all() or not same.any():
        raise InputError("A threshold needs pairs of one person and of two: give both.")
    mean = distances.mean(axis=1, dtype=np.float64)
    several = distances.shape[1] > 1
    spread = distances.std(axis=1, ddof=1, dtype=np.float64) if several else np.zeros(len(same))
    spread = np.maximum(spread, _STILL)
    # The mean radius is piecewise linear in the threshold; its largest value is at a corner.
    corners = np.unique(np.r_[mean, mean + np.where(same, most, -most) * spread])
    radii = np.clip((corners - mean[:, np.newaxis]) * np.where(same, 1, -1)[:, np.newaxis], 0, None)
    radii = np.minimum(radii / spread[:, np.newaxis], most)
    value = radii[same].mean(axis=0) + impostors * radii[~same].mean(axis=0)
    # Where a whole range is as good its middle is farthest from being worse.
    first = last = int(np.argmax(value))
    while last + 1 < len(value) and value[last + 1] >= value[first] - 1e-12:
        last += 1
    return float(np.clip((corners[first] + corners[last]) / 2, 0.0, 4.0))
