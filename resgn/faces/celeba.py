"""CelebA (Liu et al. 2015), aligned: one folder of photographs and a list of identities."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import numpy as np

from resgn.faces.dataset import FaceDataset, existing_folder, folders_in, found_in
from resgn.faces.image_files import LeftOut, is_image
from weights.errors import InputError
from weights.text_file import read_lines

_log = logging.getLogger(__name__)

IMAGES = ("img_align_celeba", "img_align_celeba_png")
IDENTITIES = "identity_CelebA.txt"
EXPECTED = (
    f"CelebA as it is published, unpacked: Img/{IMAGES[0]}/000001.jpg and so on and "
    f"Anno/{IDENTITIES}, or {IMAGES[0]}/ beside {IDENTITIES}"
)

_LISTS = ("", "Anno", "Eval")
"""Folders of lists, beside the images or the folder Img that holds them."""


def load_celeba(data_dir: str | os.PathLike[str]) -> FaceDataset:
    """List the aligned photographs of CelebA whose identity is known.

    Args:
      data_dir: holds `img_align_celeba/` (also in `Img/`, in another folder, or twice one in the
        other, as archives unpack), or is that folder; `identity_CelebA.txt` (lines
        `000001.jpg 2880`) lies beside it, above it, or there in `Anno/`.

    Returns:
      The photographs that are on disk and in the list; a person is named by their number.

    Raises:
      InputError: the folder or the list is missing, malformed or contradicts itself, or none of its
        images is there.
    """
    root = existing_folder(data_dir, EXPECTED)
    images = _images_folder(root)
    identities = None if images is None else companion(images, IDENTITIES)
    if images is None or identities is None:
        missing = f"there is no {IDENTITIES}" if images else found_in(root)
        raise InputError(f"{root} is not CelebA: {missing}. Expected: {EXPECTED}.")
    listed = _read_identities(identities)
    present = _present(images)
    rows = sorted((present[name], listed[name]) for name in present.keys() & listed.keys())
    if not rows:
        raise InputError(
            f"{images} holds none of the images in {identities}. Expected: {EXPECTED}."
        )
    if len(rows) < len(present):
        _log.warning(
            "%s: %d of %d images are not in %s, and are left out",
            images,
            len(present) - len(rows),
            len(present),
            identities.name,
        )
    names = sorted({person for _, person in rows})
    index = {person: i for i, person in enumerate(names)}
    people = np.array([index[person] for _, person in rows], np.int32)
    people.setflags(write=False)
    files = tuple(file for file, _ in rows)
    return FaceDataset("celeba", images, files, people, tuple(str(name) for name in names))


def companion(images: Path, name: str) -> Path | None:
    """One of the lists that come with CelebA.

    Args:
      images: the folder of images.
      name: of the list; its copy with the ending `.csv` serves as well.

    Returns:
      The list that lies nearest: beside the folder, or above it by up to two folders, there also in
      `Anno/` and `Eval/`. None where there is none.
    """
    for above in list(images.parents)[:3]:
        for folder in _LISTS:
            for file in (name, Path(name).with_suffix(".csv").name):
                if (above / folder / file).is_file():
                    return above / folder / file
    return None


def _images_folder(root: Path) -> Path | None:
    """The first folder that holds images, of the places where they are after unpacking."""
    candidates = [root] if root.name in IMAGES else []
    for name in IMAGES:
        for folder in (root, *folders_in(root)):
            candidates += [folder / name, folder / name / name]
    for folder in candidates:
        if folder.is_dir() and any(is_image(Path(entry.path)) for entry in os.scandir(folder)):
            return folder
    return None


def _present(images: Path) -> dict[str, str]:
    """The names of the images by name without ending, since lists say .jpg for PNG, too."""
    found: dict[str, str] = {}
    others = LeftOut(images)
    for entry in sorted(os.scandir(images), key=lambda entry: entry.name):
        if entry.name.startswith(".") or not entry.is_file():
            continue
        path = Path(entry.path)
        if not is_image(path):
            others.add(path)
        elif path.stem in found:
            raise InputError(
                f"{images} holds {found[path.stem]} and {path.name}; which of them is meant? "
                "Remove one."
            )
        else:
            found[path.stem] = path.name
    others.say()
    return found


def _read_identities(path: Path) -> dict[str, int]:
    """Identity by file name without ending."""
    found: dict[str, int] = {}
    lines: dict[str, int] = {}
    again = 0
    for number, line in read_lines(path):
        fields = line.replace(",", " ").split()
        if not found and "." not in fields[0]:  # a count, or names of columns
            continue
        if (
            len(fields) != 2
            or not fields[1].isdecimal()
            or os.path.basename(fields[0]) != fields[0]
        ):
            raise InputError(f"{path}, line {number}: expected 'file identity', got {line[:80]!r}.")
        name, person = Path(fields[0]).stem, int(fields[1])
        if found.setdefault(name, person) != person:
            raise InputError(
                f"{path} contradicts itself: line {lines[name]} says that {fields[0]} shows person "
                f"{found[name]}, line {number} that it shows person {person}. Mend the list."
            )
        again += name in lines
        lines.setdefault(name, number)
    if again:
        _log.warning("%s: %d lines repeat others, and count once", path, again)
    return found
