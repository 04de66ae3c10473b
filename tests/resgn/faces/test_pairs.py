from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image

from resgn.faces.dataset import FaceDataset
from resgn.faces.loading import load_dataset
from resgn.faces.pairs import Pairs, _pair_of_rank, make_pairs, read_pairs, split_people
from weights.errors import InputError

# Of the toy LFW: 0 to 2 Ann_Lee, 3 and 4 Bob_Ray, 5 Cy_Oz, 6 and 7 Di_Wu.
VIEW_1 = """3
Ann_Lee\t1\t3
Bob_Ray\t2\t1
Di_Wu\t1\t2
Ann_Lee\t2\tCy_Oz\t1
Bob_Ray\t1\tDi_Wu\t2
Cy_Oz\t1\tDi_Wu\t1
"""
VIEW_2 = """2\t1
Ann_Lee\t1\t2
Ann_Lee\t1\tBob_Ray\t2
Di_Wu\t2\t1
Cy_Oz\t1\tBob_Ray\t1
"""


@pytest.fixture
def dataset(toy_lfw: Callable[..., Path]) -> FaceDataset:
    return load_dataset("lfw", toy_lfw())


def _read(dataset: FaceDataset, text: str, encoding: str = "utf-8") -> Pairs:
    path = dataset.root.parent / "list.txt"
    path.write_text(text, encoding)
    return read_pairs(path, dataset)


@pytest.mark.parametrize("change", [str, lambda text: text.replace("\t", "  ") + "\n\n"])
def test_view_1(dataset: FaceDataset, change: Callable[[str], str]) -> None:
    pairs = _read(dataset, change(VIEW_1))
    assert pairs.probe.tolist() == [0, 4, 6, 1, 3, 5]
    assert pairs.reference.tolist() == [2, 3, 7, 5, 7, 6]
    assert pairs.same.tolist() == [True] * 3 + [False] * 3
    # Three of each kind over ten folds, by order: 0 * 10 // 3, 1 * 10 // 3, 2 * 10 // 3.
    assert pairs.fold is not None
    assert pairs.fold.tolist() == [0, 3, 6, 0, 3, 6]


def test_view_1_has_ten_equal_folds(dataset: FaceDataset) -> None:
    same, different = VIEW_1.splitlines()[1:4], VIEW_1.splitlines()[4:]
    pairs = _read(dataset, "\n".join(["30", *same * 10, *different * 10]))
    assert pairs.fold is not None
    for kind in (True, False):
        fold = pairs.fold[pairs.same == kind]
        np.testing.assert_array_equal(np.bincount(fold), [3] * 10)
        assert (np.diff(fold) >= 0).all()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_view_2(dataset: FaceDataset, encoding: str) -> None:
    pairs = _read(dataset, VIEW_2.replace("\n", "\r\n"), encoding)
    assert pairs.probe.tolist() == [0, 0, 7, 5]
    assert pairs.reference.tolist() == [1, 4, 6, 3]
    assert pairs.same.tolist() == [True, False, True, False]
    assert pairs.fold is not None
    assert pairs.fold.tolist() == [0, 0, 1, 1]


def test_names_with_spaces_and_other_file_names(tmp_path: Path) -> None:
    for name in ("José Müller/IMG_7.png", "José Müller/2.png", "顔/写真-10.png"):
        path = tmp_path / "people" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (20, 20)).save(path)
    dataset = load_dataset("folder", tmp_path / "people")
    pairs = _read(dataset, "1\nJosé Müller\t2\t7\nJosé Müller\t7\t顔\t10\n")
    assert [dataset.files[i] for i in pairs.reference] == [
        "José Müller/IMG_7.png",
        "顔/写真-10.png",
    ]


def test_looks_beside_the_images(dataset: FaceDataset) -> None:
    (dataset.root.parent / "own pairs.txt").write_text(VIEW_1)
    assert len(read_pairs("own pairs.txt", dataset)) == 6
    with pytest.raises(InputError, match=r"none\.txt: there is no such list of pairs, neither"):
        read_pairs("none.txt", dataset)
    with pytest.raises(InputError, match="there is no such list of pairs"):
        read_pairs(dataset.root, dataset)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        ("Ann_Lee\t1\t2\n", "line 1: .* is no header"),
        ("1\t2\t3\n", "line 1: .* is no header"),
        ("-1\n", "line 1: .* is no header"),
        ("10\t0\n", "announces no pairs"),
        (VIEW_1.replace("3\n", "4\n", 1), r"has 6 pairs, but its first line announces 8 \(1 x 4"),
        (VIEW_2 + "Ann_Lee\t1\t2\n", r"has 5 pairs, .* announces 4 \(2 x 1 of each"),
        (VIEW_1.replace("Ann_Lee\t1\t3", "Ann_Lee\t1"), "line 2: .* is not 'name n1 n2'"),
        (VIEW_1.replace("\t1\t3", "\t1\tthree"), "line 2: .* is not 'name n1 n2'"),
        (VIEW_1.replace("\t1\t3", "\t1\t3\t4"), "line 2: .* is not 'name n1 n2'"),
        (VIEW_1.replace("\tCy_Oz\t1\nBob", "\t3\nBob"), "line 5: .* is not 'name1 n1 name2 n2'"),
        (VIEW_1.replace("\t1\t3", "\t3\t3"), "line 2: .* pairs an image with itself"),
        (VIEW_1.replace("2\tCy_Oz\t1", "2\tAnn_Lee\t1"), "line 5: .* the same person twice"),
    ],
)
def test_malformed(dataset: FaceDataset, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as raised:
        _read(dataset, text)
    assert "list.txt" in str(raised.value)


def test_not_text(dataset: FaceDataset) -> None:
    path = dataset.root.parent / "list.txt"
    path.write_bytes(b"\xff\xfe\x00\x80 1\n")
    with pytest.raises(InputError, match="cannot be read as text"):
        read_pairs(path, dataset)


def test_a_pair_that_is_there_again_is_said(
    dataset: FaceDataset, caplog: pytest.LogCaptureFixture
) -> None:
    assert len(_read(dataset, VIEW_1)) == 6
    assert not caplog.text
    again = VIEW_1.replace("Di_Wu\t1\t2", "Bob_Ray\t1\t2")
    assert len(_read(dataset, again)) == 6
    assert "1 pairs are there again and count each time; the first is on line 4" in caplog.text


def test_two_files_with_one_number(dataset: FaceDataset) -> None:
    folder = dataset.root / "Ann_Lee"
    (folder / "Ann_Lee_00001.jpg").write_bytes((folder / "Ann_Lee_0001.jpg").read_bytes()[:-1])
    dataset = load_dataset("lfw", dataset.root)
    with pytest.raises(InputError, match=r"image 1 of Ann_Lee, and both .*_00001\.jpg and .*_0001"):
        _read(dataset, VIEW_1)


def test_absent_images(dataset: FaceDataset) -> None:
    # Ann_Lee 9 and Eve_Go 1 are absent, each once; ten images are named in all.
    text = VIEW_1.replace("Ann_Lee\t1\t3", "Ann_Lee\t1\t9").replace(
        "Ann_Lee\t2\tCy", "Eve_Go\t1\tCy"
    )
    named = {image for pair in _images_of(text) for image in pair}
    with pytest.raises(
        InputError,
        match=rf"2 of {len(named)}, needed by 2 of its 6 pairs, the first image 9 of Ann_Lee\. "
        "Complete the data set, or give a list",
    ):
        _read(dataset, text)


def _images_of(text: str) -> list[list[tuple[str, str]]]:
    rows = [line.split("\t") for line in text.splitlines()[1:]]
    return [
        [(row[0], row[1]), (row[0], row[2]) if len(row) == 3 else (row[2], row[3])] for row in rows
    ]


def test_select_and_shapes() -> None:
    pairs = Pairs(np.arange(4), np.arange(4) + 4, np.array([1, 0, 1, 0], bool), np.arange(4) // 2)
    chosen = pairs.select(pairs.same)
    assert len(chosen) == 2
    assert chosen.reference.tolist() == [4, 6]
    assert chosen.fold is not None
    assert chosen.fold.tolist() == [0, 1]
    assert Pairs(pairs.probe, pairs.reference, pairs.same).select(np.array([3])).fold is None
    with pytest.raises(ValueError, match=r"one shape \[P\], got .*\(3,\)"):
        Pairs(np.arange(3), np.arange(4), np.ones(4, bool))


def test_pair_of_rank_counts_all_pairs() -> None:
    expected = sorted(combinations(range(40), 2), key=lambda pair: (pair[1], pair[0]))
    np.testing.assert_array_equal(_pair_of_rank(np.arange(40 * 39 // 2)), expected)
    # The last pair of three million images, where the root in floating point is not exact.
    n = 3_000_000
    np.testing.assert_array_equal(
        _pair_of_rank(np.array([n * (n - 1) // 2 - 1, n * (n - 1) // 2])), [[n - 2, n - 1], [0, n]]
    )


@given(
    people=st.lists(st.integers(0, 6), min_size=2, max_size=25),
    share=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    seed=st.integers(0, 1000),
)
def test_drawn_pairs(people: list[int], share: tuple[float, float], seed: int) -> None:
    """Against all pairs, listed one by one."""
    array = np.array(people)
    indices = np.flatnonzero(np.arange(len(people)) % 4 != 3)
    every = list(combinations(indices.tolist(), 2))
    of_one = [pair for pair in every if people[pair[0]] == people[pair[1]]]
    same = round(share[0] * len(of_one))
    different = round(share[1] * (len(every) - len(of_one)))
    pairs = make_pairs(array, indices, same, different, seed)
    assert (np.count_nonzero(pairs.same), np.count_nonzero(~pairs.same)) == (same, different)
    assert pairs.same[:same].all()
    np.testing.assert_array_equal(pairs.same, array[pairs.probe] == array[pairs.reference])
    drawn = {frozenset(pair) for pair in zip(pairs.probe, pairs.reference, strict=True)}
    assert len(drawn) == len(pairs)
    assert drawn <= {frozenset(pair) for pair in every}
    again = make_pairs(array, indices[::-1], same, different, seed)
    np.testing.assert_array_equal(again.probe, pairs.probe)
    np.testing.assert_array_equal(again.reference, pairs.reference)


def test_pairs_of_one_person_are_spread_evenly() -> None:
    people = np.repeat([0, 1, 2, 3], [40, 5, 2, 1])  # 780, 10, 1 and 0 pairs
    pairs = make_pairs(people, np.arange(48), 33, 0, seed=3)
    # One for the third, the ten of the second used up, the rest from the first.
    assert Counter(people[pairs.probe]) == {0: 22, 1: 10, 2: 1}
    pairs = make_pairs(people, np.arange(48), 14, 0, seed=3)
    counts = Counter(people[pairs.probe])
    assert counts[2] == 1
    assert abs(counts[0] - counts[1]) <= 1


def test_people_are_drawn_before_their_images() -> None:
    # Of 45 pairs of ten people 9 have person 0, though that person is in 200 of 209 images.
    people = np.repeat(np.arange(10), [200] + [1] * 9)
    pairs = make_pairs(people, np.arange(209), 0, 500, seed=0)
    with_first = (people[pairs.probe] == 0) | (people[pairs.reference] == 0)
    # Only 36 pairs have nobody from 0; all others must.
    assert np.count_nonzero(~with_first) == 36


def test_order_in_a_pair_and_seed_are_random() -> None:
    people = np.repeat(np.arange(30), 10)
    pairs = make_pairs(people, np.arange(300), 300, 300, seed=0)
    for kind in (True, False):
        chosen = pairs.select(pairs.same == kind)
        # Standard deviation of the mean of 300 coins: 0.029.
        assert 0.38 < np.mean(chosen.probe < chosen.reference) < 0.62
    other = make_pairs(people, np.arange(300), 300, 300, seed=1)
    assert not np.array_equal(other.probe, pairs.probe)
    # Not in the order of the people either: a slice of them is a fair sample.
    assert len(set(people[pairs.probe[:30]])) > 10


def test_fewer_pairs_than_asked_for() -> None:
    people = np.array([0, 0, 0, 1, 1, 2])  # 3 + 1 pairs of one person, 15 - 4 = 11 of two
    make_pairs(people, np.arange(6), 4, 11, seed=0)
    with pytest.raises(
        InputError, match=r"5 pairs .* one person .* 6 usable .* 3 people .* only 4"
    ):
        make_pairs(people, np.arange(6), 5, 0, seed=0)
    with pytest.raises(InputError, match=r"12 pairs of images of two people .* make only 11"):
        make_pairs(people, np.arange(6), 0, 12, seed=0)
    with pytest.raises(InputError, match="0 usable images of 0 people make only 0"):
        make_pairs(people, [], 1, 1, seed=0)
    assert len(make_pairs(people, [], 0, 0, seed=0)) == 0


def test_make_pairs_refuses() -> None:
    with pytest.raises(ValueError, match="same, different: expected 0 or more, got -1 and 2"):
        make_pairs(np.zeros(3, int), np.arange(3), -1, 2, seed=0)
    with pytest.raises(ValueError, match="indices: expected 0 to 2"):
        make_pairs(np.zeros(3, int), [0, 3], 1, 0, seed=0)


@given(people=st.lists(st.integers(0, 30), min_size=30, max_size=100), seed=st.integers(0, 100))
def test_split_keeps_people_apart(people: list[int], seed: int) -> None:
    array = np.array(people)
    count = len(set(people))
    assume(count >= 4)
    parts = split_people(array, (0.5, 0.25, 0.25), seed)
    of_parts = [set(array[part].tolist()) for part in parts]
    assert sum(map(len, of_parts)) == count  # disjoint, and together all
    assert set.union(*of_parts) == set(people)
    assert sorted(np.concatenate(parts)) == list(range(len(people)))
    for fraction, names in zip((0.5, 0.25, 0.25), of_parts, strict=True):
        assert abs(len(names) - fraction * count) <= 1
    again = split_people(array, (0.5, 0.25, 0.25), seed)
    assert all(np.array_equal(a, b) for a, b in zip(parts, again, strict=True))


def test_split_seed_and_rest() -> None:
    people = np.repeat(np.arange(20), 5)
    parts = split_people(people, (0.3, 0.2), seed=0)
    assert [len(part) for part in parts] == [30, 20]
    assert not np.array_equal(parts[0], split_people(people, (0.3, 0.2), seed=1)[0])


@pytest.mark.parametrize("fractions", [(0.75, 0.10, 0.15), (0.6, 0.1, 0.3), (0.3, 0.2), (0.9, 0.1)])
def test_more_people_are_never_too_many(fractions: tuple[float, ...]) -> None:
    """From as many people as parts on, nobody is in two parts and no part is empty."""
    for count in range(len(fractions), 60):
        people = np.repeat(np.arange(count), 2)
        of_parts = [set(people[part]) for part in split_people(people, fractions, seed=1)]
        assert min(map(len, of_parts)) >= 1
        assert sum(map(len, of_parts)) == len(set.union(*of_parts))
        for fraction, names in zip(fractions, of_parts, strict=True):
            assert abs(len(names) - fraction * count) < max(2.0, 0.25 * count)


def test_splits_that_weights_were_trained_on_stay() -> None:
    """ORL's 40 and LFW's 5,749 people, as MoFA's encoder saw them."""
    for count, expected in ((40, [30, 4, 6]), (5749, [4312, 575, 862]), (30, [22, 4, 4])):
        parts = split_people(np.arange(count), (0.75, 0.10, 0.15), seed=0)
        assert [len(part) for part in parts] == expected


def test_split_refuses() -> None:
    with pytest.raises(InputError, match="2 people are too few to be split into 3 parts"):
        split_people(np.array([5, 6, 6]), (0.8, 0.1, 0.1), seed=0)
    for fractions in ((0.7, 0.4), (0.5, 0.0), (), (-0.5, 0.5)):
        with pytest.raises(ValueError, match="fractions: expected above 0 and at most 1"):
            split_people(np.arange(10), fractions, seed=0)
