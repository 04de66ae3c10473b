"""What the rooms of the face autoencoder and of the detector show of themselves."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import detector
import mofa
from detector.detection import DetectionResult, ScoreSet, Thresholds
from mofa.face_renderer import Camera, FaceRenderer
from mofa.identity import IdentityClassifier, IdentityConfig, build
from mofa.photographs import Photographs

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("room", [mofa, detector])
def test_every_name_is_there_and_is_the_one_of_its_module(room) -> None:
    for name in room.__all__:
        found = getattr(room, name)
        assert name in dir(room)
        home = getattr(found, "__module__", found.__name__)
        assert home.split(".")[0] == room.__name__
        if home != found.__name__:
            assert getattr(importlib.import_module(home), found.__name__) is found
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = room.nothing


def test_they_are_what_they_are_called() -> None:
    assert mofa.Camera is Camera
    assert mofa.encoder.load.__module__ == "mofa.encoder"
    assert mofa.read_model.__module__ == "mofa.face_model_files.reading"


def test_importing_a_room_needs_no_tensorflow() -> None:
    program = "import sys, mofa, detector; print('tensorflow' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False\n"


def test_what_holds_many_numbers_is_shown_in_a_line(shell) -> None:
    classifier = IdentityClassifier(build(IdentityConfig(people=3)), IdentityConfig(people=3), 0.25)
    faces = Photographs(
        np.zeros((4, 8, 8, 3), np.uint8), np.zeros((4, 5, 2), np.float32), np.array([0, 0, 1, 2])
    )
    renderer = FaceRenderer(shell, Camera(image_size=(8, 6)))
    face = renderer.face(np.zeros((2, 257), np.float32))
    scores = ScoreSet(np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.35, 0.5, 0.6, 0.7]))
    result = DetectionResult.of(Thresholds.of(scores), scores)
    assert {
        repr(shell),
        repr(shell.albedo),
        repr(renderer),
        repr(face),
        repr(renderer.draw(face)),
        repr(faces),
        repr(classifier),
        repr(scores),
        repr(result),
    } == {
        "<shell: 168 vertices, 286 triangles, identity <80 of 80 modes>, expression <64 of 64 "
        "modes>, albedo <80 of 80 modes>, 68 of 68 landmarks>",
        "<80 of 80 modes>",
        "<renderer of shell, 8x6>",
        "<faces [2, 168, 3]>",
        "<pictures [2, 8, 6, 3]>",
        "<4 photographs of 3 people, [8, 8]>",
        "<identity by code of 3 people, threshold 0.250>",
        "<scores of 4 normal and 4 attacked images>",
        "<accuracy 87.5%, AUC 0.938>",
    }
