"""Table 1's shares, with intervals that allow for the people that pairs share."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.face_verification.over_people import verified_share
from experiments.running.pairs_of_people import of_pairs
from experiments.running.results import Measurement
from resgn.faces.alignment import AlignedFaces
from resgn.faces.pairs import Pairs
from resgn.legitimate_pairs import LegitimatePairs

PROBE, REFERENCE = np.array([0, 1, 4, 2, 5]), np.array([1, 2, 5, 4, 0])
SAME = np.array([True, True, True, False, False])
PEOPLE = np.array([7, 7, 7, 8, 9, 9])


def pairs(people: np.ndarray | None = PEOPLE) -> LegitimatePairs:
    images = np.zeros((6, 2, 2, 3), np.uint8)
    test = Pairs(PROBE, REFERENCE, SAME)
    faces = None if people is None else AlignedFaces(images, np.arange(6), people)
    return LegitimatePairs(images, np.zeros((6, 4)), {"test": test}, 1.0, 1.0, faces=faces)


@pytest.mark.parametrize(
    ("column", "rows"),
    [
        ("dodging", [0, 1, 2]),
        ("adaptive_dodging", [0, 1]),  # of fewer pairs
        ("dlib_impersonation", [3, 4]),
        ("legitimate", [0, 1, 2, 3, 4]),
    ],
)
def test_each_column_has_the_people_of_its_own_pairs(column: str, rows: list[int]) -> None:
    seen = np.arange(len(rows)) % 2 == 0
    people = PEOPLE[PROBE[rows]], PEOPLE[REFERENCE[rows]]
    assert verified_share(pairs(), column, seen, 0.9) == of_pairs(seen, people, 0.9)


def test_without_people_it_is_over_pairs_and_too_many_outcomes_are_refused() -> None:
    seen = np.array([True, False])
    assert verified_share(pairs(None), "dodging", seen) == Measurement.rate(seen)
    with pytest.raises(ValueError, match="dodging: 4 outcomes of 3 pairs"):
        verified_share(pairs(), "dodging", np.ones(4, bool))
