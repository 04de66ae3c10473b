"""CelebA (Liu et al. 2015), aligned: one folder of photographs and a list of identities."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from resgn.faces.dataset import FaceDataset, existing_folder, found_in
from weights.errors import InputError

IMAGES = "img_align_celeba"
IDENTITIES = "identity_CelebA.txt"
EXPECTED = f"CelebA's own layout: {IMAGES}/000001.jpg and so on, beside {IDENTITIES}"


def load_celeba(data_dir: str | os.PathLike[str]) -> FaceDataset:
    """List the aligned photographs of CelebA whose identity is known.

    Args:
      data_dir: holds `img_align_celeba/` and `identity_CelebA.txt` (lines `000001.jpg 2880`).

    Returns:
      The photographs that are on disk and in the list; a person is named by their number.

    Raises:
      InputError: the folder or the list is missing, malformed, or none of its images is there.
    """
    root = existing_folder(data_dir, EXPECTED)
    images, identities = root / IMAGES, root / IDENTITIES
    if not images.is_dir() or not identities.is_file():
        raise InputError(f"{root} is not CelebA: {found_in(root)}. Expected: {EXPECTED}.")
    present = {entry.name for entry in os.scandir(images) if entry.is_file()}
    rows = [row for row in _read_identities(identities) if row[0] in present]
    if not rows:
        raise InputError(
            f"{images} holds none of the images in {IDENTITIES}. Expected: {EXPECTED}."
        )
    rows.sort()
    names = sorted({person for _, person in rows})
    index = {person: i for i, person in enumerate(names)}
    people = np.array([index[person] for _, person in rows], np.int32)
    people.setflags(write=False)
    files = tuple(file for file, _ in rows)
    return FaceDataset("celeba", images, files, people, tuple(str(name) for name in names))


def _read_identities(path: Path) -> list[tuple[str, int]]:
    rows = []
    for number, line in enumerate(path.read_text("utf-8-sig").splitlines(), 1):
        fields = line.split()
        if not fields:
            continue
        if (
            len(fields) != 2
            or not fields[1].isdecimal()
            or os.path.basename(fields[0]) != fields[0]
        ):
            raise InputError(f"{path}, line {number}: expected 'file identity', got {line[:80]!r}.")
        rows.append((fields[0], int(fields[1])))
    return rows
