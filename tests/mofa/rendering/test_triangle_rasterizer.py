"""The fast rasteriser against values worked out by hand, the slow one, and finite differences.

Most tests use the identity as view-projection matrix, so that vertices are given in normalised
device coordinates: x and y in [-1, 1], y up, z = -1 near and z = 1 far. A 4x4 image then has its
pixel centres at -0.75, -0.25, 0.25 and 0.75.
"""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from mofa.rendering import interpolate, reference_rasterizer, triangle_rasterizer
from mofa.rendering.camera import perspective
from mofa.rendering.framebuffer import Framebuffer

EYE = np.eye(4, dtype=np.float32)
# Covers the whole image: (-1, -1), (3, -1), (-1, 3) counter-clockwise.
COVER = np.array([[-1, -1, 0], [3, -1, 0], [-1, 3, 0]], np.float32)
CAMERA = perspective.right_handed([0.8], [1.5], [1.0], [20.0])


def draw(vertices, triangles, size=(4, 4), matrix=EYE, attributes=None, **options):
    vertices = np.asarray(vertices, np.float32)
    if attributes is None:
        attributes = {"index": np.arange(len(vertices), dtype=np.float32)[:, None]}
    return triangle_rasterizer.rasterize(
        vertices,
        np.asarray(triangles, np.int32).reshape(-1, 3),
        attributes,
        matrix,
        size,
        **options,
    )


def both(vertices, triangles, size=(4, 4), matrix=EYE, attributes=None, **options):
    """The fast result after checking it against the slow one."""
    if attributes is None:
        attributes = {"index": np.arange(len(vertices), dtype=np.float32)[:, None]}
    triangles = np.asarray(triangles, np.int32).reshape(-1, 3)
    fast = draw(vertices, triangles, size, matrix, attributes, **options)
    slow = reference_rasterizer.rasterize(
        tf.constant(vertices, tf.float32), triangles, attributes, matrix, size, **options
    )
    np.testing.assert_array_equal(fast["mask"], slow["mask"])
    np.testing.assert_array_equal(fast["triangle_indices"], slow["triangle_indices"])
    for key in ("barycentrics", *attributes):
        np.testing.assert_allclose(fast[key], slow[key], atol=2e-5)
    return fast


def soup(rng, vertices, triangles, depth):
    """Random triangles in front of and, for small depths, around and behind the camera."""
    points = rng.normal(size=(vertices, 3)) * [1.5, 1.0, 2.0] + [0.0, 0.0, -depth]
    corners = np.array([rng.choice(vertices, 3, replace=False) for _ in range(triangles)])
    return points.astype(np.float32), corners.astype(np.int32)


def test_half_image_preset():
    # The lower left half: x + y <= 0. On the diagonal of centres (row = column) x + y = 0, and an
    # edge counts as inside.
    result = both([[-1, -1, 0], [1, -1, 0], [-1, 1, 0]], [0, 1, 2])
    expected = np.tril(np.ones((4, 4)))
    np.testing.assert_array_equal(result["mask"][..., 0], expected)


def test_barycentrics_preset():
    # Corners at (-1,-1), (3,-1), (-1,3): b1 = (x + 1) / 4, b2 = (y + 1) / 4. Top left pixel centre
    # (-0.75, 0.75): b1 = 1/16, b2 = 7/16, b0 = 8/16.
    result = both(COVER, [0, 1, 2])
    np.testing.assert_allclose(result["barycentrics"][0, 0], [8 / 16, 1 / 16, 7 / 16], atol=1e-6)
    # and in the attribute "index": 1/16 + 2 * 7/16 = 15/16.
    np.testing.assert_allclose(result["index"][0, 0], [15 / 16], atol=1e-6)


def test_perspective_correct_preset():
    # An edge from w = 1 (attribute 0) to w = 3 (attribute 1): halfway on the screen the attribute
    # is (1/2 * 1/3) / (1/2 * 1 + 1/2 * 1/3) = 1/4, not 1/2. One row of one pixel, centre (0, 0).
    matrix = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0], [0, 0, -1, 0]], np.float32)
    vertices = [[-1, -1, -1], [3, -3, -3], [3, 3, -3], [-1, 1, -1]]
    attributes = {"a": np.array([[0], [1], [1], [0]], np.float32)}
    result = both(vertices, [[0, 1, 2], [0, 2, 3]], (1, 1), matrix, attributes)
    np.testing.assert_allclose(result["a"], [[[0.25]]], atol=1e-6)


def test_nearer_triangle_wins_whatever_the_order():
    far, near = COVER + np.array([0, 0, 0.5]), COVER - np.array([0, 0, 0.5])
    vertices = np.concatenate((far, near))
    assert both(vertices, [[0, 1, 2], [3, 4, 5]])["triangle_indices"].numpy().min() == 1
    assert both(vertices, [[3, 4, 5], [0, 1, 2]])["triangle_indices"].numpy().max() == 0


def test_intersecting_triangles_change_over_where_they_cross():
    # Two sheets over the image: z = x and z = -x. The nearer one is z = x on the left (triangle 0).
    first, second = COVER.copy(), COVER.copy()
    first[:, 2], second[:, 2] = 0.3 * first[:, 0], -0.3 * second[:, 0]
    result = both(np.concatenate((first, second)), [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(result["triangle_indices"][..., 0], [[0, 0, 1, 1]] * 4)


def test_tie_goes_to_the_lower_index():
    vertices = np.concatenate((COVER, COVER))
    result = both(vertices, [[3, 4, 5], [0, 1, 2]])
    assert result["triangle_indices"].numpy().max() == 0
    assert result["index"].numpy().min() >= 3.0  # triangle 0 has the corners 3, 4, 5


def test_back_faces():
    turned = [[0, 2, 1]]
    assert both(COVER, turned)["mask"].numpy().sum() == 0
    result = both(COVER, turned, enable_cull_face=False)
    assert result["mask"].numpy().sum() == 16
    np.testing.assert_allclose(result["barycentrics"][0, 0], [8 / 16, 7 / 16, 1 / 16], atol=1e-6)


@pytest.mark.parametrize(
    "triangle",
    [[0, 0, 0], [0, 1, 1], [0, 1, 3]],
    ids=["one point", "two points", "three points in a line"],
)
def test_degenerate_triangles_are_not_drawn_and_have_no_gradient(triangle):
    vertices = np.array([[-1, -1, 0], [1, 1, 0], [3, -1, 0.5], [0.25, 0.25, 0]], np.float32)
    points = tf.constant(vertices)
    with tf.GradientTape() as tape:
        tape.watch(points)
        result = both(points, [triangle, [0, 2, 1]], attributes={"x": points[:, :1]})
        loss = tf.reduce_sum(result["x"])
    gradient = tf.convert_to_tensor(tape.gradient(loss, points)).numpy()
    assert result["mask"].numpy().sum() > 0
    assert result["triangle_indices"].numpy().max() == 1
    assert np.isfinite(gradient).all()
    assert np.abs(gradient[3]).max() == 0.0


def test_only_degenerate_triangles_is_an_empty_image():
    assert both(COVER, [[0, 0, 1]])["mask"].numpy().max() == 0.0


def test_no_triangles_and_no_attributes():
    result = draw(COVER, np.zeros((0, 3)), attributes={})
    assert result["mask"].shape == (4, 4, 1)
    assert result["mask"].numpy().max() == 0.0
    assert result["triangle_indices"].numpy().max() == 0


def test_outside_of_the_image_is_empty():
    for shift in ([5, 0, 0], [-5, 0, 0], [0, 5, 0], [0, -5, 0]):
        assert both(COVER * 0.1 + np.array(shift, np.float32), [0, 1, 2])["mask"].numpy().max() == 0


def test_near_and_far_planes():
    # z runs from -2 on the left edge to 2 on the right one of the image: the centres have
    # z = -1.5, -0.5, 0.5, 1.5, so that the middle two columns remain.
    sheet = COVER.copy()
    sheet[:, 2] = 2.0 * sheet[:, 0]
    np.testing.assert_array_equal(both(sheet, [0, 1, 2])["mask"][..., 0], [[0, 1, 1, 0]] * 4)


def test_behind_the_camera_is_empty():
    vertices = np.array([[-1, -1, 3], [1, -1, 3], [0, 1, 3]], np.float32)
    for triangle in ([0, 1, 2], [0, 2, 1]):
        result = both(vertices, triangle, (6, 9), CAMERA, enable_cull_face=False)
        assert result["mask"].numpy().max() == 0.0


def test_floor_across_the_camera_plane_fills_the_lower_half():
    # A floor below the camera from far behind to far in front: all below the horizon is covered,
    # where it is between the near and the far plane. Floor at y = -2; in a 90 degree view of 8 rows
    # row centres have slopes y/w = -1/8, -3/8, -5/8, -7/8 below the horizon, so w = 16, 5.3, 3.2,
    # 2.3, all within [1, 20].
    matrix = perspective.right_handed([np.pi / 2], [1.0], [1.0], [20.0])
    floor = [[-100, -2, 100], [100, -2, 100], [0, -2, -300]]
    result = both(floor, [0, 1, 2], (8, 8), matrix)
    expected = np.repeat([0, 0, 0, 0, 1, 1, 1, 1], 8).reshape(8, 8)
    np.testing.assert_array_equal(result["mask"][..., 0], expected)


@pytest.mark.parametrize("cull", [True, False], ids=["culled", "both sides"])
@pytest.mark.parametrize("depth", [4.0, 1.0], ids=["in front", "around the camera"])
@pytest.mark.parametrize("seed", [0, 1])
def test_random_soup_agrees_with_the_reference(cull, depth, seed):
    rng = np.random.default_rng(seed)
    vertices, triangles = soup(rng, 24, 20, depth)
    colours = rng.normal(size=(24, 2)).astype(np.float32)
    upstream = rng.normal(size=(14, 21, 2)).astype(np.float32)
    gradients, results = [], []
    for rasterize in (triangle_rasterizer.rasterize, reference_rasterizer.rasterize):
        inputs = [tf.constant(vertices), tf.constant(colours)]
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            result = rasterize(
                inputs[0],
                triangles,
                {"colours": inputs[1]},
                CAMERA,
                (14, 21),
                enable_cull_face=cull,
            )
            loss = tf.reduce_sum(tf.cast(result["colours"], tf.float64) * upstream)
        gradients.append([tf.convert_to_tensor(part) for part in tape.gradient(loss, inputs)])
        results.append(result)
    fast, slow = results
    assert 0.2 < fast["mask"].numpy().mean() < 1.0
    np.testing.assert_array_equal(fast["triangle_indices"], slow["triangle_indices"])
    for key in ("mask", "barycentrics", "colours"):
        np.testing.assert_allclose(fast[key], slow[key], atol=2e-5)
    for one, other in zip(*gradients, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4 * np.abs(other).max())


def test_thin_triangles_of_a_fan_leave_no_gaps():
    # 720 slivers around the centre, most of them thinner than a pixel, cover a disc without holes.
    angle = np.linspace(0.0, 2.0 * np.pi, 720, endpoint=False) + 0.001
    rim = np.stack((0.9 * np.cos(angle), 0.9 * np.sin(angle), 0.0 * angle), axis=1)
    vertices = np.concatenate(([[0.013, 0.007, 0.0]], rim))
    number = np.arange(720)
    triangles = np.stack((0 * number, number + 1, (number + 1) % 720 + 1), axis=1)
    mask = draw(vertices, triangles, (101, 101))["mask"].numpy()[..., 0]
    centre = (2.0 * np.arange(101) + 1.0) / 101 - 1.0
    inside = np.hypot(*np.meshgrid(centre, centre)) < 0.89
    assert inside.sum() > 5000
    assert mask[inside].min() == 1.0


def test_neighbours_leave_no_gaps():
    # A randomly perturbed grid that covers the image: every pixel must be covered.
    rng = np.random.default_rng(3)
    x, y = np.meshgrid(np.linspace(-1.3, 1.3, 30), np.linspace(-1.3, 1.3, 30))
    place = np.stack((x, y), axis=-1) + rng.uniform(-0.02, 0.02, (30, 30, 2))
    vertices = np.concatenate((place, rng.uniform(-0.1, 0.1, (30, 30, 1))), axis=-1)
    corner = (np.arange(29)[:, None] * 30 + np.arange(29)).reshape(-1)
    triangles = np.concatenate(
        (
            np.stack((corner, corner + 1, corner + 31), axis=1),
            np.stack((corner, corner + 31, corner + 30), axis=1),
        )
    )
    mask = draw(vertices.reshape(-1, 3), triangles, (160, 200))["mask"].numpy()
    assert mask.min() == 1.0


def test_jacobian_against_finite_differences():
    rng = np.random.default_rng(5)
    vertices = np.array(
        [[-2.0, -1.4, -4.0], [2.2, -1.3, -5.0], [0.1, 1.9, -4.4], [2.0, 1.5, -6.0]], np.float32
    )
    triangles = [[0, 1, 2], [1, 3, 2]]
    colours = rng.normal(size=(4, 3)).astype(np.float32)
    upstream = rng.normal(size=(12, 18, 3)).astype(np.float32)

    def run(points, colours):
        result = draw(points, triangles, (12, 18), CAMERA, {"c": colours})
        return result["triangle_indices"].numpy() + 5 * result["mask"].numpy(), result["c"]

    visible, _ = run(vertices, colours)
    # Visibility is held constant: the loss is taken where neither step changes what is seen.
    steps = []
    for flat in range(vertices.size):
        for sign in (1.0, -1.0):
            moved = vertices.reshape(-1).copy()
            moved[flat] += sign * 1e-2
            steps.append(run(moved.reshape(4, 3), colours))
    same = np.min([seen == visible for seen, _ in steps], axis=0)
    assert same.mean() > 0.8
    weight = upstream * same

    inputs = [tf.constant(vertices), tf.constant(colours)]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        result = triangle_rasterizer.rasterize(
            inputs[0], np.array(triangles, np.int32), {"c": inputs[1]}, CAMERA, (12, 18)
        )
        loss = tf.reduce_sum(result["c"] * weight)
    by_vertex, by_colour = (tf.convert_to_tensor(p).numpy() for p in tape.gradient(loss, inputs))
    losses = np.array([np.sum(np.float64(image) * weight) for _, image in steps])
    numeric = ((losses[0::2] - losses[1::2]) / 2e-2).reshape(4, 3)
    np.testing.assert_allclose(by_vertex, numeric, atol=2e-3 * np.abs(numeric).max())
    # The image is linear in the colours: sum over pixels of weight times barycentric.
    expected = np.zeros((4, 3))
    corners = np.array(triangles)[result["triangle_indices"].numpy()[..., 0]]
    barycentrics = result["barycentrics"].numpy()
    for k in range(3):
        np.add.at(expected, corners[..., k], barycentrics[..., k, None] * weight)
    np.testing.assert_allclose(by_colour, expected, rtol=1e-3, atol=1e-4)


def test_batch_dimensions_equal_separate_calls():
    rng = np.random.default_rng(7)
    meshes = [soup(np.random.default_rng(k), 12, 9, 4.0)[0] for k in range(6)]
    triangles = soup(rng, 12, 9, 4.0)[1]
    vertices = np.stack(meshes).reshape(2, 3, 12, 3)
    colours = rng.normal(size=(2, 3, 12, 4)).astype(np.float32)
    matrices = np.broadcast_to(CAMERA, (2, 3, 4, 4))
    together = draw(vertices, triangles, (6, 9), matrices, {"c": colours, "d": colours[..., :1]})
    assert together["c"].shape == (2, 3, 6, 9, 4)
    assert together["d"].shape == (2, 3, 6, 9, 1)
    for i, j in np.ndindex(2, 3):
        alone = draw(vertices[i, j], triangles, (6, 9), CAMERA, {"c": colours[i, j]})
        np.testing.assert_array_equal(together["triangle_indices"][i, j], alone["triangle_indices"])
        np.testing.assert_allclose(together["c"][i, j], alone["c"], atol=1e-6)


def test_limit_of_memory_changes_nothing():
    rng = np.random.default_rng(11)
    vertices, triangles = soup(rng, 60, 80, 3.0)
    batch = np.stack([vertices, vertices[::-1]])
    matrices = np.broadcast_to(CAMERA, (2, 4, 4))
    attributes = {"c": rng.normal(size=(2, 60, 2)).astype(np.float32)}
    free = draw(batch, triangles, (20, 30), matrices, attributes)
    # 2 * 80 triangles of some hundred pixels each, in passes of at most one image's area, 600.
    tight = draw(batch, triangles, (20, 30), matrices, attributes, max_candidates=1)
    for key, value in free.items():
        np.testing.assert_array_equal(value, tight[key])


def test_one_trace_for_each_shape():
    traces = []

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None, 3], tf.float32),
            tf.TensorSpec([None, None, 2], tf.float32),
        ]
    )
    def run(vertices, colours):
        traces.append(1)
        matrices = tf.tile(CAMERA[None], [tf.shape(vertices)[0], 1, 1])
        return triangle_rasterizer.rasterize(
            vertices, tf.constant([[0, 1, 2]]), {"c": colours}, matrices, (6, 9)
        )["c"]

    triangle = np.array([[-2, -1, -4], [2, -1, -4], [0, 2, -4]], np.float32)
    for count in (1, 3):
        image = run(np.tile(triangle, (count, 1, 1)), np.ones((count, 3, 2), np.float32))
        assert image.shape == (count, 6, 9, 2)
        assert image.numpy().max() == pytest.approx(1.0)
    assert len(traces) == 1


def test_not_finite_vertices_are_not_drawn():
    vertices = np.concatenate((COVER, COVER))
    vertices[1, 0] = np.nan
    result = draw(vertices, [[0, 1, 2], [3, 4, 5]])
    assert result["triangle_indices"].numpy().min() == 1
    assert np.isfinite(result["index"].numpy()).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vertices": np.zeros((5, 2))}, r"vertices must have shape \[..., \?, 3\], got \(5, 2\)"),
        ({"triangles": np.zeros((2, 4), int)}, r"triangles must have shape \[..., 3\]"),
        ({"view_projection_matrix": np.eye(3)}, r"view_projection_matrix must have shape"),
        ({"attributes": {"c": np.zeros((4, 3))}}, r"attributes\['c'\] must have shape \[..., 5"),
        ({"attributes": {"c": np.zeros((2, 5, 3))}}, "same batch dimensions"),
        ({"attributes": {"mask": np.zeros((5, 1))}}, "must not be called 'mask'"),
        ({"image_size": (0, 4)}, r"image_size must be positive \(height, width\)"),
    ],
)
def test_shapes_are_refused(change, message):
    arguments = {
        "vertices": np.zeros((5, 3)),
        "triangles": np.zeros((2, 3), int),
        "attributes": {},
        "view_projection_matrix": np.eye(4),
        "image_size": (4, 4),
        **change,
    }
    with pytest.raises(ValueError, match=message):
        triangle_rasterizer.rasterize(**arguments)


def test_interpolate_equals_the_rasterized_attribute():
    rng = np.random.default_rng(13)
    vertices, triangles = soup(rng, 24, 20, 4.0)
    batch = np.stack([vertices, vertices[::-1]])
    colours = rng.normal(size=(2, 24, 3)).astype(np.float32)
    matrices = np.broadcast_to(CAMERA, (2, 4, 4))
    result = draw(batch, triangles, (14, 21), matrices, {"c": colours})
    buffer = Framebuffer.from_rasterized(result, triangles)
    again = interpolate.interpolate_vertex_attribute(colours, buffer)
    np.testing.assert_allclose(again, result["c"], atol=1e-5)
    background = interpolate.interpolate_vertex_attribute(colours, buffer, [1.0, 2.0, 3.0])
    outside = result["mask"].numpy()[..., 0] == 0.0
    assert outside.any()
    np.testing.assert_allclose(
        background.numpy()[outside], np.tile([1.0, 2.0, 3.0], (outside.sum(), 1)), atol=1e-6
    )
    with pytest.raises(ValueError, match="same batch dimensions"):
        interpolate.interpolate_vertex_attribute(colours[:1], buffer)
