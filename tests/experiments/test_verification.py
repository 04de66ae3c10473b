from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from experiments.verification import measure, notes
from resgn.faces.pairs import FOLDS, Pairs


def pairs_of(impostors: int) -> Pairs:
    """A hundred pairs of one person and so many of two, in ten folds, of 30 images."""
    same = np.arange(100 + impostors) < 100
    probe = np.arange(len(same)) % 29
    return Pairs(probe, probe + 1, same, np.arange(len(same)) % FOLDS)


@pytest.mark.parametrize(
    ("impostors", "rates"), [(1000, ["0.01", "0.001"]), (999, ["0.01"]), (99, [])]
)
def test_true_accept_rates_have_no_interval_and_need_an_impostor(
    impostors: int, rates: list[str]
) -> None:
    pairs = pairs_of(impostors)
    distances = np.random.default_rng(0).uniform(0, 2, len(pairs)) + ~pairs.same
    people = np.arange(30) // 3
    row, roc = measure("toy", distances, pairs, people)
    wanted = ["accuracy", "eer", *(f"tar_at_far_{rate}" for rate in rates), "threshold"]
    assert list(row.columns) == wanted
    assert row.columns["accuracy"].low is not None
    for rate in rates:
        found = row.columns[f"tar_at_far_{rate}"]
        assert (found.value, found.low, found.high) == (roc.tar_at_far(float(rate)), None, None)
    said = notes(SimpleNamespace(name="toys", people=people), pairs)
    assert "these are of 10 people and 29 probes." in said
    for rate, needed in (("0.01", 100), ("0.001", 1000)):
        left_out = (
            f"tar_at_far_{rate} is left out: it needs {needed} pairs of two people, and there"
        )
        assert (left_out in said) == (rate not in rates)
