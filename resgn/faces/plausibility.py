"""Whether five landmarks lie as those of a face do."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from resgn.faces.template import FACE_TEMPLATE

MOST_TURNED = 45.0
"""Degrees from upright; a face that lies further over is nearer to upright on another side."""

MISFIT = 0.4
"""Root mean square distance to the template where it fits best, in distances of its eyes; at most
0.13 in ORL, 0.25 in 99.9 % of CelebA."""


def turned(points: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """How far faces lie from upright.

    Args:
      points: `[..., 5, 2]`, (x, y) of left eye, right eye, nose, left and right mouth corner.

    Returns:
      float64 `[...]`, degrees in [-180, 180] by which the picture is to be turned clockwise; NaN
      where a point is.
    """
    return np.asarray(np.degrees(np.angle(_fitted(points)[0])))


def looks_like_a_face(points: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
    """Whether points lie as those of an upright face.

    Args:
      points: `[..., 5, 2]`, (x, y) of left eye, right eye, nose, left and right mouth corner.

    Returns:
      bool `[...]`: the similarity transform nearest to the template turns them by at most
      `MOST_TURNED` and leaves at most `MISFIT`; behind it the left eye and corner of the mouth lie
      left of the right ones, and the eyes above the mouth. False where a point is not finite.
    """
    turn, centred = _fitted(points)
    with np.errstate(invalid="ignore"):
        placed = turn[..., None] * centred
        misfit = np.sqrt(np.mean(np.abs(placed - _PLACES) ** 2, axis=-1)) / _EYES
        left, right = placed[..., [0, 3]].real, placed[..., [1, 4]].real
        above = placed[..., :2].imag.mean(-1) < placed[..., 3:].imag.mean(-1)
        upright = np.abs(np.degrees(np.angle(turn))) <= MOST_TURNED
        return np.asarray(upright & (misfit <= MISFIT) & (left < right).all(-1) & above)


def _fitted(
    points: NDArray[np.floating[Any]],
) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """Factor `[...]` and centred points `[..., 5]`, as complex numbers; see `similarity`."""
    points = np.asarray(points, np.float64)
    numbers: NDArray[np.complex128] = points[..., 0] + 1j * points[..., 1]
    centred = numbers - numbers.mean(-1, keepdims=True)
    spread = np.sum(np.abs(centred) ** 2, axis=-1)
    # Points that fall together fit nowhere: a factor of 0 leaves all of the template as misfit.
    with np.errstate(divide="ignore", invalid="ignore"):
        turn = np.where(spread > 1e-6, np.sum(centred.conj() * _PLACES, axis=-1) / spread, 0.0)
    turn[np.isnan(spread)] = np.nan
    return turn, centred


_PLACES = FACE_TEMPLATE.astype(np.float64) @ (1, 1j)
_PLACES -= _PLACES.mean()
_EYES = abs(_PLACES[1] - _PLACES[0])
