from __future__ import annotations

import itertools

import numpy as np
import pytest

from mofa import landmarks
from mofa.face_renderer import Camera, FaceRenderer
from mofa.photographs import Photographs, crop, crop_matrix, crop_template, mirrored

TEMPLATE = np.array([(20, 20), (44, 20), (32, 32), (24, 44), (40, 44)], np.float32)


def test_template_is_where_the_camera_sees_the_mean_face(shell) -> None:
    renderer = FaceRenderer(shell, Camera(image_size=(64, 64)))
    points = renderer.landmarks(renderer.face(np.zeros((1, 257), np.float32)))[0].numpy()
    template = crop_template(renderer)
    np.testing.assert_allclose(template[0], points[36:42].mean(0), rtol=1e-5)
    np.testing.assert_allclose(template[1], points[42:48].mean(0), rtol=1e-5)
    np.testing.assert_allclose(template[2:], points[[30, 48, 54]], rtol=1e-5)


@pytest.mark.parametrize("scale", [0.3, 1.0, 4.7])
def test_a_crop_turns_scales_and_shifts(scale: float) -> None:
    angle = 0.4
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = (TEMPLATE - 32) @ turn.T + 150.0
    rows, columns = np.mgrid[:300, :300]
    photograph = np.stack([columns, rows, 0 * rows], -1).clip(0, 255).astype(np.uint8)
    image, placed = crop(photograph, points, TEMPLATE, 64)
    np.testing.assert_allclose(placed, TEMPLATE, atol=1e-3)
    assert image.shape == (64, 64, 3)
    # Colours of the photograph are its coordinates.
    for target, source in zip(TEMPLATE.astype(int), points, strict=True):
        if (source > 5).all() and (source < 250).all():
            np.testing.assert_allclose(image[target[1], target[0], :2], source, atol=2.0)


def test_sixty_eight_landmarks_come_along() -> None:
    points = np.random.default_rng(0).uniform(20, 60, (68, 2)).astype(np.float32)
    _, placed = crop(np.zeros((80, 80, 3), np.uint8), points, TEMPLATE, 64)
    matrix = crop_matrix(landmarks.five(points).numpy(), TEMPLATE)
    np.testing.assert_allclose(placed, points @ matrix[:, :2].T + matrix[:, 2], rtol=1e-4)


@pytest.mark.parametrize("points", [np.zeros((5, 2)), np.full((5, 2), np.nan), np.zeros((4, 2))])
def test_points_that_are_no_face_are_refused(points: np.ndarray) -> None:
    with pytest.raises(ValueError, match="points"):
        crop_matrix(points, TEMPLATE)


def some(count: int = 6, size: int = 16) -> Photographs:
    rng = np.random.default_rng(0)
    return Photographs(
        rng.integers(0, 256, (count, size, size, 3), np.uint8),
        rng.uniform(0, size, (count, 5, 2)).astype(np.float32),
        np.arange(count, dtype=np.int32),
    )


def test_joined_data_sets_share_nobody() -> None:
    one, other = some(3), some(4)
    joined = Photographs.joined([one, other, one.part(slice(0))])
    np.testing.assert_array_equal(joined.people, [0, 1, 2, 3, 4, 5, 6])
    np.testing.assert_array_equal(joined.images[3:], other.images)
    np.testing.assert_array_equal(joined.landmarks[:3], one.landmarks)


def test_batches_depend_on_seed_and_number_alone() -> None:
    data = some()
    first = [batch for batch, _ in zip(data.batches(4, 7), range(3), strict=False)]
    later = next(data.batches(4, 7, first=2))
    for one, other in zip(first[2], later, strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(first[0][0], first[1][0])
    assert not np.array_equal(first[0][0], next(data.batches(4, 8))[0])


def test_in_twos_a_batch_has_two_photographs_of_each_person() -> None:
    data = some(12)
    data = Photographs(data.images, data.landmarks, np.arange(12, dtype=np.int32) // 3)
    data.images[:] = np.arange(12)[:, None, None, None]
    for images, _ in itertools.islice(data.batches(5, 0, in_twos=True), 6):
        rows = np.round(255 * images[:, 0, 0, 0].numpy()).astype(int)
        assert len(rows) == 5
        for one, other in (rows[:2], rows[2:4]):
            assert data.people[one] == data.people[other]
            assert one != other


def test_half_of_the_faces_are_mirrored_with_their_landmarks() -> None:
    data = some(count=1)
    seen = set()
    for images, points in itertools.islice(data.batches(1, 0), 20):
        flipped = not np.array_equal(np.round(255 * images[0]), data.images[0])
        expected = mirrored(data.landmarks, 16) if flipped else data.landmarks
        np.testing.assert_allclose(points, expected)
        seen.add(flipped)
    assert seen == {False, True}


def test_mirrored_landmarks_change_sides() -> None:
    points = np.array([[(2, 5), (9, 6), (6, 8), (3, 12), (8, 11)]], np.float32)
    expected = [[(6, 6), (13, 5), (9, 8), (7, 11), (12, 12)]]
    np.testing.assert_array_equal(mirrored(points, 16), expected)
    many = np.random.default_rng(0).uniform(0, 16, (2, 68, 2)).astype(np.float32)
    np.testing.assert_allclose(mirrored(mirrored(many, 16), 16), many, rtol=1e-5)
    np.testing.assert_allclose(
        landmarks.five(mirrored(many, 16)), mirrored(landmarks.five(many).numpy(), 16), rtol=1e-5
    )


def test_a_smaller_size_averages_and_moves_landmarks() -> None:
    data = some(count=2)
    half = data.resized(8)
    mean = data.images.reshape(2, 8, 2, 8, 2, 3).astype(float).mean((2, 4))
    np.testing.assert_allclose(half.images, mean, atol=0.51)
    np.testing.assert_allclose(half.landmarks, data.landmarks / 2 - 0.25, rtol=1e-5)
    assert data.resized(16) is data
