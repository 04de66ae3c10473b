"""Pairs to certify, chosen by who is in them."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.face_verification.certified_pairs import of_few_probes
from resgn.faces.pairs import Pairs, make_pairs


@pytest.fixture(scope="module")
def pairs() -> Pairs:
    """Drawn as for the tables: 40 people with 3 photographs each."""
    return make_pairs(np.repeat(np.arange(40), 3), np.arange(120), 80, 80, seed=1)


def chosen_of(pairs: Pairs, count: int) -> Pairs:
    return pairs.select(of_few_probes(pairs, count))


def as_set(pairs: Pairs) -> set[tuple[int, int, bool]]:
    return set(
        zip(pairs.probe.tolist(), pairs.reference.tolist(), pairs.same.tolist(), strict=True)
    )


def test_one_probe_serves_both_kinds_where_it_can() -> None:
    probe = np.array([7, 5, 9, 2, 5, 9, 4, 9])
    same = np.array([True, True, True, True, False, False, False, False])
    chosen = chosen_of(Pairs(probe, np.arange(10, 18), same), 2)
    # 9 has three pairs of both kinds, 5 two; the third pair of 9 comes before that of 5.
    assert as_set(chosen) == {(9, 12, True), (5, 11, True), (9, 15, False), (9, 17, False)}
    assert chosen.same.tolist() == [True, True, False, False]
    more = chosen_of(Pairs(probe, np.arange(10, 18), same), 3)
    # Of those with one pair alone the first that is there comes first: 7 before 2, and before 4.
    assert as_set(more) - as_set(chosen) == {(7, 10, True), (5, 14, False)}


@pytest.mark.parametrize("count", [5, 20, 50])
def test_far_fewer_probes_than_of_the_first_pairs(pairs: Pairs, count: int) -> None:
    chosen = chosen_of(pairs, count)
    assert [np.count_nonzero(chosen.same == kind) for kind in (True, False)] == [count, count]
    assert as_set(chosen) <= as_set(pairs)
    assert len(as_set(chosen)) == 2 * count
    first = np.concatenate([np.flatnonzero(pairs.same == kind)[:count] for kind in (True, False)])
    assert len(np.unique(chosen.probe)) <= 0.65 * len(np.unique(pairs.probe[first]))


def test_fewer_pairs_are_a_part_of_more(pairs: Pairs) -> None:
    few, more = (as_set(chosen_of(pairs, count)) for count in (13, 31))
    assert few < more


def test_takes_all_where_there_are_no_more(pairs: Pairs) -> None:
    assert as_set(chosen_of(pairs, 1000)) == as_set(pairs)
    none = pairs.select(np.zeros(len(pairs), bool))
    assert len(chosen_of(none, 3)) == 0
