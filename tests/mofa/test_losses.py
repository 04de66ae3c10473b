from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import scipy.ndimage
import tensorflow as tf

from mofa import code as codes
from mofa import landmarks
from mofa.face_region import face_region, seen, shown_area
from mofa.face_renderer import FaceRenderer
from mofa.losses import AutoencoderLoss, CodeLoss, Weights, draw_region
from mofa.morphable_model import Modes
from weights.errors import InputError


@pytest.fixture
def renderer(outlined: FaceRenderer) -> FaceRenderer:
    return outlined


def some_code(count: int = 2, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    code = 0.2 * rng.normal(size=(count, codes.SIZE))
    code[:, codes.SLICES["translation"]] *= 10
    return code.astype(np.float32)


def target_of(renderer: FaceRenderer, code: np.ndarray) -> tuple[tf.Tensor, tf.Tensor]:
    face = renderer.face(code)
    return renderer.draw(face).image, landmarks.five(renderer.landmarks(face))


def test_region_is_the_front_between_brows_and_chin(renderer) -> None:
    region = face_region(renderer).astype(bool)
    mean = renderer.model.mean_shape
    assert 0.05 < region.mean() < 0.8
    assert (mean[region][:, 1] < 95).all()
    assert (mean[region][:, 1] > -75).all()
    assert (np.abs(mean[region][:, 0]) < 66).all()


def test_what_lies_behind_is_not_seen(renderer) -> None:
    code = np.zeros((1, codes.SIZE), np.float32)
    code[0, codes.SLICES["rotation"].start + 1] = 1.2
    turned = renderer.face(code)
    facing = np.sum(turned.normals.numpy() * -turned.vertices.numpy(), axis=-1)[0] > 0
    visible = seen(renderer, turned.vertices)[0].numpy()
    assert visible[facing].mean() > 0.8
    assert visible[~facing].mean() < visible[facing].mean() - 0.3


def test_shown_area_is_that_of_the_triangles_in_front(renderer) -> None:
    model = renderer.model
    # A second shell behind the first, smaller, so that all of it is hidden.
    back = model.mean_shape * [0.5, 0.5, 1.0] - [0.0, 0.0, 60.0]
    count = len(back)
    hidden = dataclasses.replace(
        model,
        mean_shape=np.concatenate([model.mean_shape, back]).astype(np.float32),
        mean_albedo=np.tile(model.mean_albedo, (2, 1)),
        identity=doubled(model.identity),
        expression=doubled(model.expression),
        albedo=doubled(model.albedo),
        triangles=np.concatenate([model.triangles, model.triangles + count]),
    )
    area = shown_area(FaceRenderer(hidden, renderer.camera), 224)
    assert (area[count:] == 0.0).all()
    # The middle of the shell is seen whole: by hand, a third of every triangle around a vertex.
    middle = int(np.argmin(np.abs(model.mean_shape[:, :2]).sum(axis=1)))
    mean = renderer.face(tf.zeros([1, codes.SIZE])).vertices[0].numpy()
    around = [t for t in model.triangles if middle in t]
    third = sum(
        np.linalg.norm(np.cross(mean[b] - mean[a], mean[c] - mean[a])) / 6.0 for a, b, c in around
    )
    assert area[middle] == pytest.approx(third, rel=1e-4)


def doubled(modes: Modes) -> Modes:
    """The same modes on a second copy of the vertices, which they leave alone."""
    return Modes(np.concatenate([modes.basis, np.zeros_like(modes.basis)]), modes.std)


@pytest.mark.parametrize("kind", ["vertex", "area", "raster"])
def test_the_truth_costs_next_to_nothing(renderer, kind: str) -> None:
    code = some_code()
    image, points = target_of(renderer, code)
    loss = AutoencoderLoss(renderer, photometric=kind)
    right = loss(code, image, points)
    other = some_code(seed=1)
    wrong = loss(other, image, points)
    assert float(right["landmark"]) < 1e-6 < float(wrong["landmark"])
    # A vertex at the outline is sampled between face and background.
    assert float(right["photometric"]) < (1e-3 if kind == "raster" else 0.5) * float(
        wrong["photometric"]
    )


def test_terms_by_hand(renderer) -> None:
    code = np.zeros((2, codes.SIZE), np.float32)
    code[0, codes.SLICES["shape"].start] = 2.0
    code[:, codes.SLICES["expression"].start] = 1.0
    code[1, codes.SLICES["albedo"].start] = 3.0
    code[0, codes.SLICES["light"].start] = 0.3  # red alone
    image, points = target_of(renderer, code)
    weights = Weights(regulariser=0.1, shape=1.0, expression=0.5, albedo=2.0, light=10.0)
    terms = AutoencoderLoss(renderer, weights)(code, image, points + 2.0)
    assert float(terms["shape"]) == pytest.approx(0.1 * 1.0 * 4.0 / 2)
    assert float(terms["expression"]) == pytest.approx(0.1 * 0.5 * 1.0)
    assert float(terms["albedo"]) == pytest.approx(0.1 * 2.0 * 9.0 / 2)
    # Grey is 0.1: differences 0.2, -0.1 and -0.1.
    assert float(terms["light"]) == pytest.approx(10.0 * 0.06 / 2, rel=1e-4)
    # Two pixels of 48 in x and y are 9.33 of 224 each.
    assert float(terms["landmark"]) == pytest.approx(1.6e-3 * 2 * (2 * 224 / 48) ** 2, rel=1e-4)


def test_colours_by_the_whole_face(renderer) -> None:
    code, truth = some_code(), some_code(seed=1)
    image, points = target_of(renderer, truth)
    face, true = renderer.face(code), renderer.face(truth)
    region = face_region(renderer)
    area = region * shown_area(renderer)

    x, y = np.moveaxis(renderer.project(face.vertices).numpy(), -1, 0)
    facing = -np.sum(face.normals * tf.math.l2_normalize(face.vertices, axis=-1), axis=-1)
    photograph = np.empty(face.colours.shape, np.float32)
    for k in range(2):  # scipy counts rows first
        for c in range(3):
            photograph[k, :, c] = scipy.ndimage.map_coordinates(
                image[k, ..., c], [y[k], x[k]], order=1, mode="nearest"
            )
    distance = np.linalg.norm(face.colours - photograph, axis=-1)
    for kind, weight in (("vertex", region * (facing > 0)), ("area", area * facing.clip(min=0))):
        expected = 1.92 * np.mean((weight * distance).sum(axis=1) / weight.sum(axis=1))
        terms = AutoencoderLoss(renderer, photometric=kind)(code, image, points)
        assert float(terms["photometric"]) == pytest.approx(expected, rel=1e-3)

    terms = CodeLoss(renderer, np.ones(codes.SIZE, np.float32))(code, truth)
    distance = np.linalg.norm(face.colours - true.colours, axis=-1)
    expected = 10.0 * np.mean((area * distance).sum(axis=1) / area.sum())
    assert float(terms["code_colours"]) == pytest.approx(expected, rel=1e-3)
    moved = renderer.project(face.vertices) - renderer.project(true.vertices)
    expected = 0.2 * 224 / 48 * np.linalg.norm(moved, axis=-1).mean()
    assert float(terms["code_vertices"]) == pytest.approx(expected, rel=1e-3)


def test_landmarks_that_outline_nothing_are_refused(renderer) -> None:
    model = dataclasses.replace(renderer.model, landmarks=dict.fromkeys(landmarks.NAMES, 0))
    with pytest.raises(InputError, match="check which vertices they name"):
        AutoencoderLoss(FaceRenderer(model, renderer.camera))


def test_unknown_landmarks_do_not_count(renderer) -> None:
    code = tf.Variable(some_code())
    image, points = target_of(renderer, some_code())
    points = points.numpy() + 1.0
    points[0, 2] = np.nan
    points[1] = np.nan
    loss = AutoencoderLoss(renderer)
    with tf.GradientTape() as tape:
        value = loss(code, image, points)["landmark"]
    assert float(value) == pytest.approx(1.6e-3 * 2 * (224 / 48) ** 2 / 2, rel=1e-3)
    assert np.isfinite(tape.gradient(value, code)).all()


@pytest.mark.parametrize("kind", ["vertex", "area", "raster"])
def test_gradient_is_that_of_finite_differences(renderer, kind: str) -> None:
    image, points = target_of(renderer, some_code(1, seed=3))
    smooth = tf.nn.avg_pool2d(image, 5, 1, "SAME")
    loss = AutoencoderLoss(renderer, photometric=kind)
    start = some_code(1)

    @tf.function
    def value(code: tf.Tensor) -> tf.Tensor:
        return tf.add_n(list(loss(code, smooth, points).values()))

    code = tf.constant(start)
    with tf.GradientTape() as tape:
        tape.watch(code)
        total = value(code)
    gradient = tape.gradient(total, code).numpy()[0]
    # Albedo and light move nothing, so that visibility stays.
    for name in ("albedo", "light"):
        index = codes.SLICES[name].start
        step = np.zeros_like(start)
        step[0, index] = 1e-2
        numeric = float(value(start + step) - value(start - step)) / 2e-2
        assert gradient[index] == pytest.approx(numeric, rel=0.05, abs=1e-4)


def test_code_loss_is_zero_at_the_truth_and_grows_with_each_part(renderer) -> None:
    truth = some_code()
    loss = CodeLoss(renderer, np.full(codes.SIZE, 0.5, np.float32), weight=2.0)
    at_truth = loss(truth, truth)
    # The length of a colour difference is at least 1e-4, for its gradient's sake: 2 * 10 * 1e-4.
    assert float(at_truth.pop("code_colours")) == pytest.approx(2e-3, rel=1e-2)
    assert all(float(term) < 1e-3 for term in at_truth.values())
    for name, part in codes.SLICES.items():
        wrong = truth.copy()
        wrong[:, part] += 1.0
        terms = loss(wrong, truth)
        size = {"shape": 0.5, "expression": 0.5, "albedo": 0.5}.get(name, 2.0)
        # Two spreads away: sqrt(4 + 0.01) - 0.1.
        assert float(terms[f"code_{name}"]) == pytest.approx(2.0 * size * 1.9025, rel=1e-3)
        assert terms["code_colours"] > (0.0 if name == "translation" else 0.1)
        assert (
            sum(float(v) > 1e-3 for k, v in terms.items() if k.split("_")[1] in codes.SLICES) == 1
        )


def test_region_is_drawn_where_it_is(renderer) -> None:
    region = face_region(renderer)
    image, shown = draw_region(renderer, renderer.face(np.zeros((1, 257), np.float32)), region)
    mask = renderer.render(np.zeros((1, 257), np.float32)).mask[..., 0]
    assert 0.05 * float(tf.reduce_sum(mask)) < float(tf.reduce_sum(shown))
    assert float(tf.reduce_sum(shown * (1 - mask))) == 0.0
    assert image.shape == (1, 48, 48, 3)


def test_wrong_arguments_are_refused(renderer) -> None:
    with pytest.raises(InputError, match="`photometric` must be vertex, area or raster"):
        AutoencoderLoss(renderer, photometric="pixel")
    with pytest.raises(InputError, match="`landmark` must be a weight of 0 or more"):
        Weights(landmark=-1.0)
    image, _ = target_of(renderer, some_code())
    with pytest.raises(ValueError, match="5 or 68"):
        AutoencoderLoss(renderer)(some_code(), image, tf.zeros([2, 7, 2]))
