"""Faces cut out of their photographs, brought to one place and size."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tqdm
from numpy.typing import NDArray

from resgn.faces.crops import CROPS, FIVE_POINTS, check_crop, crop_matrix, view_matrices
from resgn.faces.dataset import FaceDataset
from resgn.faces.face_search import find_faces
from resgn.faces.image_file import read_image
from resgn.faces.landmarks import dataset_places
from resgn.faces.template import CROP
from weights.errors import InputError

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class AlignedFaces:
    """Aligned crops of a data set.

    Attributes:
      images: uint8 `[N, size, size, 3]`, RGB.
      indices: int64 `[N]`, which image of the data set each is.
      people: int32 `[N]`, whose each is.
      crop: of `CROPS`, which part of their photographs they are.
      matrices: for each of `CROPS` where that crop lies, float64 `[N, 2, 3]`, see `crop_matrix`.
    """

    images: NDArray[np.uint8]
    indices: NDArray[np.int64]
    people: NDArray[np.int32]
    crop: str = FIVE_POINTS
    matrices: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.images)

    def views(self, crop: str) -> NDArray[np.float32]:
        """How to look at these crops as at those of another kind, `[N, 2, 3]` for `warp`."""
        return view_matrices(self.matrices[self.crop], self.matrices[crop])


def align_face(
    image: NDArray[np.uint8],
    places: NDArray[np.floating[Any]],
    size: int = CROP,
    crop: str = FIVE_POINTS,
) -> NDArray[np.uint8]:
    """Cut out a face.

    Args:
      image: uint8 `[H, W, 3]`.
      places: `[7, 2]` in pixels of `image`, see `resgn.faces.landmarks.detect_places`; for the crop
        `five_points` the landmarks `[5, 2]` are enough.
      size: side of the crop.
      crop: of `CROPS`.

    Returns:
      uint8 `[size, size, 3]`.

    Raises:
      ValueError: a shape or type is another, or `places` are not those of a face.
    """
    _check_image(image)
    return cut_out(image, crop_matrix(crop, places, _size_of(image), size), size)


def cut_out(
    image: NDArray[np.uint8], matrix: NDArray[np.float64], size: int = CROP
) -> NDArray[np.uint8]:
    """Cut out a crop by its place in the photograph.

    What lies outside the image is filled with its border. A face that is much larger than the crop
    is first shrunk by averaging, since a warp alone would skip pixels.

    Args:
      image: uint8 `[H, W, 3]`.
      matrix: `[2, 3]`, see `crop_matrix`.
      size: side of the crop.

    Returns:
      uint8 `[size, size, 3]`.
    """
    _check_image(image)
    shrink = int(1 / np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    if shrink >= 2:
        before = np.array(image.shape[1::-1])
        after = np.maximum(before // shrink, 1)
        image = np.asarray(
            cv2.resize(image, after.tolist(), interpolation=cv2.INTER_AREA), np.uint8
        )
        ratio = before / after
        # A pixel x of the shrunk image lies at (x + 0.5) * ratio - 0.5 of the image.
        matrix = np.column_stack(
            [matrix[:, :2] * ratio, matrix[:, 2] + matrix[:, :2] @ (0.5 * ratio - 0.5)]
        )
    crop = cv2.warpAffine(
        image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(crop, np.uint8)


def _check_image(image: NDArray[np.uint8]) -> None:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] != 3:
        raise ValueError(f"image: expected uint8 [H, W, 3], got {image.dtype} {list(image.shape)}")


def _size_of(image: NDArray[np.uint8]) -> tuple[int, int]:
    return image.shape[0], image.shape[1]


def aligned_faces(
    dataset: FaceDataset,
    indices: Sequence[int] | NDArray[np.integer[Any]],
    size: int = CROP,
    cache_dir: str | os.PathLike[str] | None = None,
    progress: bool = True,
    crop: str = FIVE_POINTS,
) -> AlignedFaces:
    """Cut the faces out of some images of a data set.

    Images in which no face was found are left out, and how many is logged.

    Args:
      dataset: the data set.
      indices: which of its images.
      size: side of the crops.
      cache_dir: where landmarks are kept, see `weights.folders.cache_folder`.
      progress: show a progress bar while faces are being found.
      crop: of `CROPS`.

    Returns:
      The crops in the order of `indices`.

    Raises:
      InputError: an image cannot be read, or there is no such crop.
    """
    check_crop(crop)
    chosen = np.asarray(indices, np.int64).reshape(-1)
    places = dataset_places(dataset, chosen, cache_dir, progress)
    there = np.isfinite(places).all((1, 2))
    if not there.all():
        _log.info(
            "%s: no face found in %d of %d images, left out",
            dataset.name,
            np.count_nonzero(~there),
            len(there),
        )
    chosen, places = chosen[there], places[there]
    images = np.empty([len(chosen), size, size, 3], np.uint8)
    matrices = {name: np.empty([len(chosen), 2, 3]) for name in CROPS}

    def align(i: int) -> None:
        image = dataset.image(int(chosen[i]))
        for name, each in matrices.items():
            each[i] = crop_matrix(name, places[i], _size_of(image), size)
        images[i] = cut_out(image, matrices[crop][i], size)

    # Decoding and warping run outside of Python's lock.
    with ThreadPoolExecutor() as pool:
        done = pool.map(align, range(len(chosen)))
        for _ in tqdm.tqdm(
            done, desc="aligning", total=len(chosen), unit="image", delay=2, disable=not progress
        ):
            pass
    return AlignedFaces(images, chosen, dataset.people[chosen], crop, matrices)


def align_photograph(
    path: str | os.PathLike[str], size: int = CROP, crop: str = FIVE_POINTS
) -> NDArray[np.uint8]:
    """Cut the face out of a user's own photograph.

    Args:
      path: the image file.
      size: side of the crop.
      crop: of `CROPS`.

    Returns:
      uint8 `[size, size, 3]`, RGB.

    Raises:
      InputError: the file cannot be read (see `read_image`), or no face was found in it.
    """
    return align_face(*_face_in(path), size, crop)


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
    image, places = _face_in(path)
    return image, places[:5]


def _face_in(path: str | os.PathLike[str]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """The same with all places `[7, 2]`."""
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
    return image, face.places
