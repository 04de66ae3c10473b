from __future__ import annotations

import numpy as np

from experiments.face_verification.certification import Certified
from resgn.smoothing import DIFFERENT, SAME, Certificates


def test_the_radius_of_a_wrong_decision_counts_as_none() -> None:
    """As in the average certified radius of the literature."""
    decision = np.array([SAME, DIFFERENT, DIFFERENT, SAME, SAME])
    same = np.array([True, False, True, False, False])
    certificates = Certificates(decision, np.array([0.3, 0.2, 0.9, 0.8, 0.7]))
    found = Certified(0.25, same, certificates, decision, 1.0, 1.0).summary().columns
    radius = found["median_radius"]
    assert (radius.low, radius.value, radius.high) == (0.0, 0.0, 0.2)
    assert found["clean"].value == 0.4
