"""Labeled Faces in the Wild in the layout in which it comes.

G. B. Huang et al., "Labeled Faces in the Wild", 2007: `<Name>/<Name>_0001.jpg`, deep-funneled or
not, with `pairs.txt` and its siblings beside the folder of images.
"""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path

from resgn.faces.dataset import (
    FaceDataset,
    dataset_from_files,
    existing_folder,
    folders_in,
    found_in,
    image_files,
)
from weights.errors import InputError

_log = logging.getLogger(__name__)

EXPECTED = (
    "the folder that holds lfw-deepfunneled/ (or lfw/, lfw_funneled/), or that folder itself, "
    "with images named <Name>/<Name>_0001.jpg"
)

_FOLDERS = ("lfw-deepfunneled", "lfw_deepfunneled", "lfw_funneled", "lfw-funneled", "lfw")


def load_lfw(data_dir: str | os.PathLike[str]) -> FaceDataset:
    """List LFW: what is on disk, whatever `people.txt` names.

    Args:
      data_dir: the folder that holds `lfw-deepfunneled/` (or `lfw_funneled/`, `lfw/`, also one
        inside the other of the same name or inside one further folder, as archives unpack), or the
        folder of images.

    Returns:
      The data set; `root` is the folder of images.

    Raises:
      InputError: the folder is missing, empty, or of another layout.
    """
    data_dir = existing_folder(data_dir, EXPECTED)
    for root in _candidates(data_dir):
        listed = image_files(root)
        found = [
            (person, file)
            for person, file in listed
            if re.fullmatch(re.escape(person) + r"_\d{4,}(\.\w+)?", file)
        ]
        if found:
            if len(found) < len(listed):
                _log.warning(
                    "%s: %d of %d images are not named <Name>/<Name>_0001.jpg, and are left out",
                    root,
                    len(listed) - len(found),
                    len(listed),
                )
            return dataset_from_files("lfw", root, found)
    raise InputError(f"{data_dir} does not hold LFW: {found_in(data_dir)}. Expected: {EXPECTED}.")


def _candidates(data_dir: Path) -> list[Path]:
    candidates = [data_dir]
    for folder in (data_dir, *folders_in(data_dir)):
        for name in _FOLDERS:
            candidates += [folder / name, folder / name / name]
    return [path for path in dict.fromkeys(candidates) if path.is_dir()]
