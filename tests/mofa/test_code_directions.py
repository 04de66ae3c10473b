"""Directions that are written down are those that forward differentiation finds."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from mofa import code as codes
from mofa.code_directions import GEOMETRY, CodeDirections
from mofa.face_renderer import FaceRenderer
from tests.mofa.toy_faces import posed_codes


def test_geometry_is_what_moves_vertices(outlined: FaceRenderer) -> None:
    assert len(GEOMETRY) == len(set(GEOMETRY)) == 150
    rest = np.setdiff1d(np.arange(codes.SIZE), GEOMETRY)
    code = np.zeros((2, codes.SIZE), np.float32)
    code[1, rest] = 1.0
    vertices = outlined.vertices(code).numpy()
    np.testing.assert_array_equal(vertices[0], vertices[1])


@pytest.mark.parametrize("number", range(3))
def test_they_are_those_of_the_whole_decoder(outlined: FaceRenderer, number: int, rng) -> None:
    code = posed_codes()[number]
    for name in ("shape", "expression", "albedo", "light"):
        code[codes.SLICES[name]] += rng.normal(0, 0.3, codes.SIZES[name]).astype(np.float32)
    many = tf.tile(tf.constant(code)[None], [codes.SIZE, 1])
    with tf.autodiff.ForwardAccumulator(many, tf.eye(codes.SIZE)) as forward:
        face = outlined.face(many)
        places = outlined.project(face.vertices)
        marks = outlined.landmarks(face)
    found = CodeDirections(outlined)(tf.constant(code))
    for mine, theirs in (
        (found.colours, tf.transpose(forward.jvp(face.colours), [1, 2, 0])),
        (found.places, tf.transpose(forward.jvp(places), [1, 2, 0]).numpy()[..., GEOMETRY]),
        (outlined.landmark_moves(found.places), forward.jvp(marks).numpy()[GEOMETRY]),
    ):
        scale = np.abs(theirs).max(axis=(0, 1), keepdims=True) + 1e-6
        np.testing.assert_allclose(mine / scale, theirs / scale, atol=2e-3)
