"""Faces brought to one place and size."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tqdm
from numpy.typing import NDArray

from resgn.faces.dataset import FaceDataset
from resgn.faces.face_search import find_faces
from resgn.faces.image_file import read_image
from resgn.faces.landmarks import dataset_landmarks
from resgn.faces.template import CROP, similarity
from weights.errors import InputError

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class AlignedFaces:
    """Aligned crops of a data set.

    Attributes:
      images: uint8 `[N, size, size, 3]`, RGB.
      indices: int64 `[N]`, which image of the data set each is.
      people: int32 `[N]`, whose each is.
    """

    images: NDArray[np.uint8]
    indices: NDArray[np.int64]
    people: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.images)


def align_face(
    image: NDArray[np.uint8], landmarks: NDArray[np.floating[Any]], size: int = CROP
) -> NDArray[np.uint8]:
    """Cut out a face so that its landmarks lie on the template.

    What lies outside the image is filled with its border. A face that is much larger than the crop
    is first shrunk by averaging, since a warp alone would skip pixels.

    Args:
      image: uint8 `[H, W, 3]`.
      landmarks: `[5, 2]`, (x, y) in pixels of `image`.
      size: side of the crop.

    Returns:
      uint8 `[size, size, 3]`.

    Raises:
      ValueError: a shape or type is another, or `landmarks` are not those of a face.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] != 3:
        raise ValueError(f"image: expected uint8 [H, W, 3], got {image.dtype} {list(image.shape)}")
    matrix = similarity(landmarks, size)
    shrink = int(1 / np.sqrt(np.linalg.det(matrix[:, :2])))
    if shrink >= 2:
        before = np.array(image.shape[1::-1])
        after = np.maximum(before // shrink, 1)
        image = np.asarray(
            cv2.resize(image, after.tolist(), interpolation=cv2.INTER_AREA), np.uint8
        )
        ratio = before / after
        # A pixel x of the shrunk image lies at (x + 0.5) * ratio - 0.5 of the image.
        matrix[:, 2] += matrix[:, :2] @ (0.5 * ratio - 0.5)
        matrix[:, :2] *= ratio
    crop = cv2.warpAffine(
        image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(crop, np.uint8)


def aligned_faces(
    dataset: FaceDataset,
    indices: Sequence[int] | NDArray[np.integer[Any]],
    size: int = CROP,
    cache_dir: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> AlignedFaces:
    """Align some images of a data set.

    Images in which no face was found are left out, and how many is logged.

    Args:
      dataset: the data set.
      indices: which of its images.
      size: side of the crops.
      cache_dir: where landmarks are kept, see `weights.folders.cache_folder`.
      progress: show a progress bar while landmarks are being found.

    Returns:
      The crops in the order of `indices`.

    Raises:
      InputError: an image cannot be read.
    """
    chosen = np.asarray(indices, np.int64).reshape(-1)
    landmarks = dataset_landmarks(dataset, chosen, cache_dir, progress)
    there = np.isfinite(landmarks).all((1, 2))
    if not there.all():
        _log.info(
            "%s: no face found in %d of %d images, left out",
            dataset.name,
            np.count_nonzero(~there),
            len(there),
        )
    chosen, landmarks = chosen[there], landmarks[there]
    images = np.empty([len(chosen), size, size, 3], np.uint8)

    def align(i: int) -> None:
        images[i] = align_face(dataset.image(int(chosen[i])), landmarks[i], size)

    # Decoding and warping run outside of Python's lock.
    with ThreadPoolExecutor() as pool:
        done = pool.map(align, range(len(chosen)))
        for _ in tqdm.tqdm(
            done, desc="aligning", total=len(chosen), unit="image", delay=2, disable=not progress
        ):
            pass
    return AlignedFaces(images, chosen, dataset.people[chosen])


def align_photograph(path: str | os.PathLike[str], size: int = CROP) -> NDArray[np.uint8]:
    """Align the face in a user's own photograph.

    Args:
      path: the image file.
      size: side of the crop.

    Returns:
      uint8 `[size, size, 3]`, RGB.

    Raises:
      InputError: the file cannot be read (see `read_image`), or no face was found in it.
    """
    return align_face(*find_face(path), size)


def find_face(path: str | os.PathLike[str]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Read a user's own photograph and find the face in it.

    That there are several, or that the photograph lies on its side, is logged.

    Args:
      path: the image file; EXIF orientation is applied, of several faces the large one near the
        middle is taken.

    Returns:
      uint8 `[H, W, 3]`, RGB, and the five landmarks float32 `[5, 2]` in its pixels.

    Raises:
      InputError: the file cannot be read (see `read_image`), or no face was found in it.
    """
    image = read_image(path)
    face = find_faces([image])[0]
    if not face.faces:
        raise InputError(
            f"{Path(path)}: no face was found. A face should be upright, look roughly towards the "
            "camera and fill a good part of the picture."
        )
    if face.faces > 1:
        _log.warning(
            "%s: %d faces were found; the one that is large and near the middle is taken. Cut the "
            "photograph to take another.",
            Path(path),
            face.faces,
        )
    if face.turns:
        _log.warning(
            "%s lies %s, and no EXIF tag says so; its face is turned upright.",
            Path(path),
            "upside down" if face.turns == 2 else "on its side",
        )
    return image, face.points
