"""Where the face in a photograph is: eyes, nose and corners of the mouth, and MTCNN's box."""

from __future__ import annotations

import hashlib
import itertools
import json
import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from importlib import resources
from typing import Any, TypeVar

import numpy as np
import tqdm
from numpy.typing import NDArray

from resgn.faces.damaged import Damaged
from resgn.faces.dataset import FaceDataset
from resgn.faces.face_search import find_faces
from resgn.faces.image_file import read_image
from resgn.faces.landmark_cache import LandmarkCache
from resgn.faces.plausibility import MOST_TURNED, turned
from weights.errors import InputError

_log = logging.getLogger(__name__)

VERSION = 5
"""Raised whenever the same image would get other places, so that no cache holds old ones."""

_Item = TypeVar("_Item")

_BATCH = 16
_SAVE_EVERY = 320


def detect_places(images: Iterable[NDArray[np.uint8]]) -> NDArray[np.float32]:
    """Find the face in each image with MTCNN, see `resgn.faces.face_search.find_faces`.

    Args:
      images: uint8 RGB `[H, W, 3]` each, of any sizes.

    Returns:
      float32 `[N, 7, 2]`: (x, y) in pixels, 0 in the middle of the first pixel, of five landmarks:
      the left eye (on the left of the upright picture), the right eye, the nose, the left and the
      right corner of the mouth; then of the upper left and the lower right corner of MTCNN's box
      (of the upright picture, too). NaN where no face was found.

    Raises:
      ValueError: an image has another shape or type.
    """
    found = [_detect_batch(batch) for batch in _batches(images)]
    return np.concatenate(found) if found else np.zeros([0, 7, 2], np.float32)


def detect_landmarks(images: Iterable[NDArray[np.uint8]]) -> NDArray[np.float32]:
    """The five landmarks alone of `detect_places`, float32 `[N, 5, 2]`."""
    return detect_places(images)[:, :5]


def dataset_landmarks(
    dataset: FaceDataset,
    indices: Sequence[int] | NDArray[np.integer[Any]],
    cache_dir: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> NDArray[np.float32]:
    """The five landmarks alone of `dataset_places`, float32 `[N, 5, 2]`."""
    return dataset_places(dataset, indices, cache_dir, progress)[:, :5]


def dataset_places(
    dataset: FaceDataset,
    indices: Sequence[int] | NDArray[np.integer[Any]],
    cache_dir: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> NDArray[np.float32]:
    """Where the faces are in some images of a data set, from the cache where it has them.

    Those of ORL come with the project. New ones are saved every few hundred images. How many
    photographs lie on their side or upside down is logged.

    Args:
      dataset: the data set.
      indices: `[N]` which of its images.
      cache_dir: see `weights.folders.cache_folder`.
      progress: show a progress bar while faces are being found.

    Returns:
      float32 `[N, 7, 2]` as from `detect_places`; NaN for damaged images that are to be skipped.

    Raises:
      InputError: images cannot be read, all of which are named. What was found stays in the cache.
    """
    indices = np.asarray(indices, np.int64).reshape(-1)
    stored = orl_places(dataset) if dataset.name == "orl" else None
    if stored is not None:
        return stored[indices]
    wanted = [int(index) for index in np.unique(indices)]
    found = np.full([len(dataset), 7, 2], np.nan, np.float32)
    damaged = Damaged(dataset)
    cache = LandmarkCache(dataset.name, VERSION, cache_dir)
    keys = {index: damaged.guarded(index, LandmarkCache.key) for index in wanted}
    missing = []
    for index, key in keys.items():
        places = None if key is None else cache.get(key)
        if places is not None:
            found[index] = places
        elif key is not None:
            missing.append(index)
    try:
        with tqdm.tqdm(
            total=len(missing), desc="landmarks", unit="image", disable=not (progress and missing)
        ) as bar:
            unsaved = 0
            for chunk in _batches(missing):
                read = {index: damaged.guarded(index, read_image) for index in chunk}
                images = {index: image for index, image in read.items() if image is not None}
                for index, places in zip(images, _detect_batch(list(images.values())), strict=True):
                    found[index] = places
                    # Of a file that changed in between nobody knows which content was seen.
                    if damaged.guarded(index, LandmarkCache.key) == keys[index]:
                        cache.put(str(keys[index]), places)
                bar.update(len(chunk))
                unsaved += len(chunk)
                if unsaved >= _SAVE_EVERY:
                    cache.save()
                    unsaved = 0
    finally:
        cache.save()
    damaged.settle(len(wanted))
    lying = np.count_nonzero(np.abs(turned(found[wanted, :5])) > MOST_TURNED)
    if lying:
        _log.warning(
            "%s: %d of %d photographs lie on their side or upside down, and no EXIF tag says so; "
            "their faces are turned upright",
            dataset.name,
            lying,
            len(wanted),
        )
    return found[indices]


def nobody(dataset: FaceDataset, looked_at: int) -> InputError:
    """What to raise where no photograph of a data set shows a face, and there is nothing to do."""
    return InputError(
        f"No face was found in any of the {looked_at} photographs of {dataset.root} that were "
        "looked at. A face should be upright, look roughly towards the camera and fill a good part "
        "of the picture."
    )


def orl_places(dataset: FaceDataset) -> NDArray[np.float32] | None:
    """Where the faces of ORL are, as stored: made by `experiments.orl_landmarks`.

    Args:
      dataset: ORL.

    Returns:
      float32 `[400, 7, 2]`, see `detect_places`, or None where the images are not those that the
      faces were found in (which is logged).
    """
    file = resources.files("resgn.faces").joinpath("orl_landmarks.json")
    stored = json.loads(file.read_text("utf-8"))
    if stored["sha256"] != images_digest(dataset):
        _log.warning("The stored landmarks belong to other images of ORL: they are found anew")
        return None
    return np.array([stored["places"][file] for file in dataset.files], np.float32)


def images_digest(dataset: FaceDataset) -> str:
    """sha256 over the names and contents of all files of a data set, hexadecimal."""
    digest = hashlib.sha256()
    for index, file in enumerate(dataset.files):
        digest.update(file.encode() + b"\0" + dataset.path(index).read_bytes())
    return digest.hexdigest()


def _batches(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    iterator = iter(items)
    while batch := list(itertools.islice(iterator, _BATCH)):
        yield batch


def _detect_batch(images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
    """float32 `[N, 7, 2]`; N may be 0."""
    places = [face.places for face in find_faces(images)]
    return np.array(places, np.float32).reshape(-1, 7, 2)
