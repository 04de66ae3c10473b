from __future__ import annotations

import numpy as np
import pytest

from mofa import code as codes
from mofa.face_renderer import Camera, FaceRenderer
from mofa.measures import Measures, code_errors
from mofa.views import NAMES, Views
from tests.mofa.toy_faces import posed_codes


@pytest.fixture(scope="module")
def renderer(shell) -> FaceRenderer:
    return FaceRenderer(shell, Camera(image_size=(48, 48)))


def test_errors_by_hand(renderer) -> None:
    measures = Measures(renderer, np.ones(len(renderer.model.mean_shape), np.float32))
    code = posed_codes()
    image = np.clip(renderer.render(code).image.numpy(), 0.0, 0.8)
    off = measures.photometric(code, image + 0.1) - measures.photometric(code, image)
    assert (measures.photometric(code, renderer.render(code).over(0.0).numpy()) < 1e-3).all()
    assert (off > 5.0).all()
    points = measures.five(code)
    assert measures.landmark(code, points) == pytest.approx(0.0, abs=1e-6)
    apart = np.linalg.norm(points[:, 0] - points[:, 1], axis=-1)
    shifted = points + np.float32([3.0, 4.0])
    np.testing.assert_allclose(measures.landmark(code, shifted), 5.0 / apart, rtol=1e-4)


def test_vertices_leave_pose_out(renderer) -> None:
    measures = Measures(renderer, np.ones(len(renderer.model.mean_shape), np.float32))
    code = posed_codes()
    assert measures.vertices(code, 0 * code) == pytest.approx(0.0, abs=1e-4)
    wrong = code.copy()
    wrong[:, 0] += 2.0
    mode = renderer.model.identity.scaled()[:, 0].reshape(-1, 3)
    expected = 2.0 * np.linalg.norm(mode, axis=-1).mean()
    np.testing.assert_allclose(measures.vertices(wrong, code), expected, rtol=1e-3)


def test_code_errors_are_in_units_of_spread() -> None:
    truth = np.zeros((4, codes.SIZE))
    code = truth.copy()
    code[:, codes.SLICES["light"]] = 0.3
    errors = code_errors(code, truth, np.full(codes.SIZE, 0.1))
    assert errors["light"] == pytest.approx(3.0)
    assert errors["shape"] == 0.0


def test_views_have_the_photographs_size_and_range(renderer) -> None:
    region = np.ones(len(renderer.model.mean_shape), np.float32)
    photographs = np.random.default_rng(0).random((3, 48, 48, 3), np.float32)
    code = posed_codes()
    drawn = Views(renderer, region)(code, photographs, batch=2)
    assert set(drawn) == set(NAMES)
    mask = renderer.render(code).mask.numpy()
    for image in drawn.values():
        assert image.shape == photographs.shape
        assert image.min() >= 0.0
        assert image.max() <= 1.0
    # Outside the face the overlay is the photograph.
    np.testing.assert_allclose((drawn["overlay"] * (1 - mask)), photographs * (1 - mask), atol=1e-6)
    # The frontal view knows neither pose nor light; these three are one person.
    np.testing.assert_allclose(drawn["frontal"][0], drawn["frontal"][2], atol=1e-5)
