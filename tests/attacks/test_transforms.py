from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from attacks import eyeglasses
from attacks.transforms import blur, resize_and_pad


def test_shrinks_and_pads_like_a_resize(rng: np.random.Generator) -> None:
    size = 12
    images = rng.uniform(0.1, 1.0, (6, size, size, 3)).astype(np.float32)
    shrunk = resize_and_pad(tf.constant(images), 1.0, 0.5, tf.constant([3, 4])).numpy()
    sides = set()
    for image, result in zip(images, shrunk, strict=True):
        rows = np.flatnonzero(result.any((1, 2)))
        columns = np.flatnonzero(result.any((0, 2)))
        side = len(rows)
        sides.add((side, rows[0], columns[0]))
        assert len(columns) == side
        assert 6 <= side <= size
        inner = result[rows[0] : rows[0] + side, columns[0] : columns[0] + side]
        np.testing.assert_allclose(inner, tf.image.resize(image, [side, side]), atol=1e-5)
    assert len(sides) > 1  # each image in its own way


def test_transforms_a_share_of_the_images(rng: np.random.Generator) -> None:
    images = rng.uniform(0.1, 1.0, (64, 5, 5, 3)).astype(np.float32)
    result = resize_and_pad(tf.constant(images), 0.5, 0.5, tf.constant([1, 1])).numpy()
    same = np.isclose(result, images, atol=1e-6).all((1, 2, 3))
    assert 20 <= same.sum() <= 50


def test_blur_is_a_gaussian_that_keeps_the_sum(rng: np.random.Generator) -> None:
    point = np.zeros((1, 15, 15, 3), np.float32)
    point[0, 7, 7] = [1.0, 2.0, 3.0]
    result = blur(tf.constant(point), 1.5).numpy()[0]
    np.testing.assert_allclose(result.sum((0, 1)), [1.0, 2.0, 3.0], rtol=1e-5)
    np.testing.assert_allclose(result[..., 1], 2.0 * result[..., 0], rtol=1e-5)
    np.testing.assert_allclose(result[7, 9, 0] / result[7, 7, 0], np.exp(-2.0 / 1.5**2), rtol=1e-5)
    np.testing.assert_allclose(result[9, 8, 0], result[6, 5, 0], rtol=1e-5)


LEFT, RIGHT = (53.0, 47.5), (106.0, 47.5)


def test_eyeglasses_frame_the_eyes() -> None:
    mask = eyeglasses(160, 160, LEFT, RIGHT)
    assert mask.shape == (160, 160, 1)
    assert set(np.unique(mask)) == {0.0, 1.0}
    assert not mask[47, 53, 0]
    assert not mask[47, 106, 0]
    assert eyeglasses(160, 160, LEFT, RIGHT, lenses=True)[47, 53, 0]
    assert mask[:28].sum() == 0
    assert mask[75:].sum() == 0
    assert mask[:, :5].any()  # the temples reach the border
    assert 0.04 < mask.mean() < 0.12  # Sharif et al.: about 6.5 % of a face image
    # Mirrored at the middle between the eyes, 79.5.
    np.testing.assert_array_equal(mask, mask[:, ::-1])


def test_eyeglasses_by_hand() -> None:
    # Eyes 30 pixels apart, the middle at (40, 40). A rim lies from 0.335 to 0.465 of that beside
    # its eye and from 0.235 to 0.365 above and below, bridge and temples from 0.035 to 0.165 above
    # the line of the eyes.
    mask = eyeglasses(81, 81, (25.0, 40.0), (55.0, 40.0))[..., 0] == 1.0
    aside = np.abs(np.arange(81) - 40)
    np.testing.assert_array_equal(mask[40], np.isin(aside, [2, 3, 4, 26, 27, 28]))
    np.testing.assert_array_equal(mask[:, 25], np.isin(aside, [8, 9, 10]))
    # In row 37 the rims are at 1.6 to 5.9 and 24.1 to 28.4, the bridge ends at 3, and the temples
    # begin at 27.
    np.testing.assert_array_equal(mask[37], (aside <= 5) | (aside >= 25))
    for column, bar in ((40, [36, 37, 38]), (0, [36, 37, 38])):
        np.testing.assert_array_equal(mask[:, column], np.isin(np.arange(81), bar))
    whole = eyeglasses(81, 81, (25.0, 40.0), (55.0, 40.0), lenses=True)[..., 0] == 1.0
    np.testing.assert_array_equal(whole[40], (aside >= 2) & (aside <= 28))
    np.testing.assert_array_equal(whole[:, 25], aside <= 10)


def test_eyeglasses_turn_with_the_eyes() -> None:
    upright = eyeglasses(81, 81, (25.0, 40.0), (55.0, 40.0))
    turned = eyeglasses(81, 81, (40.0, 25.0), (40.0, 55.0))
    rotated = np.rot90(upright, -1)  # clockwise: what is at the left goes up
    assert np.mean(rotated != turned) < 0.01


def test_refuses_eyes_that_fall_together() -> None:
    with pytest.raises(ValueError, match="apart from each other"):
        eyeglasses(10, 10, (3.0, 3.0), (3.0, 3.0))
    with pytest.raises(ValueError, match="height and width"):
        eyeglasses(0, 10, (3.0, 3.0), (6.0, 3.0))


def test_eyes_may_be_given_as_whole_numbers() -> None:
    whole = eyeglasses(40, 40, (12, 20), (28, 20))
    np.testing.assert_array_equal(whole, eyeglasses(40, 40, (12.0, 20.0), (28.0, 20.0)))
