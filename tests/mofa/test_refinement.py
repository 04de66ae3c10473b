from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from mofa import code as codes
from mofa import refinement
from mofa.measures import Measures
from mofa.picture_energy import PictureEnergy, _cell_means
from mofa.refinement import GaussNewton, refine
from tests.mofa.toy_faces import posed_codes

NO_PRIOR = 1e9


@pytest.fixture(scope="module")
def pictures(outlined) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three codes with some shape, their pictures and landmarks."""
    code = posed_codes()
    rng = np.random.default_rng(1)
    for name in ("shape", "albedo"):
        code[:, codes.SLICES[name]] = rng.normal(0, 0.5, (3, 80))
    measures = Measures(outlined, np.ones(len(outlined.model.mean_shape), np.float32))
    return code, outlined.render(code).over(0.5).numpy(), measures.five(code)


def test_steps_go_from_coarse_to_fine() -> None:
    assert GaussNewton(10).cells() == [8, 8, 8, 4, 4, 4, 2, 2, 1, 1]
    assert GaussNewton(2).cells() == [8, 4]
    assert GaussNewton(0).cells() == []


def test_pose_and_light_of_a_picture_are_found_again(outlined) -> None:
    code = posed_codes()
    images = outlined.render(code).over(0.5).numpy()
    points = Measures(outlined, np.ones(len(outlined.model.mean_shape), np.float32)).five(code)
    start = code.copy()
    start[:, codes.SLICES["translation"]] += (3.0, -2.0, 15.0)
    start[:, codes.SLICES["rotation"]] += (0.05, -0.05, 0.03)
    start[:, codes.SLICES["light"].start] += 0.1
    found = refine(outlined, images, points, start, GaussNewton(12, 1e4))
    for name in ("rotation", "translation", "light"):
        part = codes.SLICES[name]
        before, after = (np.abs(each - code)[:, part].max() for each in (start, found))
        # What light does, albedo can do as well.
        assert after < (0.6 if name == "light" else 0.2) * before, (name, before, after)


def test_what_is_linear_is_met_in_one_step(outlined, pictures) -> None:
    # Colours are linear in the albedo, so that without a prior a single step closes the gap.
    code, images, points = pictures
    start = code[0].astype(np.float64)
    start[codes.SLICES["albedo"]] += np.random.default_rng(3).normal(0, 0.3, 80)
    picture = PictureEnergy(outlined, 5)
    energy = refinement.PhotographEnergy(picture, images[0], points[0], 1, GaussNewton(1, NO_PRIOR))
    moved, damping = refinement.gauss_newton_step(energy, start, 1e-6)
    assert damping == 1e-6
    before, after = (energy(each, 0.0) for each in (start, moved))
    assert before > 1 / 255
    assert after < 0.1 * before, (before, after)


def test_the_slope_is_that_of_the_energy(outlined, pictures) -> None:
    code, images, points = pictures
    picture = PictureEnergy(outlined, 5)
    rng = np.random.default_rng(4)
    start = code[0].astype(np.float64)
    start[codes.SLICES["albedo"]] += rng.normal(0, 0.5, 80)
    points = points[0] + rng.normal(0, 1, (5, 2))
    energy = refinement.PhotographEnergy(picture, images[0], points, 1, GaussNewton(1, 50.0))
    _, prior = energy.start(start)
    _, slope = energy.expand(start, prior)
    # Light and albedo move no pixel, so that the energy is smooth along them; the slope leaves
    # out the face's outermost pixels.
    for part in ("light", "albedo"):
        direction = np.zeros(codes.SIZE)
        direction[codes.SLICES[part]] = rng.normal(0, 1, codes.SIZES[part])
        step = 1e-3 * energy.scale * direction
        measured = (energy(start + step, prior) - energy(start - step, prior)) / 2e-3
        assert slope @ direction == pytest.approx(measured, rel=0.1)
    # Landmarks alone, far from the picture's own: shifting moves them and hardly a colour.
    black = np.zeros_like(images[0])
    far = refinement.PhotographEnergy(picture, black, points + 40.0, 8, GaussNewton(1))
    _, slope = far.expand(start, 0.0)
    place = codes.SLICES["translation"].start
    step = np.zeros(codes.SIZE)
    step[place] = 0.01 * far.scale[place]
    measured = (far(start + step, 0.0) - far(start - step, 0.0)) / 0.02
    assert slope[place] == pytest.approx(measured, rel=0.1)


def test_unknown_landmarks_have_no_say(outlined, pictures) -> None:
    code, images, points = pictures
    start = code.copy()
    start[:, codes.SLICES["light"].start] += 0.1
    wrong, unknown = points.copy(), points.copy()
    wrong[:, 2:] += 1000.0
    unknown[:, 2:] = np.nan
    found = refine(outlined, images, unknown, start, GaussNewton(3, NO_PRIOR))
    assert np.isfinite(found).all()
    light = codes.SLICES["light"].start
    assert (np.abs(found - code)[:, light] < 0.09).all()
    misled = refine(outlined, images, wrong, start, GaussNewton(3, NO_PRIOR))
    assert np.abs(misled - found).max() > 0.1


def test_the_prior_holds_back(outlined, pictures) -> None:
    code, images, points = pictures
    start = np.zeros_like(code)
    start[:, codes.SLICES["translation"]] = code[:, codes.SLICES["translation"]]
    held, free = (
        refine(outlined, images, points, start, GaussNewton(4, pixels)) for pixels in (0.1, 1e4)
    )
    albedo = codes.SLICES["albedo"]
    assert np.abs(held[:, albedo]).max() < 0.5 * np.abs(free[:, albedo]).max()


def test_a_code_out_of_the_picture_stays(outlined, pictures) -> None:
    code, images, points = pictures
    start = code[:1].copy()
    start[:, codes.SLICES["translation"].start] = 2000.0
    np.testing.assert_array_equal(refine(outlined, images[:1], points[:1], start), start)


def test_one_trace_for_all_faces_and_steps(outlined, pictures, monkeypatch) -> None:
    made: list[PictureEnergy] = []

    class Watched(PictureEnergy):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments)  # type: ignore[arg-type]
            made.append(self)

    monkeypatch.setattr(refinement, "PictureEnergy", Watched)
    code, images, points = pictures
    bytes_, done = np.round(255.0 * images).astype(np.uint8), []
    refine(outlined, bytes_, points, code + 0.01, GaussNewton(4), done.append)
    assert done == [1, 2, 3]
    assert [f.experimental_get_tracing_count() for f in (made[0].expand, made[0].distances)] == [
        1,
        1,
    ]


def test_other_shapes_are_refused(outlined, pictures) -> None:
    code, images, points = pictures
    with pytest.raises(ValueError, match=r"photographs must be \[3, 48, 48, 3\]"):
        refine(outlined, images[:, :24], points, code)
    with pytest.raises(ValueError, match=r"points must be \[3, 5 or 68, 2\]"):
        refine(outlined, images, points[:, :4], code)


def test_means_over_cells() -> None:
    pixels = tf.constant([[0, 0], [1, 1], [0, 2], [5, 1], [4, 0]], tf.int64)
    rows = tf.constant([[1.0], [3.0], [5.0], [2.0], [8.0]])
    means, numbers = _cell_means(rows, pixels, tf.constant(2, tf.int64))
    np.testing.assert_allclose(means[:, 0], [2.0, 5.0, 5.0])
    np.testing.assert_allclose(numbers, [2.0, 1.0, 2.0])
