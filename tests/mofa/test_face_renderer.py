"""From codes to pictures, and back by gradient descent."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import tensorflow as tf

from mofa import code as codes
from mofa import face_model_files, landmarks
from mofa.face_renderer import Camera, FaceRenderer, default_light
from mofa.rendering import spherical_harmonics


@pytest.fixture(scope="module")
def renderer(shell):
    return FaceRenderer(shell, Camera(image_size=(40, 40)))


def make(count=1, **parts):
    """A code with some parts set."""
    zero = codes.zeros(count)
    return codes.join(
        dataclasses.replace(zero, **{k: tf.constant(v, tf.float32) for k, v in parts.items()})
    )


def test_the_middle_of_the_model_is_the_middle_of_the_image(shell, renderer):
    face = renderer.face(make())
    middle = 0.5 * (face.vertices[0].numpy().min(axis=0) + face.vertices[0].numpy().max(axis=0))
    np.testing.assert_allclose(middle, [0, 0, -1200], atol=1e-2)
    # The centre of a 40 pixel image lies between pixels 19 and 20.
    np.testing.assert_allclose(renderer.project([0.0, 0.0, -1200.0]), [19.5, 19.5], atol=1e-4)
    # 10 mm to the right and 20 mm up: focal 40 * 1015 / 224 = 181.25 px, over 1200 mm.
    step = 181.25 / 1200
    np.testing.assert_allclose(
        renderer.project([10.0, 20.0, -1200.0]), [19.5 + 10 * step, 19.5 - 20 * step], atol=1e-4
    )


def test_another_size_is_the_same_view(renderer):
    face, point = make(translation=[[5.0, -3.0, 40.0]]), [10.0, 20.0, -1100.0]
    double = renderer.sized((80, 80))
    # The corner of the image, half a pixel outside the first centre, stays where it is.
    np.testing.assert_allclose(
        double.project(point) + 0.5, 2.0 * (renderer.project(point) + 0.5), atol=1e-4
    )
    np.testing.assert_array_equal(double.vertices(face), renderer.vertices(face))
    assert double.render(face).image.shape == (1, 80, 80, 3)


def test_projected_vertices_agree_with_the_rasterizer(shell):
    # One vertex lifted far out of a small face is the only thing drawn near its projection.
    camera = Camera(image_size=(60, 80))
    code = make(translation=[[30.0, -20.0, 100.0]], rotation=[[0.1, 0.3, -0.2]])
    renderer = FaceRenderer(shell, camera)
    face = renderer.face(code)
    mask = renderer.draw(face).mask.numpy()[0, :, :, 0]
    place = renderer.project(face.vertices[0]).numpy()
    rows, columns = np.where(mask > 0)
    for axis, seen in ((0, columns), (1, rows)):
        visible = np.clip(place[:, axis], 0, mask.shape[1 - axis] - 1)
        assert abs(seen.min() - visible.min()) < 1.5
        assert abs(seen.max() - visible.max()) < 1.5


def test_zero_code_is_the_mean_face_in_the_default_light(shell, renderer):
    face = renderer.face(make())
    np.testing.assert_allclose(face.albedo[0], shell.mean_albedo, atol=1e-6)
    shade = spherical_harmonics.shade(face.normals, default_light()[None])
    np.testing.assert_allclose(face.colours, face.albedo * shade, atol=1e-6)
    # Facing the camera the default light is close to 1.
    assert float(spherical_harmonics.shade([[0.0, 0.0, 1.0]], default_light())[0, 0]) == (
        pytest.approx(1.0, abs=0.1)
    )


def test_light_has_the_three_colours_side_by_side(renderer):
    # Light numbers 0, 1, 2 are red, green and blue of the constant harmonic; adding UNIT_AMBIENT to
    # green alone adds the green albedo once.
    before = renderer.face(make())
    light = np.zeros((1, 27), np.float32)
    light[0, 1] = spherical_harmonics.UNIT_AMBIENT
    after = renderer.face(make(light=light))
    change = (after.colours - before.colours).numpy()
    np.testing.assert_allclose(change[..., 1], before.albedo[..., 1], atol=1e-5)
    np.testing.assert_allclose(change[..., [0, 2]], 0.0, atol=1e-6)


def test_directions_of_the_pose(shell, renderer):
    # The nose is the vertex farthest in front. Nodding moves it down, a positive y to the right of
    # the picture.
    mean = shell.mean_shape
    nose = int(np.argmax(mean[:, 2]))

    def place(**pose):
        return renderer.project(renderer.face(make(**pose)).vertices[0, nose]).numpy()

    x, y = place()
    assert place(rotation=[[0.2, 0, 0]])[1] > y + 1
    assert place(rotation=[[0, 0.2, 0]])[0] > x + 1
    assert place(translation=[[10.0, 0, 0]])[0] > x + 1
    assert place(translation=[[0, 10.0, 0]])[1] < y - 1
    mask = renderer.render(make()).mask.numpy().sum()
    assert renderer.render(make(translation=[[0, 0, 200.0]])).mask.numpy().sum() > mask * 1.2


def test_picture_over_a_background(renderer):
    picture = renderer.render(make())
    over = picture.over(0.25).numpy()
    outside = picture.mask.numpy()[..., 0] == 0.0
    assert outside.any()
    assert (over[outside] == 0.25).all()
    np.testing.assert_allclose(
        over[~outside], np.clip(picture.image.numpy()[~outside], 0, 1), atol=1e-6
    )
    assert over.max() <= 1.0


def test_landmarks_are_projected_vertices(shell, renderer):
    face = renderer.face(make())
    marks = renderer.landmarks(face)
    assert marks.shape == (1, 68, 2)
    vertex = shell.landmarks["jaw.1"]
    np.testing.assert_allclose(marks[0, 0], renderer.project(face.vertices[0, vertex]))
    bare = FaceRenderer(dataclasses.replace(shell, landmarks={}), Camera(image_size=(8, 8)))
    assert np.isnan(bare.landmarks(face)).all()
    assert bare.landmarks(face).shape == (1, 68, 2)


def test_landmarks_that_the_model_lacks_are_not_known(shell, renderer):
    face = renderer.face(make())
    some = {name: shell.landmarks[name] for name in (*landmarks.LEAST, "jaw.3")}
    fewer = FaceRenderer(dataclasses.replace(shell, landmarks=some), renderer.camera)
    all_there, found = renderer.landmarks(face).numpy(), fewer.landmarks(face).numpy()
    there = np.isin(landmarks.NAMES, list(some))
    assert there.sum() == 8
    np.testing.assert_array_equal(found[:, there], all_there[:, there])
    assert np.isnan(found[:, ~there]).all()
    five = fewer.five_landmarks(face).numpy()
    np.testing.assert_allclose(five[0, 0], all_there[0, [36, 39]].mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(five[0, 1], all_there[0, [42, 45]].mean(axis=0), rtol=1e-6)
    np.testing.assert_array_equal(five[0, 2:], all_there[0, [30, 48, 54]])
    # A model with all of them keeps to the middle of the lids.
    whole = renderer.five_landmarks(face).numpy()
    np.testing.assert_allclose(whole[0, 0], all_there[0, 36:42].mean(axis=0), rtol=1e-6)


def test_a_part_lies_and_is_lit_as_in_the_whole(shell, renderer):
    rng = np.random.default_rng(4)
    code = (0.3 * rng.normal(size=(2, codes.SIZE))).astype(np.float32)
    chosen = rng.random(len(shell.mean_shape)) < 0.1
    part, kept = renderer.around(chosen)
    assert chosen.sum() < len(kept) < len(chosen)
    assert (np.diff(kept) > 0).all()
    whole, alone = renderer.face(code), part.face(code)
    np.testing.assert_allclose(alone.vertices, whole.vertices.numpy()[:, kept], atol=1e-3)
    np.testing.assert_allclose(alone.albedo, whole.albedo.numpy()[:, kept], atol=1e-6)
    mine = chosen[kept]
    for name in ("normals", "colours"):
        found, true = getattr(alone, name).numpy(), getattr(whole, name).numpy()[:, kept]
        np.testing.assert_allclose(found[:, mine], true[:, mine], atol=1e-5)
    # Where neighbours are missing normals are others: the first assertion above can fail.
    assert np.abs(alone.normals.numpy() - whole.normals.numpy()[:, kept])[:, ~mine].max() > 1e-2
    np.testing.assert_allclose(part.landmarks(alone), renderer.landmarks(whole), atol=1e-3)


def test_a_part_of_nothing_is_refused(shell, renderer):
    with pytest.raises(ValueError, match="one of them at least; got 0 of"):
        renderer.around(np.zeros(len(shell.mean_shape), bool))
    with pytest.raises(ValueError, match=r"got 3 of \[3\]"):
        renderer.around(np.ones(3, bool))


def test_gradient_reaches_all_257_numbers_and_agrees_with_differences(renderer):
    rng = np.random.default_rng(0)
    code = 0.3 * rng.normal(size=(1, 257)).astype(np.float32)
    code[:, codes.SLICES["rotation"]] *= 0.3
    weight = rng.normal(size=(1, 40, 40, 3)).astype(np.float32)

    @tf.function
    def seen(code):
        picture = renderer.render(code)
        return picture.image, picture.mask

    variable = tf.constant(code)
    with tf.GradientTape() as tape:
        tape.watch(variable)
        # Inside the face only: at the outline visibility changes, which has no gradient.
        image, mask = seen(variable)
        inner = -tf.nn.max_pool2d(-mask, 5, 1, "SAME") * weight
        loss = tf.reduce_sum(image * inner)
    gradient = tape.gradient(loss, variable).numpy()[0]
    assert np.isfinite(gradient).all()
    assert (gradient != 0.0).all()
    steps = {"shape": 0.02, "expression": 0.02, "albedo": 0.3, "light": 0.05}
    steps |= {"rotation": 2e-4, "translation": 0.02}
    for name, part in codes.SLICES.items():
        for number in (part.start, part.start + 1, part.stop - 1):
            losses = []
            for sign in (1.0, -1.0):
                moved = code.copy()
                moved[0, number] += sign * steps[name]
                losses.append(float(np.sum(np.float64(seen(moved)[0]) * inner)))
            numeric = (losses[0] - losses[1]) / (2.0 * steps[name])
            size = np.abs(gradient[part]).max()
            # Inside the face, too, pixels change triangles: the picture is continuous there but
            # for occlusion, so that differences agree up to second order.
            assert gradient[number] == pytest.approx(numeric, abs=0.08 * float(size)), name


def test_pose_and_light_are_recovered_by_gradient_descent(shell):
    renderer = FaceRenderer(shell, Camera(image_size=(48, 48)))
    rng = np.random.default_rng(1)
    truth = np.zeros((1, 257), np.float32)
    truth[:, codes.SLICES["rotation"]] = [0.12, -0.2, 0.08]
    truth[:, codes.SLICES["translation"]] = [6.0, -4.0, 30.0]
    truth[:, codes.SLICES["light"]] = 0.1 * rng.normal(size=27)
    goal = renderer.render(truth)
    pose = tf.Variable(tf.zeros([1, 6]))
    light = tf.Variable(tf.zeros([1, 27]))
    # Radians, millimetres and light differ in size: each is optimised in units of its own.
    units = tf.constant([[0.1, 0.1, 0.1, 5.0, 5.0, 30.0]])
    optimizer = tf.keras.optimizers.Adam(0.05)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            code = tf.concat((tf.zeros([1, 224]), pose * units, light), axis=-1)
            picture = renderer.render(code)
            both = picture.mask * goal.mask
            error = tf.reduce_sum(both * (picture.image - goal.image) ** 2) / tf.reduce_sum(both)
        variables = [pose, light]
        optimizer.apply_gradients(zip(tape.gradient(error, variables), variables, strict=True))
        return error

    first = float(step())
    for _ in range(150):
        last = float(step())
    assert last < 0.01 * first
    found = (pose * units).numpy()[0]
    np.testing.assert_allclose(found[:3], [0.12, -0.2, 0.08], atol=0.02)
    np.testing.assert_allclose(found[3:5], [6.0, -4.0], atol=1.0)
    # The light is compared by what it does to the face, where some harmonics are nearly alike.
    code = np.concatenate((np.zeros((1, 224)), found[None], light.numpy()), axis=1)
    got, want = renderer.face(code), renderer.face(truth)
    facing = want.normals.numpy()[0, :, 2] > 0.3
    np.testing.assert_allclose(
        got.colours.numpy()[0, facing], want.colours.numpy()[0, facing], atol=0.08
    )


def test_one_trace_for_every_batch(renderer):
    traces = []

    @tf.function(input_signature=[tf.TensorSpec([None, 257], tf.float32)])
    def run(code):
        traces.append(1)
        return renderer.render(code).image

    assert run(make(1)).shape == (1, 40, 40, 3)
    assert run(make(3)).shape == (3, 40, 40, 3)
    assert len(traces) == 1


def test_a_batch_equals_single_faces(renderer):
    code = 0.5 * np.random.default_rng(2).normal(size=(3, 257)).astype(np.float32)
    together = renderer.render(code)
    for number in range(3):
        alone = renderer.render(code[number : number + 1])
        np.testing.assert_allclose(together.image[number], alone.image[0], atol=1e-5)


def test_limit_of_memory_changes_nothing(shell, renderer):
    tight = FaceRenderer(shell, renderer.camera, max_candidates=1)
    code = make(2, rotation=[[0, 0.4, 0], [0.2, 0, 0]])
    np.testing.assert_array_equal(renderer.render(code).image, tight.render(code).image)


def test_camera_field_of_view():
    # Half the height at the focal length: tan(fov / 2) = 0.5 / focal, so m11 = 2 * focal.
    matrix = Camera(image_size=(100, 200), focal=3.0).projection().numpy()
    assert matrix[1, 1] == pytest.approx(6.0)
    assert matrix[0, 0] == pytest.approx(3.0)
    assert math.degrees(2 * math.atan(0.5 / Camera().focal)) == pytest.approx(12.59, abs=0.01)


def test_default_model_has_no_holes_and_looks_like_skin():
    renderer = FaceRenderer(face_model_files.read(), Camera(image_size=(112, 112)))
    picture = renderer.render(make())
    mask = picture.mask.numpy()[0, :, :, 0]
    assert 0.3 < mask.mean() < 0.8
    # From the front every row of the face is one run of pixels above the ears and chin: no holes
    # anywhere means that the background is connected to the border.
    outside = mask == 0.0
    reached = np.zeros_like(outside)
    reached[0], reached[-1], reached[:, 0], reached[:, -1] = (
        outside[0],
        outside[-1],
        outside[:, 0],
        outside[:, -1],
    )
    while True:
        grown = reached.copy()
        grown[1:] |= reached[:-1]
        grown[:-1] |= reached[1:]
        grown[:, 1:] |= reached[:, :-1]
        grown[:, :-1] |= reached[:, 1:]
        grown &= outside
        if (grown == reached).all():
            break
        reached = grown
    assert (reached == outside).all()
    # The mean picture is left-right symmetric up to the mesh.
    image = picture.image.numpy()[0]
    assert np.abs(image - image[:, ::-1]).mean() < 0.02
    # Cheeks are skin: red above green above blue.
    red, green, blue = image[60:66, 40:44].mean(axis=(0, 1))
    assert red > green > blue
