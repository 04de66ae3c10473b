"""The user's own photographs: a folder for each person."""

from __future__ import annotations

import os
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

EXPECTED = "a folder for each person with that person's photographs in it (<person>/<photograph>)"


def load_folder(data_dir: str | os.PathLike[str]) -> FaceDataset:
    """List a folder of folders, one for each person.

    Args:
      data_dir: holds the people's folders; their names are the people's names. Where it holds one
        folder alone and that holds them, as archives unpack, that one is taken. Files directly in
        it and folders below a person's are left out.

    Returns:
      The data set.

    Raises:
      InputError: the folder is missing, empty, or of another layout.
    """
    root = given = existing_folder(data_dir, EXPECTED)
    found = image_files(root)
    below = folders_in(root)
    if not found and len(below) == 1 and not below[0].is_symlink():
        root = below[0]
        found = image_files(root)
    if not found:
        raise InputError(f"{given} holds no photographs of people: {_said(given)}.")
    return dataset_from_files("folder", root, found)


def _said(root: Path) -> str:
    """What is there instead, and what is expected."""
    deeper = [folder.name for folder in folders_in(root)[:20] if image_files(folder)]
    choose = f" The people seem to be one folder deeper: name {deeper[0]}/." if deeper else ""
    return f"{found_in(root)}. Expected: {EXPECTED}.{choose}".removesuffix(".")
