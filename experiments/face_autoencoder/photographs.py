"""Photographs of a data set, cut out for MoFA and split by people."""

from __future__ import annotations

import dataclasses
import logging
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import tqdm

from mofa import celeba
from mofa.face_renderer import FaceRenderer
from mofa.photographs import Photographs, crop, crop_template
from resgn.faces.dataset import FaceDataset
from resgn.faces.landmarks import dataset_landmarks
from resgn.faces.loading import load_dataset
from resgn.faces.pairs import split_people
from weights.errors import InputError

_log = logging.getLogger(__name__)

FRACTIONS = {"train": 0.75, "validation": 0.10, "test": 0.15}
"""Of a data set's people. Nobody is in two parts."""
SPLIT_SEED = 0
"""The parts stay the same whatever --seed says: the default encoder has seen `train`."""


@dataclasses.dataclass(frozen=True)
class Split:
    """The parts of a data set of photographs.

    Attributes:
      train, validation, test: of different people.
    """

    train: Photographs
    validation: Photographs
    test: Photographs


def load_photographs(
    name: str,
    data_dir: str | os.PathLike[str] | None,
    renderer: FaceRenderer,
    size: int = 224,
    parts: tuple[str, ...] = ("train", "validation", "test"),
    cache_dir: str | os.PathLike[str] | None = None,
) -> Split:
    """Read, cut out and split the photographs of a data set.

    Landmarks are those of CelebA's own file where it lies beside the images, and found by MTCNN
    (and kept for the next time) otherwise; photographs without a face are left out. CelebA is split
    as its partition file says where there is one; otherwise people are split by `FRACTIONS`.

    Args:
      name: `orl`, `lfw`, `celeba` or `folder`.
      data_dir: where it is.
      renderer: its camera says where a face belongs in the crop.
      size: side of the crops, pixels.
      parts: which parts to read; the others stay empty.
      cache_dir: where landmarks are kept.

    Returns:
      The parts.

    Raises:
      InputError: the data set is missing or of another layout, or an image cannot be read.
    """
    dataset = load_dataset(name, data_dir)
    template = crop_template(renderer)
    template = (template + 0.5) * (size / renderer.camera.image_size[0]) - 0.5
    rows = _parts(dataset)
    return Split(
        **{
            part: _crops(
                dataset, rows[part] if part in parts else rows[part][:0], template, size, cache_dir
            )
            for part in FRACTIONS
        }
    )


def _parts(dataset: FaceDataset) -> dict[str, np.ndarray]:
    partition = dataset.root.parent / celeba.PARTITION
    if dataset.name == "celeba" and partition.is_file():
        said = celeba.read_partition(partition)
        missing = [file for file in dataset.files if file not in said]
        if missing:
            raise InputError(f"{partition} does not name {missing[0]}.")
        found = np.array([said[file] for file in dataset.files])
        return {part: np.flatnonzero(found == part) for part in celeba.PARTS}
    split = split_people(dataset.people, tuple(FRACTIONS.values()), SPLIT_SEED)
    return dict(zip(FRACTIONS, split, strict=True))


def _crops(
    dataset: FaceDataset,
    rows: np.ndarray,
    template: np.ndarray,
    size: int,
    cache_dir: str | os.PathLike[str] | None,
) -> Photographs:
    points = _landmarks(dataset, rows, cache_dir)
    there = np.isfinite(points).all((1, 2))
    if not there.all():
        _log.warning("%s: no face found in %d of %d", dataset.name, (~there).sum(), len(there))
    rows, points = rows[there], points[there]
    images = np.empty([len(rows), size, size, 3], np.uint8)
    places = np.empty_like(points)

    def cut(i: int) -> None:
        images[i], places[i] = crop(dataset.image(int(rows[i])), points[i], template, size)

    with ThreadPoolExecutor() as pool:
        for _ in tqdm.tqdm(
            pool.map(cut, range(len(rows))), desc="cropping", total=len(rows), delay=2
        ):
            pass
    return Photographs(images, places, dataset.people[rows])


def _landmarks(
    dataset: FaceDataset, rows: np.ndarray, cache_dir: str | os.PathLike[str] | None
) -> np.ndarray:
    file = dataset.root.parent / celeba.LANDMARKS
    if dataset.name == "celeba" and file.is_file():
        known = celeba.read_landmarks(file)
        nothing = np.full([5, 2], np.nan, np.float32)
        found = [known.get(dataset.files[row], nothing) for row in rows]
        return np.array(found, np.float32).reshape(-1, 5, 2)
    return dataset_landmarks(dataset, rows, cache_dir)
