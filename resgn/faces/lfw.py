"""Labeled Faces in the Wild in the layout in which it comes.

G. B. Huang et al., "Labeled Faces in the Wild", 2007: `<Name>/<Name>_0001.jpg`, deep-funneled or
not, with `pairs.txt` and its siblings beside the folder of images.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from resgn.faces.dataset import (
    FaceDataset,
    dataset_from_files,
    existing_folder,
    found_in,
    image_files,
)
from weights.errors import InputError

EXPECTED = (
    "the folder that holds lfw-deepfunneled/ (or lfw/, lfw_funneled/), or that folder itself, "
    "with images named <Name>/<Name>_0001.jpg"
)

_FOLDERS = ("lfw-deepfunneled", "lfw_deepfunneled", "lfw_funneled", "lfw-funneled", "lfw")


def load_lfw(data_dir: str | os.PathLike[str]) -> FaceDataset:
    """List LFW: what is on disk, whatever `people.txt` names.

    Args:
      data_dir: the folder that holds `lfw-deepfunneled/` (or `lfw_funneled/`, `lfw/`, also one
        inside the other of the same name, as some archives unpack), or the folder of images.

    Returns:
      The data set; `root` is the folder of images.

    Raises:
      InputError: the folder is missing, empty, or of another layout.
    """
    data_dir = existing_folder(data_dir, EXPECTED)
    for root in _candidates(data_dir):
        found = [
            (person, file)
            for person, file in image_files(root)
            if re.fullmatch(re.escape(person) + r"_\d{4,}\.\w+", file)
        ]
        if found:
            return dataset_from_files("lfw", root, found)
    raise InputError(f"{data_dir} does not hold LFW: {found_in(data_dir)}. Expected: {EXPECTED}.")


def _candidates(data_dir: Path) -> list[Path]:
    candidates = [data_dir]
    for name in _FOLDERS:
        candidates += [data_dir / name, data_dir / name / name]
    return [path for path in candidates if path.is_dir()]
