"""Photographs of a data set, split by people, and cut out for MoFA once they are needed."""

from __future__ import annotations

import dataclasses
import logging
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import tqdm

from experiments.face_autoencoder.pictures import Rows
from mofa import celeba
from mofa.arrays import Array
from mofa.face_renderer import FaceRenderer
from mofa.photographs import Photographs, crop, crop_template
from resgn.faces.celeba import companion
from resgn.faces.copies import without_copies
from resgn.faces.damaged import Damaged
from resgn.faces.dataset import FaceDataset
from resgn.faces.image_file import read_image
from resgn.faces.landmarks import dataset_landmarks, nobody
from resgn.faces.loading import load_dataset
from resgn.faces.pairs import split_people
from weights.errors import InputError

_log = logging.getLogger(__name__)

FRACTIONS = {"train": 0.75, "validation": 0.10, "test": 0.15}
"""Of a data set's people. Nobody is in two parts."""
NEW_FRACTIONS = {"validation": 0.3, "test": 0.7}
"""Of people nobody of whom was trained on."""
FEWEST_TO_SPLIT = 4
"""New people, below whom all are in the test part: two to compare are left in neither otherwise."""
SPLIT_SEED = 0
"""The parts stay the same whatever --seed says: the default encoder has seen `train`."""


@dataclasses.dataclass(frozen=True)
class Source:
    """A data set of photographs by name, and where it is.

    Attributes:
      name: `orl`, `lfw`, `celeba` or `folder`.
      folder: where it is; None for `orl`.
      new_people: nobody in it was trained on, so that no part of it is set aside as such.
      skip_damaged: leave out photographs that cannot be read.
    """

    name: str
    folder: str | None = None
    new_people: bool = False
    skip_damaged: bool = False


class LocatedPhotographs:
    """Photographs whose faces were found, read and cut out when they are asked for.

    Attributes:
      people: int32 [M], whose each is.

    Args:
      dataset: where they are.
      rows: int [M], which images of it.
      points: float32 [M, 5, 2], landmarks in them.
      template: [5, 2], where these belong in a crop.
      size: side of the crops, pixels.
    """

    def __init__(
        self, dataset: FaceDataset, rows: Array, points: Array, template: Array, size: int
    ) -> None:
        self._dataset, self._rows, self._points = dataset, rows, points
        self._template, self._size = template, size
        self.people: Array = dataset.people[rows]

    def __len__(self) -> int:
        return len(self._rows)

    def part(self, rows: Rows) -> Photographs:
        """Read and cut out some of them.

        Raises:
          InputError: some cannot be read, all of which are named.
        """
        chosen, points = self._rows[rows], self._points[rows]
        images = np.zeros([len(chosen), self._size, self._size, 3], np.uint8)
        places = np.empty_like(points)
        # Damaged ones that are to be skipped were not located.
        damaged = Damaged(dataclasses.replace(self._dataset, skip_damaged=False))

        def cut(i: int) -> None:
            photograph = damaged.guarded(int(chosen[i]), read_image)
            if photograph is not None:
                images[i], places[i] = crop(photograph, points[i], self._template, self._size)

        with ThreadPoolExecutor() as pool:
            done = pool.map(cut, range(len(chosen)))
            for _ in tqdm.tqdm(done, desc="cropping", total=len(chosen), unit="image", delay=2):
                pass
        damaged.settle(len(chosen))
        return Photographs(images, places, self.people[rows])

    def with_images(self, minimum: int) -> LocatedPhotographs:
        """Those of people with so many photographs or more."""
        enough = np.bincount(self.people, minlength=1)[self.people] >= minimum
        return LocatedPhotographs(
            self._dataset, self._rows[enough], self._points[enough], self._template, self._size
        )


@dataclasses.dataclass(frozen=True)
class Split:
    """The parts of a data set of photographs.

    Attributes:
      train, validation, test: of different people.
    """

    train: LocatedPhotographs
    validation: LocatedPhotographs
    test: LocatedPhotographs


def load_photographs(
    source: Source,
    renderer: FaceRenderer,
    size: int = 224,
    parts: tuple[str, ...] = ("train", "validation", "test"),
    cache_dir: str | os.PathLike[str] | None = None,
    whole: bool = False,
) -> Split:
    """Find the faces in the photographs of a data set, and split them.

    Landmarks are those of CelebA's own file where it lies with the images, and found by MTCNN (and
    kept for the next time) otherwise; photographs without a face and copies are left out. CelebA is
    split as its partition file says where there is one; otherwise people are split by `FRACTIONS`,
    new ones by `NEW_FRACTIONS`.

    Args:
      source: the data set.
      renderer: its camera says where a face belongs in the crop.
      size: side of the crops, pixels.
      parts: which parts are needed; the others stay empty.
      cache_dir: where landmarks are kept.
      whole: no threshold is set on validation people, so that all new people are in the test part.

    Returns:
      The parts.

    Raises:
      InputError: the data set is missing or of another layout, an image cannot be read, no face is
        found, or new people are to be trained on.
    """
    if source.new_people and "train" in parts:
        raise InputError(
            "`new_people` says that nobody in the data sets is trained on; leave it out to train."
        )
    listed = load_dataset(source.name, source.folder, source.skip_damaged)
    dataset = without_copies(listed)
    template = crop_template(renderer)
    template = (template + 0.5) * (size / renderer.camera.image_size[0]) - 0.5
    rows = _parts(dataset, source.new_people, whole)
    found: dict[str, Any] = {}
    looked_at = 0
    for part in FRACTIONS:
        wanted = rows[part] if part in parts else rows[part][:0]
        looked_at += len(wanted)
        points = _landmarks(dataset, wanted, cache_dir)
        there = np.isfinite(points).all((1, 2))
        if not there.all():
            _log.warning("%s: no face found in %d of %d", dataset.name, (~there).sum(), len(there))
        found[part] = LocatedPhotographs(dataset, wanted[there], points[there], template, size)
    if looked_at and not any(map(len, found.values())):
        raise nobody(dataset, looked_at)
    return Split(**found)


def _parts(dataset: FaceDataset, new_people: bool, whole: bool) -> dict[str, np.ndarray]:
    if new_people:
        none = np.zeros(0, np.int64)
        if whole or len(np.unique(dataset.people)) < FEWEST_TO_SPLIT:
            return {"train": none, "validation": none, "test": np.arange(len(dataset))}
        split = split_people(dataset.people, tuple(NEW_FRACTIONS.values()), SPLIT_SEED)
        return {"train": none} | dict(zip(NEW_FRACTIONS, split, strict=True))
    partition = companion(dataset.root, celeba.PARTITION) if dataset.name == "celeba" else None
    if partition is not None:
        said = _by_stem(celeba.read_partition(partition))
        missing = [file for file in dataset.files if Path(file).stem not in said]
        if missing:
            raise InputError(f"{partition} does not name {missing[0]}.")
        found = np.array([said[Path(file).stem] for file in dataset.files])
        return {part: np.flatnonzero(found == part) for part in celeba.PARTS}
    split = split_people(dataset.people, tuple(FRACTIONS.values()), SPLIT_SEED)
    return dict(zip(FRACTIONS, split, strict=True))


def _landmarks(
    dataset: FaceDataset, rows: np.ndarray, cache_dir: str | os.PathLike[str] | None
) -> np.ndarray:
    file = companion(dataset.root, celeba.LANDMARKS) if dataset.name == "celeba" else None
    if file is not None:
        known = _by_stem(celeba.read_landmarks(file))
        nothing = np.full([5, 2], np.nan, np.float32)
        found = [known.get(Path(dataset.files[row]).stem, nothing) for row in rows]
        points = np.array(found, np.float32).reshape(-1, 5, 2)
        if dataset.skip_damaged:
            points[~_readable(dataset, rows)] = np.nan
        return points
    return dataset_landmarks(dataset, rows, cache_dir)


def _readable(dataset: FaceDataset, rows: np.ndarray) -> np.ndarray:
    """bool [M]; how many are not is logged."""
    damaged = Damaged(dataset)
    with ThreadPoolExecutor() as pool:
        read = pool.map(
            lambda row: damaged.guarded(int(row), lambda path: read_image(path) is not None), rows
        )
        there = np.array([bool(each) for each in read], bool)
    damaged.settle(len(rows))
    return there


def _by_stem(said: dict[str, Any]) -> dict[str, Any]:
    """By name without ending: CelebA's lists say .jpg for its PNG files, too."""
    return {Path(file).stem: value for file, value in said.items()}
