"""Faces by Basel's landmarks: drawn, outlined, compared and refined without the others."""

from __future__ import annotations

import dataclasses
import logging

import numpy as np
import pytest
import tensorflow as tf

from mofa import code as codes
from mofa import face_model_files, landmarks
from mofa.face_model_files.basel_landmarks import MESHES, known_mesh_landmarks
from mofa.face_region import face_region
from mofa.face_renderer import Camera, FaceRenderer
from mofa.losses import AutoencoderLoss, Weights
from mofa.photographs import crop_template
from mofa.refinement import GaussNewton, refine
from tests.mofa.face_model_files.basel_files import as_list, basel_names, write_hdf5
from weights.errors import InputError

CAMERA = Camera(image_size=(64, 64))


@pytest.fixture(scope="module")
def whole():
    return FaceRenderer(face_model_files.read(), CAMERA)


@pytest.fixture(scope="module")
def basel(whole, tmp_path_factory):
    """The same face with Basel's names alone, as it comes out of a file."""
    model = whole.model
    path = tmp_path_factory.mktemp("basel") / "bfm.h5"
    write_hdf5(model, path, as_list(model, basel_names(model)))
    return FaceRenderer(face_model_files.read(path), CAMERA)


@pytest.fixture(scope="module")
def bare(whole):
    return FaceRenderer(dataclasses.replace(whole.model, landmarks={}), CAMERA)


def test_the_five_are_nearly_those_of_all_68(whole, basel):
    # A pixel of 64 is 5 mm; the middles of the eyes are those of their corners.
    np.testing.assert_allclose(crop_template(basel), crop_template(whole), atol=0.5)
    np.testing.assert_array_equal(crop_template(basel)[2:], crop_template(whole)[2:])


def test_the_face_is_outlined_nearly_as_by_all_68(whole, basel):
    by_68, by_few = (face_region(each) > 0.0 for each in (whole, basel))
    assert (by_68 & by_few).sum() > 0.93 * (by_68 | by_few).sum()


def test_usual_places_are_those_of_the_open_model(whole):
    renderer = whole.sized((224, 224))
    marks = renderer.landmarks(renderer.face(np.zeros([1, codes.SIZE], np.float32)))[0].numpy()
    fewer = np.where(np.isin(landmarks.NAMES, landmarks.LEAST)[:, None], marks, np.nan)
    np.testing.assert_allclose(landmarks.usual_places(fewer), marks, atol=0.35)
    # Elsewhere, wider than high.
    placed = landmarks.usual_places(fewer * [2.0, 1.5] + [30.0, -20.0])
    np.testing.assert_allclose(placed, marks * [2.0, 1.5] + [30.0, -20.0], atol=0.7)


def test_without_landmarks_faces_are_drawn_and_all_of_the_front_counts(whole, bare, caplog):
    code = np.zeros([1, codes.SIZE], np.float32)
    np.testing.assert_array_equal(bare.render(code).image, whole.render(code).image)
    with caplog.at_level(logging.WARNING):
        region = face_region(bare) > 0.0
    assert "no landmarks" in caplog.text
    assert (region >= (face_region(whole) > 0.0)).all()
    assert region.mean() < 0.7
    with pytest.raises(InputError, match=r"has no landmarks right_eye\.1.*JSON file"):
        crop_template(bare)


@pytest.mark.parametrize("count", [5, 68])
def test_the_landmark_term_is_that_of_the_known_ones(whole, basel, bare, count):
    rng = np.random.default_rng(0)
    truth = np.zeros([2, codes.SIZE], np.float32)
    code = truth.copy()
    code[:, codes.SLICES["translation"]] = rng.normal(size=(2, 3)) * 5.0
    face = basel.face(truth)
    points = (basel.five_landmarks(face) if count == 5 else whole.landmarks(face)).numpy()
    images = basel.draw(face).over(0.5).numpy()
    loss = AutoencoderLoss(basel, Weights(photometric=0.0, regulariser=0.0, landmark=1.0))
    variable = tf.Variable(code)
    with tf.GradientTape() as tape:
        term = loss(variable, images, points)["landmark"]
    gradient = tape.gradient(term, variable).numpy()
    assert np.isfinite(gradient).all()
    assert np.abs(gradient).max() > 0.0
    # The mean over those that both know, by hand.
    own = basel.five_landmarks if count == 5 else basel.landmarks
    apart = (own(basel.face(code)).numpy() - points) * 224.0 / 64.0
    expected = np.nanmean(np.square(apart).sum(axis=-1))
    np.testing.assert_allclose(term, expected, rtol=1e-4)
    assert loss(truth, images, points)["landmark"] < 1e-6
    none = AutoencoderLoss(bare, Weights(photometric=0.0, regulariser=0.0))
    assert none(code, images, points)["landmark"] == 0.0


def test_a_code_is_refined_by_basels_landmarks(basel):
    rng = np.random.default_rng(1)
    truth = np.zeros([1, codes.SIZE], np.float32)
    truth[:, :80] = 0.7 * rng.normal(size=80)
    start = truth.copy()
    start[:, codes.SLICES["translation"]] = [4.0, -3.0, 20.0]
    face = basel.face(truth)
    image = basel.draw(face).over(0.5).numpy()
    points = basel.five_landmarks(face).numpy()
    found = refine(basel, image, points, start, GaussNewton(steps=4))
    left = np.abs(basel.five_landmarks(basel.face(found)).numpy() - points).max()
    before = np.abs(basel.five_landmarks(basel.face(start)).numpy() - points).max()
    assert left < 0.2 * before


@pytest.mark.parametrize("count", MESHES)
def test_basels_meshes_without_a_list_are_known_by_their_size(whole, count, caplog):
    name, named = MESHES[count]
    assert len(set(named.values())) == len(named)
    assert max(named.values()) < count
    assert set(landmarks.LEAST) <= set(named) <= set(landmarks.NAMES)
    # Right and left mirror each other in Basel's numbering, too: rows run across the face.
    model = whole.model
    shape = np.full([count, 3], -50.0)
    for key, vertex in named.items():
        shape[vertex] = model.mean_shape[model.landmarks[key]]
    assert known_mesh_landmarks(shape) == dict(named)
    # Another mesh that happens to have as many vertices.
    with caplog.at_level(logging.WARNING):
        assert known_mesh_landmarks(shape[::-1]) == {}
    assert name in caplog.text
    assert known_mesh_landmarks(shape[:-1]) == {}


def test_the_mesh_of_2009_can_be_fitted_without_a_list(whole, tmp_path, monkeypatch):
    """A file of 53,490 vertices in Basel's own form."""
    import scipy.io

    model, (_, named) = whole.model, MESHES[53490]
    shape = np.zeros([53490, 3], np.float32)
    for key, vertex in named.items():
        shape[vertex] = model.mean_shape[model.landmarks[key]]
    ones = np.ones([3 * 53490, 1], np.float32)
    triangles = np.array(sorted(named.values()))[np.array([[0, 1, 2], [1, 2, 3], [2, 3, 4]])]
    scipy.io.savemat(
        tmp_path / "01_MorphableModel.mat",
        {
            "shapeMU": 1000.0 * shape.reshape(-1, 1),
            "shapePC": ones,
            "shapeEV": np.ones([1, 1]),
            "texMU": 100.0 * ones,
            "texPC": ones,
            "texEV": np.ones([1, 1]),
            "tl": triangles + 1.0,
        },
    )
    read = face_model_files.read(tmp_path / "01_MorphableModel.mat")
    assert read.has_five_landmarks()
    assert dict(read.landmarks) == dict(named)
