from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from mofa.rendering import normals

# A tetrahedron with corners counter-clockwise from outside.
CORNERS = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32)
FACES = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]], np.int32)


def test_face_normals_preset():
    faces = normals.gather_faces(CORNERS, FACES)
    # Twice the areas: three right triangles of area 1/2 and the slanted one, (1, 1, 1).
    expected = np.array([[0, 0, -1], [0, -1, 0], [-1, 0, 0], [1, 1, 1]], np.float32)
    np.testing.assert_allclose(normals.face_normals(faces, normalize=False), expected, atol=1e-6)
    unit = expected / np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(normals.face_normals(faces), unit, atol=1e-6)
    np.testing.assert_allclose(normals.face_normals(faces, clockwise=True), -unit, atol=1e-6)


def test_vertex_normals_preset():
    # Vertex 0 touches the three right triangles: (-1, -1, -1). Vertex 1 touches (0, 0, -1),
    # (0, -1, 0) and (1, 1, 1), which add up to (1, 0, 0), and so on.
    third = 3.0**-0.5
    expected = [[-third] * 3, [1, 0, 0], [0, 1, 0], [0, 0, 1]]
    np.testing.assert_allclose(normals.vertex_normals(CORNERS, FACES), expected, atol=1e-6)
    np.testing.assert_allclose(
        normals.vertex_normals(CORNERS, FACES, clockwise=True), -np.array(expected), atol=1e-6
    )


def test_vertex_normals_against_a_loop(rng):
    vertices = rng.normal(size=(2, 3, 9, 3)).astype(np.float32)
    faces = np.array([rng.choice(9, 3, replace=False) for _ in range(12)], np.int32)
    expected = np.zeros(vertices.shape)
    for a, b, c in faces:
        p, q, r = (vertices[..., corner, :] for corner in (a, b, c))
        normal = np.cross(q - p, r - p)
        for corner in (a, b, c):
            expected[..., corner, :] += normal
    expected /= np.linalg.norm(expected, axis=-1, keepdims=True)
    np.testing.assert_allclose(normals.vertex_normals(vertices, faces), expected, atol=1e-4)


def test_degenerate_faces_give_zero_and_no_nan():
    vertices = tf.constant(np.array([[0, 0, 0], [1, 1, 1], [2, 2, 2]], np.float32))
    with tf.GradientTape() as tape:
        tape.watch(vertices)
        normal = normals.vertex_normals(vertices, [[0, 1, 2]])
        loss = tf.reduce_sum(normal)
    np.testing.assert_array_equal(normal, np.zeros((3, 3)))
    gradient = tf.convert_to_tensor(tape.gradient(loss, vertices))
    np.testing.assert_array_equal(gradient, np.zeros((3, 3)))


def test_vertex_normals_jacobian(rng):
    vertices = tf.constant(CORNERS + rng.normal(scale=0.05, size=(4, 3)).astype(np.float32))
    theoretical, numerical = tf.test.compute_gradient(
        lambda points: normals.vertex_normals(points, FACES), [vertices], delta=1e-2
    )
    np.testing.assert_allclose(theoretical[0], numerical[0], atol=5e-3)


def test_shapes_are_refused():
    with pytest.raises(ValueError, match="vertices must"):
        normals.vertex_normals(np.zeros((4, 2), np.float32), FACES)
    with pytest.raises(ValueError, match="indices must"):
        normals.vertex_normals(CORNERS, FACES[:, :2])
    with pytest.raises(ValueError, match="faces must"):
        normals.face_normals(CORNERS)
    with pytest.raises(ValueError, match="indices must"):
        normals.gather_faces(CORNERS, FACES[:, :2])
