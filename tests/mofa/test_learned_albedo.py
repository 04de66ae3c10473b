from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from mofa import code as codes
from mofa import learned_albedo, seen_colours
from mofa.face_renderer import Camera, FaceRenderer, default_light
from mofa.rendering import spherical_harmonics


def directions(rng: np.random.Generator, count: int) -> np.ndarray:
    """Unit vectors of the half that faces the camera."""
    result = rng.normal(size=(count, 3))
    result[:, 2] = np.abs(result[:, 2]) + 0.2
    return result / np.linalg.norm(result, axis=-1, keepdims=True)


def photographs(rng, albedo, lights) -> seen_colours.SeenColours:
    """What vertices of known albedo [N, P, 3] show under lights [N, 9, 3], all of them seen."""
    normals = np.stack([directions(rng, albedo.shape[1]) for _ in albedo]).astype(np.float16)
    shade = spherical_harmonics.shade(normals.astype(np.float32), lights.astype(np.float32))
    colours = np.clip(np.round(255.0 * albedo * shade.numpy()), 0, 255).astype(np.uint8)
    return seen_colours.SeenColours(colours, normals, np.ones(colours.shape[:2], np.float16))


def grey_lights(rng, count: int) -> np.ndarray:
    lights = np.tile(default_light(), (count, 1, 1))
    change = rng.normal(size=(count, 4, 1)) * [[0.0], [0.05], [0.1], [0.05]]
    lights[:, :4] += change
    return lights


def test_the_light_is_found_where_the_albedo_is_known(rng) -> None:
    mean = rng.uniform(0.3, 0.6, (400, 3))
    lights = grey_lights(rng, 5)
    seen = photographs(rng, np.tile(mean, (5, 1, 1)), lights)
    truth = spherical_harmonics.shade(seen.normals.astype(np.float32), lights.astype(np.float32))
    ((rows, found),) = seen_colours.shading(seen, mean, np.ones(400))
    assert rows == slice(0, 32)
    assert np.abs(found - truth.numpy()).mean() < 0.01


def test_glasses_do_not_darken_the_light(rng) -> None:
    mean = np.full((400, 3), 0.5)
    lights = grey_lights(rng, 1)
    worn = np.tile(mean, (1, 1, 1))
    worn[:, :60] = 0.05
    bare = photographs(np.random.default_rng(3), np.tile(mean, (1, 1, 1)), lights)
    dark = photographs(np.random.default_rng(3), worn, lights)
    ((_, expected),) = seen_colours.shading(bare, mean, np.ones(400))
    ((_, found),) = seen_colours.shading(dark, mean, np.ones(400))
    # By plain least squares, 15 % of black vertices would darken the light by about 15 %.
    assert 0.95 < found.mean() / expected.mean() < 1.0


def test_components_are_those_of_the_singular_value_decomposition(rng) -> None:
    data = (rng.normal(size=(60, 7)) * [9, 7, 5, 3, 2, 1, 0.5]) @ rng.normal(size=(7, 40))
    std, found = learned_albedo.leading_components(data.astype(np.float32), 3, rng)
    _, values, expected = np.linalg.svd(data, full_matrices=False)
    np.testing.assert_allclose(std, values[:3] / np.sqrt(60), rtol=1e-4)
    np.testing.assert_allclose(np.abs(found @ expected[:3].T), np.eye(3), atol=1e-3)


def test_planted_modes_are_learned_though_a_third_is_hidden(rng) -> None:
    points, count = 80, 300
    mean = rng.uniform(0.4, 0.6, (points, 3))
    # Spots that no light can make: random signs from vertex to vertex.
    planted = 0.06 * rng.choice([-1.0, 1.0], (3, points, 3))
    albedo = mean + np.einsum("nk,kpc->npc", rng.normal(size=(count, 3)).clip(-2, 2), planted)
    seen = photographs(rng, albedo, grey_lights(rng, count))
    hidden = rng.random((count, points)) < 0.33
    seen.colours[hidden], seen.facing[hidden] = 0, 0.0
    learned = learned_albedo.learn(seen, mean, np.ones(points))
    assert learned.factor.shape == (3 * points, 80)
    assert learned.explained > 0.9
    assert np.abs(learned.mean - mean).mean() < 0.02
    space, _ = np.linalg.qr(learned.factor[:, :3])
    flat = planted.reshape(3, -1)
    kept = np.linalg.norm(flat @ space, axis=1) / np.linalg.norm(flat, axis=1)
    assert kept.min() > 0.97


def test_values_die_away_by_one_factor_along_a_strip(shell, monkeypatch) -> None:
    # Triangles folded to a path: 0-1-2-..., each vertex with two neighbours 1 mm away.
    monkeypatch.setattr(learned_albedo, "_REACH", 2.0)
    line = np.stack((np.arange(200.0), np.zeros(200), np.zeros(200)), axis=1)
    path = np.stack((np.arange(199), np.arange(1, 200), np.arange(1, 200)), axis=1)
    strip = dataclasses.replace(shell, mean_shape=line, triangles=path)
    found = learned_albedo.dying_away(strip, np.array([0]), np.array([[1.0, -2.0]]))
    # leak = 1^2 / (4 * 2^2) = 1/16, and 2 (1 + leak) u_i = u_(i-1) + u_(i+1) has the solution
    # u_i = r^i with r + 1/r = 2.125, that is r = (2.125 - sqrt(2.125^2 - 4)) / 2 = 0.7035.
    assert found[0].tolist() == [1.0, -2.0]
    np.testing.assert_allclose(found[1:20, 0] / found[:19, 0], 0.7035, atol=1e-4)
    np.testing.assert_allclose(found[:, 1], -2.0 * found[:, 0])


def test_the_model_draws_what_was_learned(shell, rng) -> None:
    vertices = np.arange(40, 100)
    learned = learned_albedo.LearnedAlbedo(
        rng.uniform(0.4, 0.6, (60, 3)).astype(np.float32),
        (0.03 * rng.normal(size=(180, 80))).astype(np.float32),
        1.0,
    )
    model = learned_albedo.put_on(shell, vertices, learned, "learned")
    np.testing.assert_allclose(model.mean_albedo[vertices], learned.mean, atol=1e-6)
    rows = (3 * vertices[:, None] + np.arange(3)).reshape(-1)
    factor = model.albedo.scaled()[rows]
    np.testing.assert_allclose(factor @ factor.T, learned.factor @ learned.factor.T, atol=1e-5)
    assert model.name == "learned"
    np.testing.assert_array_equal(model.mean_shape, shell.mean_shape)


def test_colours_are_seen_where_the_encoder_says(shell, rng) -> None:
    renderer = FaceRenderer(shell, Camera(image_size=(96, 96)))
    code = np.zeros((3, codes.SIZE), np.float32)
    code[:, codes.SLICES["rotation"]] = rng.normal(size=(3, 3)) * 0.1
    pictures = renderer.render(code).over(0.0)
    vertices = np.arange(5, 120)
    done: list[int] = []
    seen = seen_colours.see(
        renderer,
        vertices,
        lambda images: tf.constant(code),
        np.round(255.0 * pictures.numpy()).astype(np.uint8),
        done.append,
    )
    assert done == [3]
    expected = np.clip(tf.gather(renderer.face(code).colours, vertices, axis=1), 0.0, 1.0)
    facing = seen.facing.astype(np.float32)
    assert facing.max() <= 1.0
    assert (facing > 0.5).sum() > 100
    error = np.abs(seen.colours / 255.0 - expected)[facing > 0.5]
    # Colours change a lot from vertex to vertex here, and a pixel is a mixture.
    assert np.median(error) < 0.03


@pytest.mark.parametrize("part", ["mean", "factor"])
def test_learning_is_repeatable(rng, part) -> None:
    albedo = rng.uniform(0.3, 0.6, (20, 30, 3))
    seen = photographs(rng, albedo, grey_lights(rng, 20))
    first, second = (
        learned_albedo.learn(seen, albedo.mean(axis=0), np.ones(30), seed=4) for _ in range(2)
    )
    np.testing.assert_array_equal(getattr(first, part), getattr(second, part))
