from __future__ import annotations

import numpy as np
import pytest

from mofa.people import another_of_each, different_pairs, few_of_each, tail
from weights.errors import InputError


def test_pairs_are_of_different_people_and_no_source_comes_twice() -> None:
    people = np.repeat(np.arange(7), 3)
    sources, targets = different_pairs(people, 20, seed=1)
    assert (people[sources] != people[targets]).all()
    assert len(set(sources)) == 20
    again = different_pairs(people, 20, seed=1)
    np.testing.assert_array_equal(sources, again[0])
    np.testing.assert_array_equal(targets, again[1])


@pytest.mark.parametrize(
    ("people", "message"),
    [([0, 1], "3 pairs need as many pictures; there are 2"), ([4, 4, 4], "two people or more")],
)
def test_refuses_what_gives_no_pairs(people: list[int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        different_pairs(np.array(people), 3, 0)


def test_a_few_pictures_of_each() -> None:
    people = np.array([5, 5, 1, 2, 2, 2, 2, 3, 3, 3])
    np.testing.assert_array_equal(few_of_each(people, 100, each=3), [3, 4, 5, 7, 8, 9, 0, 1])
    # Two people fit into six pictures; the first and the last of those who have two.
    np.testing.assert_array_equal(few_of_each(people, 6, each=3), [3, 4, 5, 0, 1])
    assert len(few_of_each(np.arange(4), 3)) == 0


def test_another_picture_of_each_is_never_the_same_where_there_are_two() -> None:
    people = np.array([5, 1, 5, 2, 1, 5, 9])
    rows = np.repeat(np.arange(7), 40)
    found = another_of_each(people)(rows, np.random.default_rng(0))
    np.testing.assert_array_equal(people[found], people[rows])
    alone = np.isin(people[rows], (2, 9))
    np.testing.assert_array_equal(found[alone], rows[alone])
    assert (found[~alone] != rows[~alone]).all()
    # Of person 5 each of the two others comes up.
    assert set(found[rows == 0]) == {2, 5}


def test_few_people_have_students_tails() -> None:
    """At 13 degrees of freedom: beyond sqrt(14 / 13) 2.1604 lie 1.2484 % of a normal number."""
    assert tail(14) == pytest.approx(0.012481, abs=1e-4)
    assert tail(10**9) == pytest.approx(0.025, abs=1e-6)
    assert tail(1) == 0.0  # of one person nothing is known of others
