"""The threshold of a smoothed verifier, from noisy training pairs."""

from __future__ import annotations

import numpy as np

from resgn.calibration import calibrate_threshold


def noisy_threshold(distances: np.ndarray, same: np.ndarray, sigmas: float = 1.0) -> float:
    """The threshold that would certify most training pairs at a radius.

    A pair of one person is certified at radius r where the share of its draws below the threshold
    is above Phi(r / sigma). With normally distributed distances that means: mean plus r / sigma
    standard deviations lie below the threshold; of two people, mean minus as much lie above.

    Args:
      distances: squared distances `[P, K]` of K noisy copies of each probe to its reference.
      same: bool `[P]`.
      sigmas: the radius in units of the noise's standard deviation; 0 for the majority alone.

    Returns:
      The threshold; "same" is `distance < threshold`.

    Raises:
      InputError: there are not both kinds of pairs.
    """
    spread = distances.std(axis=1, ddof=1) if distances.shape[1] > 1 else 0.0
    outward = np.where(same, sigmas, -sigmas) * spread
    return calibrate_threshold(np.clip(distances.mean(axis=1) + outward, 0.0, 4.0), same)
