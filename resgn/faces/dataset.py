"""A data set of faces: image files and whose they are."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resgn.faces.image_file import read_image
from resgn.faces.image_files import LeftOut, is_image
from weights.errors import InputError

_log = logging.getLogger(__name__)

_PACKED = (".zip", ".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz", ".7z", ".7z.001", ".rar")


@dataclass(frozen=True, eq=False)
class FaceDataset:
    """Image files and whose they are; nothing is read before it is asked for.

    Attributes:
      name: `orl`, `lfw`, `celeba` or `folder`.
      root: the folder that `files` are relative to.
      files: `[N]` relative names with `/` between folder and file, sorted by person and name.
      people: int32 `[N]`, the person in each file, an index into `names`.
      names: the people's names, sorted.
      skip_damaged: photographs that cannot be read count as such without a face; otherwise they
        are an error.
      left_out: files that were taken out of the data set, and why.
    """

    name: str
    root: Path
    files: tuple[str, ...]
    people: NDArray[np.int32]
    names: tuple[str, ...]
    skip_damaged: bool = False
    left_out: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.files)

    def path(self, index: int) -> Path:
        """The file of image `index`."""
        return self.root / self.files[index]

    def image(self, index: int) -> NDArray[np.uint8]:
        """Image `index` as uint8 RGB `[H, W, 3]`.

        Raises:
          InputError: the file cannot be read (see `read_image`).
        """
        return read_image(self.path(index))

    def person_of(self, index: int) -> str:
        """The name of the person in image `index`."""
        return self.names[int(self.people[index])]

    def part(self, rows: NDArray[np.integer[Any]]) -> FaceDataset:
        """The images `rows` alone, int `[M]`; the people keep their numbers."""
        people = self.people[rows]
        people.setflags(write=False)
        return replace(self, files=tuple(self.files[row] for row in rows), people=people)


def existing_folder(data_dir: str | os.PathLike[str], expected: str) -> Path:
    """The folder `data_dir`, links resolved.

    Args:
      data_dir: what the user gave.
      expected: the layout that is expected there, for the message.

    Raises:
      InputError: it is missing, not a folder, or cannot be read.
    """
    path = Path(data_dir).expanduser()
    try:
        if not path.exists():
            raise InputError(f"{path}: there is no such folder. Expected: {expected}.")
        if not path.is_dir():
            raise InputError(f"{path} is not a folder. Expected: {expected}.")
        os.listdir(path)
        return path.resolve()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}).") from error


def found_in(folder: Path, count: int = 5) -> str:
    """A few entries of `folder` in words, and what is to be unpacked; for a message about it."""
    entries = sorted(entry.name + "/" * entry.is_dir() for entry in os.scandir(folder))
    if not entries:
        return "it is empty"
    shown = ", ".join(entries[:count])
    more = f" and {len(entries) - count} more" if len(entries) > count else ""
    packed = _archives(folder)
    unpack = f"; unpack {', '.join(packed[:count])} where it lies" if packed else ""
    return f"found {shown}{more}{unpack}"


def folders_in(folder: Path) -> list[Path]:
    """The folders in a folder, sorted, hidden ones left out."""
    entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    return [Path(e.path) for e in entries if e.is_dir() and not e.name.startswith(".")]


def _archives(folder: Path) -> list[str]:
    """Archives in a folder and one folder below."""
    places = [folder, *folders_in(folder)[:20]]
    return [
        str(path.relative_to(folder))
        for place in places
        for path in sorted(place.iterdir())
        if path.name.lower().endswith(_PACKED) and path.is_file()
    ]


def image_files(root: Path) -> list[tuple[str, str]]:
    """The image files one folder below `root`, as (folder, file) names, sorted.

    What counts as an image says `resgn.faces.image_files.is_image`. Hidden files and folders are
    left out, and so are links that lead out of `root`: a data set never reads what is not its own.
    What was left out, other than hidden, is logged.
    """
    found: list[tuple[str, str]] = []
    outside = 0
    others = LeftOut(root)
    for person in sorted(os.scandir(root), key=lambda entry: entry.name):
        if person.name.startswith(".") or not person.is_dir():
            continue
        if person.is_symlink() and not _is_inside(person.path, root):
            outside += 1
            continue
        for file in sorted(os.scandir(person.path), key=lambda entry: entry.name):
            if file.name.startswith(".") or not file.is_file():
                continue
            if file.is_symlink() and not _is_inside(file.path, root):
                outside += 1
            elif is_image(Path(file.path)):
                found.append((person.name, file.name))
            else:
                others.add(Path(file.path))
    if outside:
        _log.warning("%s: left out %d links that lead out of this folder", root, outside)
    if found:
        others.say()
    return found


def dataset_from_files(name: str, root: Path, found: Iterable[tuple[str, str]]) -> FaceDataset:
    """A data set of the (folder, file) names `found`, a folder for each person."""
    found = sorted(found)
    names = sorted({person for person, _ in found})
    index = {person: i for i, person in enumerate(names)}
    people = np.array([index[person] for person, _ in found], np.int32)
    people.setflags(write=False)
    files = tuple(f"{person}/{file}" for person, file in found)
    return FaceDataset(name, root, files, people, tuple(names))


def _is_inside(path: str, root: Path) -> bool:
    return Path(path).resolve().is_relative_to(root)
