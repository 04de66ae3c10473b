"""What stands below tables of what differs from the paper and of what figures do not say."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from experiments.face_verification.sentences import about_judges, about_network, about_pairs
from experiments.face_verification.settings import VerificationSettings
from resgn.faces.pairs import Pairs


def experiment_of(settings: VerificationSettings) -> SimpleNamespace:
    """Three test pairs of two probes and, among four images, of three people."""
    test = Pairs(np.array([0, 0, 2]), np.array([1, 2, 1]), np.array([True, False, False]))
    people = np.array([5, 5, 7, 9])
    legitimate = SimpleNamespace(parts={"test": test}, people=people, threshold=0.5)
    return SimpleNamespace(settings=settings, legitimate=legitimate)


def test_intervals_say_of_how_many_people_they_are() -> None:
    said = " ".join(about_pairs(experiment_of(VerificationSettings()), [0.03]))
    assert "Intervals allow for the people that pairs share;" in said
    assert "those of facenet are of 2 people and 2 probes." in said


@pytest.mark.parametrize("file", ["start_from", "denoiser"])
def test_of_a_file_nobody_claims_that_people_are_kept_apart(file: str) -> None:
    settings = VerificationSettings()
    assert "people kept apart" in " ".join(about_pairs(experiment_of(settings), [0.03]))
    given = experiment_of(settings.but(**{file: "a.h5"}))
    assert "kept apart" not in " ".join(about_pairs(given, [0.03]))
    begun = "It began with weights trained elsewhere, whose people may be among those tested"
    assert (begun in " ".join(about_network(given))) == (file == "start_from")


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (
            {"texture_weight": 1e-3},
            "Loss weights pixel 1, texture 0.001, verification 0.001 "
            "(in the paper pixel 1, texture 1e-08, verification 0.001).",
        ),
        ({"texture": "small"}, "The texture critic is the project's small network, not VGG-Face."),
        (
            {"calibrate": True},
            "The target's threshold is set on training pairs (the paper's is 1.1",
        ),
    ],
)
def test_what_differs_from_the_paper_is_said(value: dict[str, object], sentence: str) -> None:
    paper = VerificationSettings()
    assert sentence not in " ".join(about_network(experiment_of(paper)))
    assert sentence in " ".join(about_network(experiment_of(paper.but(**value))))


def test_judges_see_other_draws_of_what_is_random() -> None:
    judges = {"dlib": SimpleNamespace(threshold=0.15)}
    assert len(about_judges(judges, [])) == 1
    said = about_judges(judges, ["gaussian_noise"])[1]
    assert said.startswith("Not so behind what is random (gaussian_noise): each network sees draws")
    assert about_judges({}, ["gaussian_noise"]) == []
