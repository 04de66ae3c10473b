"""What a morphable model does with coefficients, and its parts."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mofa.morphable_model import Modes


def test_shape_and_colour_are_linear_in_standard_deviations(shell):
    identity, expression, albedo = (np.zeros((1, n), np.float32) for n in (80, 64, 80))
    np.testing.assert_allclose(shell.shape(identity, expression)[0], shell.mean_shape)
    identity[0, 2] = 2.0
    expected = 2.0 * shell.identity.std[2] * shell.identity.basis[:, 2].reshape(-1, 3)
    np.testing.assert_allclose(
        shell.shape(identity, expression)[0] - shell.mean_shape, expected, atol=1e-4
    )
    albedo[0, 1] = -1.0
    expected = -shell.albedo.std[1] * shell.albedo.basis[:, 1].reshape(-1, 3)
    np.testing.assert_allclose(shell.colour(albedo)[0] - shell.mean_albedo, expected, atol=1e-6)
    with pytest.raises(ValueError, match=r"coefficients must have shape \[N, 80\]"):
        shell.colour(albedo[:, :3])


def test_digest_tells_models_apart(shell):
    assert shell.digest() == dataclasses.replace(shell, name="other").digest()
    darker = Modes(shell.albedo.basis, 0.9 * shell.albedo.std)
    assert shell.digest() != dataclasses.replace(shell, albedo=darker).digest()


def test_around_a_vertex_are_its_neighbours_and_the_landmarks(shell) -> None:
    # 0 - 1 - 2 - 3 - 4 along a strip of triangles (k, k + 1, k + 2).
    model = dataclasses.replace(
        shell,
        mean_shape=shell.mean_shape[:7],
        mean_albedo=shell.mean_albedo[:7],
        identity=shell.identity.at(np.arange(7)),
        expression=shell.expression.at(np.arange(7)),
        albedo=shell.albedo.at(np.arange(7)),
        triangles=np.array([[k, k + 1, k + 2] for k in range(5)], np.int32),
        landmarks={"chin": 6, "brow": 1},
    )
    part, kept = model.around(np.arange(7) == 0)
    np.testing.assert_array_equal(kept, [0, 1, 2, 6])
    np.testing.assert_array_equal(part.triangles, [[0, 1, 2]])
    assert part.landmarks == {"chin": 3, "brow": 1}
    np.testing.assert_array_equal(part.mean_shape, shell.mean_shape[[0, 1, 2, 6]])
    coefficients = np.random.default_rng(0).normal(size=(1, 80)).astype(np.float32)
    np.testing.assert_allclose(
        part.colour(coefficients), model.colour(coefficients).numpy()[:, kept], atol=1e-6
    )
