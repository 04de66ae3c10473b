"""Five landmarks of the face in a photograph: eyes, nose and corners of the mouth."""

from __future__ import annotations

import functools
import hashlib
import itertools
import json
import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any, TypeVar

import cv2
import numpy as np
import tqdm
from numpy.typing import NDArray

from resgn.faces.dataset import FaceDataset
from resgn.faces.landmark_cache import LandmarkCache
from weights.errors import InputError

if TYPE_CHECKING:
    from resgn.faces.cascade import Cascade

_log = logging.getLogger(__name__)

VERSION = 2
"""Raised whenever the same image would get other landmarks, so that no cache holds old ones."""

_Item = TypeVar("_Item")

_BATCH = 16
_SAVE_EVERY = 320


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


def detect_landmarks(images: Iterable[NDArray[np.uint8]]) -> NDArray[np.float32]:
    """Find five landmarks in each image with MTCNN.

    Of several faces the one with the largest area less twice the squared distance of its centre
    from the centre of the image is taken, as David Sandberg's FaceNet does for LFW.

    Args:
      images: uint8 RGB `[H, W, 3]` each, of any sizes.

    Returns:
      float32 `[N, 5, 2]`: (x, y) in pixels, 0 in the middle of the first pixel, of the left eye (on
      the left of the picture), the right eye, the nose, the left and the right corner of the mouth.
      NaN where no face was found.

    Raises:
      ValueError: an image has another shape or type.
    """
    found = [_detect_batch(batch) for batch in _batches(images)]
    return np.concatenate(found) if found else np.zeros([0, 5, 2], np.float32)


def count_faces(image: NDArray[np.uint8]) -> int:
    """How many faces are found in an image by the first search that finds one.

    Args:
      image: uint8 RGB `[H, W, 3]`.
    """
    for search in SEARCHES:
        if search.only_larger and max(image.shape[:2]) <= search.inner / 2:
            continue
        boxes, _, scores = _cascade(search)(_canvas(image, search)[0][None])
        found = boxes[0][scores[0] > 0]
        if len(found):
            return _distinct(found)
    return 0


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


def dataset_landmarks(
    dataset: FaceDataset,
    indices: Sequence[int] | NDArray[np.integer[Any]],
    cache_dir: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> NDArray[np.float32]:
    """Landmarks of some images of a data set, from the cache where it has them.

    Those of ORL come with the project. New ones are saved every few hundred images.

    Args:
      dataset: the data set.
      indices: `[N]` which of its images.
      cache_dir: see `weights.folders.cache_folder`.
      progress: show a progress bar while landmarks are being found.

    Returns:
      float32 `[N, 5, 2]` as from `detect_landmarks`.

    Raises:
      InputError: an image cannot be read. What was found before it stays in the cache.
    """
    indices = np.asarray(indices, np.int64).reshape(-1)
    stored = orl_landmarks(dataset) if dataset.name == "orl" else None
    if stored is not None:
        return stored[indices]

    cache = LandmarkCache(dataset.name, VERSION, cache_dir)
    wanted = {int(index): _key(dataset, int(index)) for index in indices}
    missing = [index for index, key in wanted.items() if cache.get(key) is None]
    try:
        with tqdm.tqdm(
            total=len(missing), desc="landmarks", unit="image", disable=not (progress and missing)
        ) as bar:
            unsaved = 0
            for chunk in _batches(missing):
                landmarks = _detect_batch([dataset.image(index) for index in chunk])
                for index, points in zip(chunk, landmarks, strict=True):
                    cache.put(wanted[index], points)
                bar.update(len(chunk))
                unsaved += len(chunk)
                if unsaved >= _SAVE_EVERY:
                    cache.save()
                    unsaved = 0
    finally:
        cache.save()
    found = [cache.get(wanted[int(index)]) for index in indices]
    return np.array(found, np.float32).reshape(-1, 5, 2)


def orl_landmarks(dataset: FaceDataset) -> NDArray[np.float32] | None:
    """The stored landmarks of ORL, made by `experiments.orl_landmarks`.

    Args:
      dataset: ORL.

    Returns:
      float32 `[400, 5, 2]`, or None where the images are not those that the landmarks were found
      in (which is logged).
    """
    file = resources.files("resgn.faces").joinpath("orl_landmarks.json")
    stored = json.loads(file.read_text("utf-8"))
    if stored["sha256"] != images_digest(dataset):
        _log.warning("The stored landmarks belong to other images of ORL: they are found anew")
        return None
    return np.array([stored["landmarks"][file] for file in dataset.files], np.float32)


def images_digest(dataset: FaceDataset) -> str:
    """sha256 over the names and contents of all files of a data set, hexadecimal."""
    digest = hashlib.sha256()
    for index, file in enumerate(dataset.files):
        digest.update(file.encode() + b"\0" + dataset.path(index).read_bytes())
    return digest.hexdigest()


def _key(dataset: FaceDataset, index: int) -> str:
    try:
        return LandmarkCache.key(dataset.root, dataset.files[index])
    except OSError as error:
        raise InputError(
            f"{dataset.path(index)} cannot be read ({error.strerror}); it was there when the data "
            "set was listed."
        ) from error


def _batches(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    iterator = iter(items)
    while batch := list(itertools.islice(iterator, _BATCH)):
        yield batch


@functools.lru_cache(maxsize=len(SEARCHES))
def _cascade(search: Search) -> Cascade:
    # TensorFlow takes seconds to import; ORL and a full cache need no detection.
    from resgn.faces.cascade import Cascade

    return Cascade(search.side, search.min_face, search.thresholds)


def _detect_batch(images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
    for image in images:
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] != 3 or not image.size:
            raise ValueError(
                f"images: expected uint8 [H, W, 3] each, got {image.dtype} {list(image.shape)}"
            )
    landmarks = np.full([len(images), 5, 2], np.nan, np.float32)
    for search in SEARCHES:
        left = [
            i
            for i in np.flatnonzero(np.isnan(landmarks[:, 0, 0]))
            if not search.only_larger or max(images[i].shape[:2]) > search.inner / 2
        ]
        if left:
            landmarks[left] = _search([images[i] for i in left], search)
    return landmarks


def _search(images: Sequence[NDArray[np.uint8]], search: Search) -> NDArray[np.float32]:
    canvases, scales, offsets = zip(*(_canvas(image, search) for image in images), strict=True)
    boxes, landmarks, scores = _cascade(search)(np.stack(canvases))
    best = choose_face(boxes, scores, search.side)
    points = landmarks[np.arange(len(images)), best]
    points = (points + 0.5 - np.array(offsets)[:, None]) / np.array(scales)[:, None] - 0.5
    points[~(scores > 0).any(1)] = np.nan
    return points.astype(np.float32)


def _canvas(
    image: NDArray[np.uint8], search: Search
) -> tuple[NDArray[np.uint8], NDArray[np.float64], NDArray[np.int64]]:
    """The image in a square, its scale (x, y) and its place (x, y) there."""
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
    return np.asarray(canvas, np.uint8), size / before, np.array([left, top])


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
