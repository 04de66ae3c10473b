"""Which part of a photograph a network takes for a face: each sees best what it was trained on.

A crop is an affine map from pixels of a photograph to pixels of a square. What one network was
shown another one can therefore look at in its own way, by one more affine map: see `view_matrices`
and `resgn.warp`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from resgn.faces.template import CROP, similarity
from weights.errors import InputError

FIVE_POINTS, BOX = "five_points", "box"

CROPS = (FIVE_POINTS, BOX)
"""`five_points`: turned and scaled until five landmarks lie on dlib's template. `box`: MTCNN's box
with a margin, stretched to a square and not turned, as in Sandberg's FaceNet."""

MARGIN = 0.3
"""What is left around MTCNN's box, both sides together, in geometric means of its width and height.
Sandberg leaves 32 pixels; LFW's boxes have 91 x 124 on average. Measured by the face, the crop does
not hang on the photograph's resolution, and LFW's pairs are verified as well."""


def check_crop(crop: str) -> str:
    """Return a name of `CROPS`.

    Raises:
      InputError: it is none.
    """
    if crop not in CROPS:
        raise InputError(f"{crop!r} is no crop of a face; known are {', '.join(CROPS)}.")
    return crop


def crop_matrix(
    crop: str,
    places: NDArray[np.floating[Any]],
    image_size: tuple[int, int],
    size: int = CROP,
) -> NDArray[np.float64]:
    """Where a crop lies in a photograph.

    Args:
      crop: of `CROPS`.
      places: `[7, 2]`, see `resgn.faces.landmarks.detect_places`.
      image_size: (height, width) of the photograph, by which the box is clipped.
      size: side of the crop.

    Returns:
      float64 `[2, 3]`, from (x, y, 1) in pixels of the photograph to (x, y) in pixels of the crop,
      0 in the middle of the first pixel.

    Raises:
      ValueError: `places` are not those of a face.
    """
    if check_crop(crop) == FIVE_POINTS:
        return similarity(places[:5], size)
    return _box_matrix(np.asarray(places[5:], np.float64), image_size, size)


def _box_matrix(
    corners: NDArray[np.float64], image_size: tuple[int, int], size: int
) -> NDArray[np.float64]:
    first, last = corners
    if not np.isfinite(corners).all() or (first == last).any():
        raise ValueError(f"places: no face has the box {corners.tolist()}")
    # Of a photograph that lies on its side the upper left corner of the face is another one of the
    # photograph, and x and y change places.
    outwards = np.sign(last - first)
    edges = np.array([[-0.5, -0.5], np.array(image_size[::-1]) - 0.5])
    margin = outwards * MARGIN / 2 * np.sqrt(np.abs(last - first).prod())
    first, last = np.clip([first - margin, last + margin], *edges)
    if (first == last).any():
        raise ValueError(f"places: the box {corners.tolist()} lies outside of the photograph")
    scale = size / (last - first)
    swapped = outwards[0] != outwards[1]
    turn = np.array([[0.0, scale[1]], [scale[0], 0.0]]) if swapped else np.diag(scale)
    return np.column_stack([turn, -turn @ first - 0.5])


def view_matrices(
    own: NDArray[np.floating[Any]], other: NDArray[np.floating[Any]]
) -> NDArray[np.float32]:
    """How to look at crops of one kind as at those of another.

    Args:
      own: `[N, 2, 3]`, from pixels of photographs to those of the crops at hand.
      other: `[N, 2, 3]`, from pixels of the photographs to those of the crops that are wanted.

    Returns:
      float32 `[N, 2, 3]`, from (x, y, 1) in the crops that are wanted to (x, y) in those at hand;
      what `resgn.warp.warp` takes.
    """
    last = np.broadcast_to([[0.0, 0.0, 1.0]], (len(own), 1, 3))
    back = np.linalg.inv(np.concatenate([other, last], axis=1))
    return (np.asarray(own) @ back).astype(np.float32)
