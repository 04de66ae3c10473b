from __future__ import annotations

import numpy as np
import pytest

from resgn.faces.plausibility import MISFIT, looks_like_a_face, turned
from resgn.faces.template import FACE_TEMPLATE

EYES = float(np.linalg.norm(FACE_TEMPLATE[1] - FACE_TEMPLATE[0]))


def rotated(points: np.ndarray, degrees: float) -> np.ndarray:
    """Clockwise, as the picture is seen, y pointing down."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return 3.0 * points @ np.array([[c, s], [-s, c]]) + (500, -20)


@pytest.mark.parametrize("degrees", [0.0, 40.0, -44.0, 46.0, 90.0, 180.0, -120.0])
def test_how_far_a_face_is_turned(degrees: float) -> None:
    points = rotated(FACE_TEMPLATE.astype(float), degrees)
    assert (turned(points) + degrees) % 360 == pytest.approx(0, abs=1e-9) or turned(
        points
    ) + degrees == pytest.approx(0, abs=1e-9)
    assert bool(looks_like_a_face(points)) == (abs(degrees) <= 45)


def test_small_deviations_pass_and_large_ones_do_not(rng: np.random.Generator) -> None:
    noise = rng.normal(0, 1, [5, 2])
    # All of it counts as misfit or less: what a similarity takes away is gone.
    noise *= EYES / np.sqrt(np.mean(np.sum(noise**2, -1)))
    assert looks_like_a_face(FACE_TEMPLATE + MISFIT * noise)
    assert not looks_like_a_face(FACE_TEMPLATE + 3 * noise)


@pytest.mark.parametrize(
    "order",
    [
        (3, 4, 2, 0, 1),  # mouth above the eyes
        (1, 0, 2, 4, 3),  # left and right swapped
        (0, 1, 2, 4, 3),  # the mouth alone
    ],
)
def test_points_in_another_order_are_no_face(order: tuple[int, ...]) -> None:
    assert not looks_like_a_face(FACE_TEMPLATE[list(order)])


def test_batches_and_what_is_not_finite() -> None:
    points = np.stack([FACE_TEMPLATE, FACE_TEMPLATE * np.nan, np.zeros([5, 2])])
    assert looks_like_a_face(points[None]).tolist() == [[True, False, False]]
    assert np.isnan(turned(points)).tolist() == [False, True, False]
    assert looks_like_a_face(np.zeros([0, 5, 2])).shape == (0,)
