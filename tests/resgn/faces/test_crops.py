"""Crops: where they lie in photographs, and how one is looked at as another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import tensorflow as tf

from resgn.faces.alignment import align_face, align_photograph, aligned_faces
from resgn.faces.crops import BOX, FIVE_POINTS, MARGIN, crop_matrix, view_matrices
from resgn.faces.landmarks import dataset_places
from resgn.faces.loading import load_dataset
from resgn.faces.template import FACE_TEMPLATE, similarity
from resgn.warp import warp
from weights.errors import InputError

PLACES = np.concatenate([FACE_TEMPLATE + np.array([40, 30]), [(70, 60), (160, 185)]])


def _at(matrix: np.ndarray, *points: tuple[float, float]) -> np.ndarray:
    return np.array([matrix @ (*point, 1.0) for point in points])


def test_the_box_by_hand() -> None:
    """90 x 125 pixels and 0.3 of their geometric mean around them, edges on edges."""
    matrix = crop_matrix(BOX, PLACES, (250, 250))
    half = MARGIN / 2 * np.sqrt(90 * 125)
    corners = (70 - half, 60 - half), (160 + half, 185 + half)
    np.testing.assert_allclose(_at(matrix, *corners), [(-0.5, -0.5), (159.5, 159.5)], atol=1e-9)
    # Stretched to a square, not turned.
    assert matrix[0, 1] == matrix[1, 0] == 0.0
    assert matrix[0, 0] == pytest.approx(160 / (90 + 2 * half))


def test_the_box_ends_where_the_photograph_ends() -> None:
    matrix = crop_matrix(BOX, PLACES, (190, 165), 80)
    half = MARGIN / 2 * np.sqrt(90 * 125)
    corners = (70 - half, 60 - half), (164.5, 189.5)
    np.testing.assert_allclose(_at(matrix, *corners), [(-0.5, -0.5), (79.5, 79.5)], atol=1e-9)
    with pytest.raises(ValueError, match="outside of the photograph"):
        crop_matrix(BOX, PLACES + 1000, (190, 165))
    with pytest.raises(ValueError, match="no face has the box"):
        crop_matrix(BOX, PLACES * np.nan, (190, 165))


def test_the_margin_is_measured_by_the_face() -> None:
    """A photograph of three times the resolution gives the same crop."""
    small = crop_matrix(BOX, PLACES, (250, 250))
    large = crop_matrix(BOX, (PLACES + 0.5) * 3 - 0.5, (750, 750))
    point = (100.0, 120.0)
    again = ((100.0 + 0.5) * 3 - 0.5, (120.0 + 0.5) * 3 - 0.5)
    np.testing.assert_allclose(_at(large, again), _at(small, point), atol=1e-6)


@pytest.mark.parametrize("crop", [FIVE_POINTS, BOX])
@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_photograph_on_its_side_gives_the_same_crop(crop: str, turns: int) -> None:
    rng = np.random.default_rng(3)
    image = cv2.resize(rng.integers(0, 256, [12, 14, 3], np.uint8), (240, 220))
    places, (height, width) = PLACES, image.shape[:2]
    for _ in range(turns):  # (x, y) goes to (y, width - 1 - x)
        places = np.stack([places[:, 1], width - 1 - places[:, 0]], 1)
        height, width = width, height
    turned = np.ascontiguousarray(np.rot90(image, turns))
    expected = align_face(image, PLACES, crop=crop)
    given = align_face(turned, places, crop=crop)
    assert np.abs(given.astype(int) - expected).max() <= 2


def test_five_points_need_no_box() -> None:
    expected = similarity(PLACES[:5])
    np.testing.assert_array_equal(crop_matrix(FIVE_POINTS, PLACES[:5], (9, 9)), expected)


def test_unknown_crop() -> None:
    with pytest.raises(InputError, match="'nose' is no crop of a face; known are five_points, box"):
        aligned_faces(load_dataset("orl"), [0], crop="nose")


def test_crops_of_orl_and_how_one_is_seen_as_the_other() -> None:
    dataset = load_dataset("orl")
    rows = [0, 57, 399]
    boxes = aligned_faces(dataset, rows, crop=BOX, progress=False)
    points = aligned_faces(dataset, rows, progress=False)
    assert (boxes.crop, points.crop) == (BOX, FIVE_POINTS)
    for image, row, places in zip(boxes.images, rows, dataset_places(dataset, rows), strict=True):
        np.testing.assert_array_equal(image, align_face(dataset.image(row), places, crop=BOX))
    for own, other in ((points, boxes), (boxes, points)):
        seen = warp(tf.constant(own.images, tf.float32), tf.constant(own.views(other.crop)))
        difference = np.abs(seen.numpy() - other.images)
        # The middle is in both; interpolated twice it is a little softer.
        assert difference[:, 40:120, 40:120].mean() < 4
        assert np.abs(own.images.astype(int) - other.images)[:, 40:120, 40:120].mean() > 10
    identity = np.broadcast_to([[1.0, 0, 0], [0, 1, 0]], (3, 2, 3))
    np.testing.assert_allclose(boxes.views(BOX), identity, atol=1e-4)


def test_views_by_hand() -> None:
    """Twice the size and moved by 10; the way back halves and moves by 5."""
    own = np.array([[[2.0, 0.0, 10.0], [0.0, 2.0, 0.0]]])
    other = np.array([[[1.0, 0.0, 0.0], [0.0, 1.0, 3.0]]])
    np.testing.assert_allclose(view_matrices(own, other), [[[2, 0, 10], [0, 2, -6]]])
    np.testing.assert_allclose(view_matrices(other, own), [[[0.5, 0, -5], [0, 0.5, 3]]])


def test_photograph_in_the_crop_of_a_target(
    tmp_path: Path, write_image_file: Callable[[Path, np.ndarray], Path]
) -> None:
    dataset = load_dataset("orl")
    path = write_image_file(tmp_path / "me.png", dataset.image(0))
    expected = aligned_faces(dataset, [0], crop=BOX, progress=False).images[0]
    assert np.abs(align_photograph(path, crop=BOX).astype(int) - expected).mean() < 1
