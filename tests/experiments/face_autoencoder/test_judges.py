"""What a judge is worth, on embeddings that one can count by hand."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.face_autoencoder.judges import (
    Judge,
    JudgeSettings,
    KnownFaces,
    each_once,
    in_words,
    judge_row,
)
from experiments.running.results import Measurement, Row, wilson_interval
from mofa.code_similarity import intervals_over_people
from weights.errors import InputError


def at(*degrees: float) -> np.ndarray:
    """Unit embeddings [N, 2] at these angles."""
    angle = np.radians(degrees)
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def known(people: list[int], *degrees: float) -> KnownFaces:
    return KnownFaces(at(*degrees), np.array(people))


THRESHOLD = float(np.cos(np.radians(30)))


def test_a_judge_by_hand() -> None:
    # Two pictures each: one person 10 degrees apart, the other 40, of which the first two are 20
    # and 30 degrees (less a hair) away from the third.
    faces = known([0, 0, 1, 1], 0, 10, 29, 69)
    row = judge_row("code", THRESHOLD, faces, known([0], 0), known([2], 69))
    assert row.name == "judge,code"
    # Similarities of one person: cos 10, cos 40. Of two: cos 29, 69, 19, 59. 4 + 2 of 8 couples.
    assert row.columns["auc"].value == pytest.approx(6 / 8)
    assert row.columns["true_accepts"].value == 0.5
    assert row.columns["false_accepts"].value == 0.5
    # Third persons are the pictures of person 1: only that at 69 degrees is the target, not source.
    third = row.columns["third_person"]
    assert third.value == 0.5
    assert 0.0 <= third.low < third.value < third.high <= 1.0
    assert row.columns["auc"].count == 4


def test_source_and_target_are_no_third_persons() -> None:
    faces = known([0, 1, 2], 0, 90, 90)
    row = judge_row("code", THRESHOLD, faces, known([0], 0), known([1], 90))
    # Nobody has two pictures, so that nothing is known of pairs of one person.
    assert set(row.columns) == {"third_person"}
    assert row.columns["third_person"].value == 1.0
    assert not judge_row(
        "code", THRESHOLD, known([0, 1], 0, 90), known([0], 0), known([1], 90)
    ).columns


def test_intervals_are_over_people(rng) -> None:
    people = np.repeat(np.arange(12), 3)
    found = at(*(30.0 * people + 20.0 * rng.normal(size=36)))
    similarities = (found @ found.T)[np.triu_indices(36, 1)]
    same = (people[:, None] == people)[np.triu_indices(36, 1)]
    ends = intervals_over_people(similarities, people, THRESHOLD, 100, 0)
    for name, pairs in (("true_accepts", same), ("false_accepts", ~same)):
        low, high = ends[name]
        assert low < (similarities[pairs] > THRESHOLD).mean() < high
    # Above every similarity nothing is accepted, below all everything, whoever is drawn.
    assert intervals_over_people(similarities, people, 1.1, 20, 0)["true_accepts"] == (0.0, 0.0)
    assert intervals_over_people(similarities, people, -1.1, 20, 0)["false_accepts"] == (1.0, 1.0)


def test_where_all_agree_intervals_are_wilsons_of_as_many_people() -> None:
    """Three people far apart, of whom two have two pictures each, all alike."""
    faces = known([0, 0, 1, 1, 2], 0, 0, 90, 90, 180)
    ends = known([0, 1], 0, 90), known([1, 2], 90, 180)
    columns = judge_row("code", THRESHOLD, faces, *ends).columns
    for name, hits, count in (
        ("auc", 2, 2),
        ("true_accepts", 2, 2),
        ("false_accepts", 0, 3),
        ("third_person", 0, 2),
    ):
        cell = columns[name]
        assert cell.value == hits / count
        assert (cell.low, cell.high) == pytest.approx(wilson_interval(hits, count))


def test_success_is_the_target_and_not_the_source() -> None:
    looked = []

    def embeddings(images: np.ndarray) -> np.ndarray:
        looked.append(len(images))
        return at(*images[:, 0, 0, 0])

    def pictures(*degrees: float) -> np.ndarray:
        return np.array(degrees)[:, None, None, None] * np.ones((1, 2, 2, 3))

    judge = Judge("toy", embeddings, THRESHOLD)
    sources, targets = pictures(0, 0, 0), pictures(90, 90, 25)
    images = pictures(80, 45, 20)  # the target; neither; both
    assert list(judge.success(images, sources, targets)) == [True, False, False]
    assert list(judge.success(sources, sources, targets)) == [False, False, False]
    # Sources and targets are looked at once.
    assert looked == [3, 3, 3, 3]


def test_a_judge_is_calibrated_on_other_people() -> None:
    images = np.array([0.0, 10.0, 60.0, 70.0])[:, None, None, None] * np.ones((1, 2, 2, 3))
    judge = Judge.calibrated("toy", lambda x: at(*x[:, 0, 0, 0]), images, np.array([0, 0, 1, 1]))
    assert np.cos(np.radians(50)) < judge.threshold < np.cos(np.radians(10))


def test_in_words() -> None:
    row = Row(
        "judge,code",
        {"auc": Measurement(0.7, 0.65, 0.75, 9), "third_person": Measurement(0.23, 0, 1, 9)},
    )
    assert in_words([row]) == (
        "The judge code: AUC 0.700, a third person's picture would succeed in 23%."
    )
    assert in_words([Row("judge,image", {})]) == ""


def test_an_unknown_judge_is_refused() -> None:
    with pytest.raises(InputError, match="`second_judge` must be one of facenet, dlib"):
        JudgeSettings("arcface")


def test_a_picture_of_several_pairs_counts_once(rng: np.random.Generator) -> None:
    pictures = rng.random((4, 3, 2, 3)).astype(np.float32)
    assert each_once(pictures[[2, 0, 2, 1, 0, 3]]).tolist() == [0, 1, 3, 5]
