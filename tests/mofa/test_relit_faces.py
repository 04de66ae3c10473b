from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from mofa import code as codes
from mofa import relit_faces, rendered_faces
from mofa.face_renderer import Camera, FaceRenderer, default_light


@pytest.fixture(scope="module")
def renderer(shell) -> FaceRenderer:
    return FaceRenderer(shell, Camera(image_size=(48, 48)))


SETTINGS = rendered_faces.Settings(identities=6, images_per_identity=1, seed=3)


def test_relighting_is_rendering_in_that_light(renderer) -> None:
    code = rendered_faces.draw_codes(renderer, SETTINGS)
    # Mode 0 of the shell's albedo may leave [0, 1], which the stored pictures cannot.
    code[:, codes.SLICES["albedo"]] *= 0.2
    light = rendered_faces.draw_lights(6, np.random.default_rng(0))
    code[:, codes.SLICES["light"]] = light
    expected = renderer.render(code)
    pictures = relit_faces.draw_unlit(renderer, code)
    background = tf.fill([6, 48, 48, 3], 0.25)
    found = relit_faces.relight(pictures, light.reshape(-1, 9, 3) + default_light(), background)
    error = np.abs(found - expected.over(background))
    # The shell's triangles are large: colours across them are interpolated in another order.
    assert error.mean() < 0.01
    assert error[expected.mask.numpy()[..., 0] == 0].max() < 1e-6


def test_batches_depend_on_seed_and_number_alone(renderer, tmp_path) -> None:
    faces = relit_faces.RelitFaces(renderer, SETTINGS, tmp_path, progress=False)
    stream = faces.batches(4, seed=1)
    first, second = next(stream), next(stream)
    again = next(faces.batches(4, seed=1, first=1))
    for one, other in zip(second, again, strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(first[0], second[0])
    assert first[0].shape == (4, 48, 48, 3)
    # Pose and identity are those drawn; light is new.
    light = codes.SLICES["light"].start
    known = {tuple(row[:light]) for row in faces.codes}
    assert all(tuple(row[:light]) in known for row in first[1].numpy())
    assert not set(first[1][:, light].numpy()) & set(faces.codes[:, light])


def test_faces_are_drawn_once(renderer, tmp_path, monkeypatch) -> None:
    before = relit_faces.RelitFaces(renderer, SETTINGS, tmp_path, progress=False)

    def refuse(*_: object) -> None:
        raise AssertionError("drawn again")

    monkeypatch.setattr(relit_faces, "draw_unlit", refuse)
    after = relit_faces.RelitFaces(renderer, SETTINGS, tmp_path, progress=False)
    np.testing.assert_array_equal(before.pictures, after.pictures)


def test_lights_have_the_data_sets_distribution(renderer) -> None:
    many = rendered_faces.draw_lights(3000, np.random.default_rng(0))
    settings = rendered_faces.Settings(identities=3000, images_per_identity=1)
    drawn = rendered_faces.draw_codes(renderer, settings)[:, codes.SLICES["light"]]
    np.testing.assert_allclose(many.mean(0), drawn.mean(0), atol=0.02)
    np.testing.assert_allclose(many.std(0), drawn.std(0), rtol=0.1)
