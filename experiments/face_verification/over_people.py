"""Shares of pairs that are verified rightly; intervals allow for the people that pairs share."""

from __future__ import annotations

import numpy as np

from experiments.running.pairs_of_people import of_pairs
from experiments.running.results import Measurement
from resgn.legitimate_pairs import LegitimatePairs


def verified_share(
    legitimate: LegitimatePairs, column: str, seen: np.ndarray, paper: float | None = None
) -> Measurement:
    """The share of true outcomes.

    Args:
      legitimate: the pairs.
      column: of Table 1, with anything and `_` before it: `dodging` is over test pairs of one
        person, `impersonation` over those of two, `legitimate` over all.
      seen: bool `[P]`, of the first P of these pairs in their order.
      paper: the paper's value.

    Raises:
      ValueError: there are fewer pairs.
    """
    if legitimate.people is None:
        return Measurement.rate(seen, paper)
    pairs = legitimate.parts["test"]
    kind = column.rpartition("_")[-1]
    rows = np.arange(len(pairs))
    if kind != "legitimate":
        rows = np.flatnonzero(pairs.same if kind == "dodging" else ~pairs.same)
    if len(seen) > len(rows):
        raise ValueError(f"{column}: {len(seen)} outcomes of {len(rows)} pairs.")
    rows = rows[: len(seen)]
    people = legitimate.people[pairs.probe[rows]], legitimate.people[pairs.reference[rows]]
    return of_pairs(seen, people, paper)
