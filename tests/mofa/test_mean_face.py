from __future__ import annotations

import numpy as np
import pytest

from mofa import code as codes
from mofa.face_renderer import Camera, FaceRenderer
from mofa.mean_face import POSE_AND_LIGHT, Descent, fit_mean_face
from mofa.measures import Measures
from tests.mofa.toy_faces import posed_codes


@pytest.fixture(scope="module")
def renderer(shell) -> FaceRenderer:
    return FaceRenderer(shell, Camera(image_size=(48, 48)))


def test_the_mean_face_is_brought_to_where_it_is(renderer) -> None:
    code = posed_codes()
    picture = renderer.render(code)
    measures = Measures(renderer, np.ones(len(renderer.model.mean_shape), np.float32))
    points = measures.five(code)
    images = picture.over(0.5).numpy()
    # Three pictures in batches of two: the last batch is filled up.
    descent = Descent(iterations=60, batch=2, photometric="raster")
    found = fit_mean_face(renderer, images, points, descent)
    free = np.concatenate([np.arange(257)[codes.SLICES[name]] for name in POSE_AND_LIGHT])
    assert not np.delete(found, free, axis=1).any()
    before = measures.landmark(np.zeros_like(code), points)
    after = measures.landmark(found, points)
    assert (after < 0.3 * before).all()
    assert (measures.photometric(found, images) < 8.0).all()
