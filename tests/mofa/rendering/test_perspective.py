from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf

from mofa.rendering.camera import perspective


def test_right_handed_preset():
    # 90 degrees high, twice as wide: tan(45) = 1, so x is divided by 2 and y kept; near 1, far 3:
    # z -> (4 z + 6) / -2 = -2 z - 3, w = -z. A point at z = -1 lands at z/w = -1, one at -3 at 1.
    matrix = perspective.right_handed([math.pi / 2], [2.0], [1.0], [3.0])
    np.testing.assert_allclose(
        matrix, [[0.5, 0, 0, 0], [0, 1, 0, 0], [0, 0, -2, -3], [0, 0, -1, 0]], atol=1e-6
    )


def test_right_handed_maps_the_planes_to_minus_one_and_one(rng):
    fov, aspect, near = rng.uniform(0.5, 1.5, (3, 4, 1)).astype(np.float32)
    far = near + rng.uniform(1.0, 9.0, (4, 1)).astype(np.float32)
    matrix = perspective.right_handed(fov, aspect, near, far).numpy()
    for plane, expected in ((near, -1.0), (far, 1.0)):
        # The upper right corner of the plane is the corner (1, 1) of the image.
        top = plane * np.tan(0.5 * fov)
        point = np.concatenate((top * aspect, top, -plane, np.ones_like(plane)), axis=1)
        clip = np.einsum("nij,nj->ni", matrix, point)
        np.testing.assert_allclose(clip[:, 3:], plane, rtol=1e-5)
        np.testing.assert_allclose(
            clip[:, :3] / clip[:, 3:], np.tile([1.0, 1.0, expected], (4, 1)), atol=1e-4
        )


def test_project_preset():
    # (1, 2, 4) with focal (10, 20) and centre (3, 5): 10/4 + 3 = 5.5, 40/4 + 5 = 15.
    np.testing.assert_allclose(
        perspective.project([1.0, 2.0, 4.0], [10.0, 20.0], [3.0, 5.0]), [5.5, 15.0]
    )


def test_unproject_inverts_project(rng):
    point = rng.uniform(1.0, 2.0, (2, 5, 3)).astype(np.float32)
    focal = rng.uniform(1.0, 2.0, (2, 5, 2)).astype(np.float32)
    centre = rng.normal(size=(2, 5, 2)).astype(np.float32)
    pixel = perspective.project(point, focal, centre)
    again = perspective.unproject(pixel, point[..., 2:], focal, centre)
    np.testing.assert_allclose(again, point, atol=1e-5)
    ray = perspective.ray(pixel, focal, centre).numpy()
    np.testing.assert_allclose(np.cross(ray, point), 0.0, atol=1e-5)


def test_intrinsics_round_trip_and_agree_with_project(rng):
    focal, centre = rng.uniform(1.0, 2.0, (2, 3, 2)).astype(np.float32)
    matrix = perspective.matrix_from_intrinsics(focal, centre, [[0.1], [0.2], [0.3]])
    for got, want in zip(
        perspective.intrinsics_from_matrix(matrix),
        (focal, centre, np.array([[0.1], [0.2], [0.3]])),
        strict=True,
    ):
        np.testing.assert_allclose(got, want, atol=1e-6)
    point = rng.uniform(1.0, 2.0, (3, 3)).astype(np.float32)
    plain = perspective.matrix_from_intrinsics(focal, centre).numpy()
    homogeneous = np.einsum("nij,nj->ni", plain, point)
    np.testing.assert_allclose(
        perspective.project(point, focal, centre),
        homogeneous[:, :2] / homogeneous[:, 2:],
        rtol=1e-5,
    )


def test_project_jacobian():
    theoretical, numerical = tf.test.compute_gradient(
        lambda point: perspective.project(point, [3.0, 4.0], [0.5, 0.5]),
        [tf.constant([[0.3, -0.2, 1.5]])],
        delta=1e-2,
    )
    np.testing.assert_allclose(theoretical[0], numerical[0], atol=2e-3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: perspective.right_handed([1.0, 1.0], [1.0], [1.0], [2.0]), "vertical_field"),
        (lambda: perspective.right_handed([1.0], [1.0], [1.0, 1.0], [2.0]), "near must"),
        (lambda: perspective.project([1.0, 2.0], [1.0, 1.0], [0.0, 0.0]), "point_3d must"),
        (lambda: perspective.project([1.0, 2.0, 3.0], [1.0], [0.0, 0.0]), "focal must"),
        (lambda: perspective.ray([1.0], [1.0, 1.0], [0.0, 0.0]), "point_2d must"),
        (lambda: perspective.unproject([1.0, 1.0], [1.0, 1.0], [1.0, 1.0], [0.0, 0.0]), "depth"),
        (lambda: perspective.intrinsics_from_matrix(np.eye(4)), "matrix must"),
        (lambda: perspective.matrix_from_intrinsics([1.0, 1.0], [1.0]), "principal_point"),
    ],
)
def test_shapes_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
