"""The user's own photographs: a folder for each person."""

from __future__ import annotations

import os

from resgn.faces.dataset import (
    FaceDataset,
    dataset_from_files,
    existing_folder,
    found_in,
    image_files,
)
from weights.errors import InputError

EXPECTED = "a folder for each person with that person's photographs in it (<person>/<photograph>)"


def load_folder(data_dir: str | os.PathLike[str]) -> FaceDataset:
    """List a folder of folders, one for each person.

    Args:
      data_dir: holds the people's folders; their names are the people's names. Files directly in
        it and folders below a person's are left out.

    Returns:
      The data set.

    Raises:
      InputError: the folder is missing, empty, or of another layout.
    """
    root = existing_folder(data_dir, EXPECTED)
    found = image_files(root)
    if not found:
        raise InputError(
            f"{root} holds no photographs of people: {found_in(root)}. Expected: {EXPECTED}."
        )
    return dataset_from_files("folder", root, found)
