from __future__ import annotations

import numpy as np
import tensorflow as tf

from mofa import jitter
from mofa.photographs import Photographs


def spots(places: np.ndarray, size: int = 64) -> np.ndarray:
    """A round spot at each place [N, 2] (x, y): [N, size, size, 3]."""
    y, x = np.mgrid[:size, :size]
    apart = (x - places[:, 0, None, None]) ** 2 + (y - places[:, 1, None, None]) ** 2
    return np.repeat(np.exp(-apart / 8.0)[..., None], 3, axis=-1).astype(np.float32)


def centre(images: np.ndarray) -> np.ndarray:
    y, x = np.mgrid[: images.shape[1], : images.shape[2]]
    mass = images[..., 0] / images[..., 0].sum(axis=(1, 2), keepdims=True)
    return np.stack(((mass * x).sum((1, 2)), (mass * y).sum((1, 2))), axis=-1)


def photographs(rng: np.random.Generator, count: int = 12) -> Photographs:
    places = rng.uniform(22, 42, (count, 2)).astype(np.float32)
    images = np.round(255 * spots(places)).astype(np.uint8)
    return Photographs(images, np.repeat(places[:, None], 5, axis=1), np.arange(count))


def test_landmarks_move_with_the_pictures(rng) -> None:
    images, points = next(jitter.Jittered(photographs(rng), 0.1).batches(8, seed=5))
    np.testing.assert_allclose(centre(images.numpy()), points[:, 0], atol=0.15)
    still = next(photographs(np.random.default_rng(0)).batches(8, seed=5))[1]
    assert np.abs(points - still).max() > 2.0


def test_nothing_moves_without_jitter(rng) -> None:
    data = photographs(rng)
    for found, expected in zip(
        next(jitter.Jittered(data, 0.0).batches(6, 1)), next(data.batches(6, 1)), strict=True
    ):
        np.testing.assert_array_equal(found, expected)


def test_batches_depend_on_seed_and_number_alone(rng) -> None:
    data = jitter.Jittered(photographs(rng), 0.05)
    stream = data.batches(4, seed=1)
    next(stream)
    for found, expected in zip(next(stream), next(data.batches(4, 1, first=1)), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_quarter_turn_by_hand() -> None:
    # (x, y) -> (-y, x) about the middle of 3 x 3 pixels: the top row becomes the right column.
    matrix = np.array([[[0.0, -1.0, 2.0], [1.0, 0.0, 0.0]]], np.float32)
    image = np.zeros([1, 3, 3, 3], np.float32)
    image[0, 0] = [[1.0] * 3, [2.0] * 3, [3.0] * 3]
    found = jitter.moved(tf.constant(image), matrix).numpy()[0, ..., 0]
    np.testing.assert_allclose(found, [[0, 0, 1], [0, 0, 2], [0, 0, 3]], atol=1e-5)
    np.testing.assert_allclose(
        jitter.moved_points(np.float32([[[0.0, 0.0], [2.0, 0.0]]]), matrix), [[[2, 0], [2, 2]]]
    )


def test_deviations_are_the_amount_and_cut_at_two(rng) -> None:
    matrices = jitter.similarities(4000, 100, 0.05, rng)
    size = np.sqrt(np.linalg.det(matrices[:, :, :2])) - 1.0
    turn = np.arctan2(matrices[:, 1, 0], matrices[:, 0, 0])
    middle = np.full([4000, 1, 2], 49.5, np.float32)
    shift = (jitter.moved_points(middle, matrices) - middle)[:, 0] / 100.0
    for value in (size, turn, shift[:, 0], shift[:, 1]):
        # A normal cut (by moving to the bound) at two deviations has a deviation of 0.96.
        assert 0.045 < value.std() < 0.051
        assert np.abs(value).max() < 0.1001
