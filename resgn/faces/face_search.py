"""The search for a face in a photograph: MTCNN at several sizes and, where need be, turned."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from resgn.faces.plausibility import looks_like_a_face

if TYPE_CHECKING:
    from resgn.faces.cascade import Cascade

SURE = 0.995
"""Score from which a face stands upright. An eye or an ear on its side, or a mouth upside down, can
look like a face to MTCNN, mostly with lower scores: below this a photograph is turned, too."""

CLEAR = 0.6
"""Mean score of the searches from which a face is there in a turned photograph."""

MOSTLY_UPRIGHT = 0.01
"""By how much the mean score of a turned photograph must be higher, since most are upright."""


@dataclass(frozen=True)
class Search:
    """One way to look for a face.

    Attributes:
      inner: the longer side of the image is brought to this many pixels.
      side: and set in the middle of a square of this side, its border replicated.
      min_face: side of the smallest face that is looked for, in pixels of that square.
      thresholds: of the three networks.
      only_larger: skip images whose own longer side is at most half of `inner`: enlarging them
        further shows nothing new.
    """

    inner: int
    side: int
    min_face: int
    thresholds: tuple[float, float, float] = (0.6, 0.7, 0.8)
    only_larger: bool = False


SEARCHES = (
    # LFW at its own size; ORL enlarged, its faces reach the frame and need the border.
    Search(inner=250, side=300, min_face=60),
    # Faces that fill the frame or are cut by it.
    Search(inner=160, side=300, min_face=50),
    # Small faces in large photographs.
    Search(inner=500, side=520, min_face=30, only_larger=True),
    Search(inner=1000, side=1020, min_face=30, only_larger=True),
    # Dim or turned faces.
    Search(inner=200, side=300, min_face=40, thresholds=(0.5, 0.5, 0.5)),
)
"""Tried one after the other until there is a face."""

_TOGETHER = (
    tuple(search for search in SEARCHES if not search.only_larger),
    *((search,) for search in SEARCHES if search.only_larger),
)
"""Searches whose scores say together how a photograph lies."""


@dataclass(frozen=True, eq=False)
class FoundFace:
    """The face in a photograph.

    Attributes:
      places: float32 `[7, 2]`, (x, y) in pixels of the photograph as it is, see
        `resgn.faces.landmarks.detect_places`; NaN where there is no face.
      score: what MTCNN says of it, in [0, 1]; 0 where there is no face.
      turns: quarter turns counterclockwise that set the photograph upright, 0 to 3.
      faces: how many faces were seen where this one was.
    """

    places: NDArray[np.float32]
    score: float = 0.0
    turns: int = 0
    faces: int = 0


def find_faces(images: Sequence[NDArray[np.uint8]]) -> list[FoundFace]:
    """Find the face in each photograph.

    Of several the one with the largest area less twice the squared distance of its centre from the
    centre of the image is taken, as David Sandberg's FaceNet does for LFW. What does not lie as
    the points of a face do counts as none. Where no face is surely upright, the photograph is also
    looked at on its sides and upside down.

    Args:
      images: uint8 RGB `[H, W, 3]` each, of any sizes.

    Raises:
      ValueError: an image has another shape or type.
    """
    for image in images:
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] != 3 or not image.size:
            raise ValueError(
                f"images: expected uint8 [H, W, 3] each, got {image.dtype} {list(image.shape)}"
            )
    found = [FoundFace(np.full([7, 2], np.nan, np.float32)) for _ in images]
    for search in SEARCHES:
        missing = {number: image for number, image in enumerate(images) if not found[number].faces}
        for number, face in _look(missing, search).items():
            found[number] = face
    doubtful = {n: image for n, image in enumerate(images) if found[n].score < SURE}
    # Most of them are upright, which the first search alone tells: it saves two thirds of the time.
    first = [_look(doubtful, SEARCHES[0], turns) for turns in range(1, 4)]
    best = {n: max(look[n].score if n in look else 0.0 for look in first) for n in doubtful}
    lying = {n: doubtful[n] for n in best if not found[n].faces or best[n] > found[n].score}
    _look_at_all_sides(lying, found)
    return found


def _look_at_all_sides(doubtful: dict[int, NDArray[np.uint8]], found: list[FoundFace]) -> None:
    """Put into `found` what is seen better in photographs on their side or upside down."""
    for searches in _TOGETHER:
        # By turns, by search, the faces by the number of their photograph.
        seen = [[_look(doubtful, search, turns) for search in searches] for turns in range(4)]
        for number in list(doubtful):
            faces = [[each[number] for each in looks if number in each] for looks in seen]
            scores = [sum(face.score for face in each) / len(searches) for each in faces]
            best = max(range(1, 4), key=scores.__getitem__)
            if max(scores) >= CLEAR:
                del doubtful[number]
            if (
                scores[best] >= max(CLEAR, scores[0] + MOSTLY_UPRIGHT)
                and max(face.score for face in faces[best]) > found[number].score
            ):
                found[number] = faces[best][0]


@dataclass(frozen=True, eq=False)
class _Canvas:
    """A photograph in a square.

    Attributes:
      pixels: uint8 `[side, side, 3]`.
      scale, offset: `[2]`, (x, y), what it was scaled by and where it lies.
    """

    pixels: NDArray[np.uint8]
    scale: NDArray[np.float64]
    offset: NDArray[np.int64]


def _look(
    images: dict[int, NDArray[np.uint8]], search: Search, turns: int = 0
) -> dict[int, FoundFace]:
    """The faces in photographs, by their numbers, that are turned counterclockwise before."""
    canvases = {
        number: _canvas(image, search)
        for number, image in images.items()
        if not (search.only_larger and max(image.shape[:2]) <= search.inner / 2)
    }
    if not canvases:
        return {}
    pixels = np.stack([np.rot90(canvas.pixels, turns) for canvas in canvases.values()])
    boxes, landmarks, scores = _cascade(search)(pixels)
    scores = np.where(looks_like_a_face(landmarks), scores, 0.0)
    best = choose_face(boxes, scores, search.side)
    found = {}
    for row, (number, canvas) in enumerate(canvases.items()):
        there = scores[row] > 0
        if there.any():
            box = boxes[row, best[row]].reshape(2, 2)
            places = np.concatenate([landmarks[row, best[row]], box])
            places = _turned_back(places, search.side, turns)
            places = (places + 0.5 - canvas.offset) / canvas.scale - 0.5
            found[number] = FoundFace(
                places.astype(np.float32),
                float(scores[row, best[row]]),
                turns,
                _distinct(boxes[row][there]),
            )
    return found


def _turned_back(
    points: NDArray[np.floating[Any]], side: int, turns: int
) -> NDArray[np.floating[Any]]:
    """Points `[..., 2]` of a square that was turned counterclockwise, where they were before."""
    for _ in range(turns):
        points = np.stack([side - 1 - points[..., 1], points[..., 0]], -1)
    return points


@functools.lru_cache(maxsize=len(SEARCHES))
def _cascade(search: Search) -> Cascade:
    # TensorFlow takes seconds to import; ORL and a full cache need no detection.
    from resgn.faces.cascade import Cascade

    return Cascade(search.side, search.min_face, search.thresholds)


def _canvas(image: NDArray[np.uint8], search: Search) -> _Canvas:
    before = np.array(image.shape[1::-1])
    size = np.maximum(np.round(before * search.inner / before.max()), 1).astype(int)
    if (size != before).any():
        shrinks = size[0] < before[0] or size[1] < before[1]
        interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        resized = cv2.resize(image, size.tolist(), interpolation=interpolation)
        image = np.asarray(resized, np.uint8)
    left, top = (search.side - size) // 2
    right, bottom = search.side - size - (left, top)
    canvas = cv2.copyMakeBorder(
        image, int(top), int(bottom), int(left), int(right), cv2.BORDER_REPLICATE
    )
    return _Canvas(np.asarray(canvas, np.uint8), size / before, np.array([left, top]))


def _distinct(boxes: NDArray[np.float32]) -> int:
    """How many of the boxes `[K, 4]` (x1, y1, x2, y2) do not lie in one another for the most."""
    areas = np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), -1)
    kept: list[int] = []
    for box in np.argsort(-areas):
        shared = np.minimum(boxes[kept, 2:], boxes[box, 2:]) - np.maximum(
            boxes[kept, :2], boxes[box, :2]
        )
        if not (np.prod(np.maximum(shared, 0), -1) > 0.5 * areas[box]).any():
            kept.append(int(box))
    return len(kept)


def choose_face(
    boxes: NDArray[np.float32], scores: NDArray[np.float32], side: int
) -> NDArray[np.int64]:
    """The candidate for each image that is large and near the middle.

    Args:
      boxes: `[N, K, 4]`, x1, y1, x2, y2.
      scores: `[N, K]`, zero where there is no candidate.
      side: height and width of the images that `boxes` refer to.

    Returns:
      `[N]` index of the candidate; of several for the same face the one with the highest score.
    """
    corners, ends = boxes[..., :2], boxes[..., 2:]
    areas = np.prod(np.maximum(ends - corners, 0), -1)
    distances = np.sum(((corners + ends) / 2 - side / 2) ** 2, -1)
    values = np.where(scores > 0, areas - 2 * distances, -np.inf)
    best = values.argmax(1)[:, None]

    chosen = np.take_along_axis(boxes, best[..., None], 1)
    shared = np.minimum(ends, chosen[..., 2:]) - np.maximum(corners, chosen[..., :2])
    shared = np.prod(np.maximum(shared, 0), -1)
    smaller = np.minimum(areas, np.take_along_axis(areas, best, 1))
    return np.where(shared > 0.7 * smaller, scores, -1.0).argmax(1)
