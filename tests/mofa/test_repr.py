"""How the rooms' larger objects show themselves."""

from __future__ import annotations

import numpy as np

from detector.detection import DetectionResult, ScoreSet, Thresholds
from mofa.face_renderer import Camera, FaceRenderer
from mofa.identity import IdentityClassifier, IdentityConfig, build
from mofa.photographs import Photographs


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
