from __future__ import annotations

import numpy as np
import pytest

from mofa import code as codes
from mofa.face_renderer import Camera, FaceRenderer
from mofa.fitting import POSE_AND_LIGHT, Descent, fit_mean_face, refine
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


def test_refining_brings_codes_nearer_to_the_picture(outlined) -> None:
    code = posed_codes()
    images = outlined.render(code).over(0.5).numpy()
    measures = Measures(outlined, np.ones(len(outlined.model.mean_shape), np.float32))
    points = measures.five(code)
    start = code.copy()
    start[:, codes.SLICES["albedo"]] += np.random.default_rng(0).normal(0, 0.5, (3, 80))
    start[:, codes.SLICES["light"].start] += 0.2
    start[:, codes.SLICES["translation"].start] += 2.0
    found = refine(outlined, images, points, start, Descent(80, 0.05, batch=2, photometric="area"))
    before, after = (measures.photometric(each, images) for each in (start, found))
    assert (after < 0.5 * before).all()
    assert (measures.landmark(found, points) < measures.landmark(start, points)).all()
    # Without a step worth the name it stays where it was told to begin.
    np.testing.assert_allclose(
        refine(outlined, images, points, start, Descent(1, 1e-6)), start, atol=1e-4
    )
