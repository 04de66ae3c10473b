"""What a file was made for: an encoder for a face model, a classifier for an encoder, and so on.

Such files fit each other by what is in them, not by name. Each says in its attributes (`.h5`) or
under a key (`.json`) which files it was made for, by a hash of their content and the name that they
had. The hash of an HDF5 file is over its numbers and attributes without these stamps, so that a
stamp changes no hash.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from weights import file_kinds
from weights.errors import InputError, brief

_log = logging.getLogger(__name__)

ROLES = {
    "face_model": "face model",
    "encoder": "encoder",
    "identity_code": "identity classifier on codes",
    "detector": "detector",
    "target": "target network",
}
"""What a file may be made for, and how messages call it."""

KEY = "made_for"
"""Of a JSON file; attributes of HDF5 files are called `made_for_<role>`."""

_PREFIX = f"{KEY}_"
_DIGITS = 16
_BLOCK = 1 << 22


@dataclasses.dataclass(frozen=True)
class Content:
    """A file, or several that belong together, by what is in it.

    Attributes:
      digest: 16 hexadecimal digits of a SHA-256.
      name: what the file was called.
    """

    digest: str
    name: str

    def __str__(self) -> str:
        """As files hold it: `0123456789abcdef name.h5`."""
        return f"{self.digest} {self.name}"

    @classmethod
    def parse(cls, text: str) -> Content | None:
        """The inverse of `str`; None of other text."""
        found = re.fullmatch(rf"([0-9a-f]{{{_DIGITS}}}) (.+)", text)
        return cls(found[1], found[2]) if found else None


def content(path: Path, *more: Path) -> Content:
    """A file by its content.

    Args:
      path: the file, or a folder, of which the files in it count.
      more: files that belong to it.

    Raises:
      OSError: a file cannot be read.
    """
    digest = hashlib.sha256()
    for each in (path, *more):
        for file in sorted(p for p in each.iterdir() if p.is_file()) if each.is_dir() else (each,):
            if each is not path or each.is_dir():
                digest.update(f"\0{file.name}\0".encode())
            for block in _blocks(file):
                digest.update(block)
    return Content(digest.hexdigest()[:_DIGITS], path.name)


def _blocks(path: Path) -> Iterator[bytes]:
    """What of a file's bytes decides what it is."""
    if file_kinds.first_bytes(path).startswith(file_kinds.HDF5):
        with h5py.File(path, "r") as file:
            yield from _numbers(file)
        return
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            yield block


def _numbers(file: h5py.File) -> Iterator[bytes]:
    """Names, attributes and numbers of all that an HDF5 file holds, sorted by name."""
    names: list[str] = []
    file.visit(names.append)
    for name in ("/", *sorted(names)):
        part = file[name]
        yield f"\0{name}\0".encode()
        for key in sorted(key for key in part.attrs if not key.startswith(_PREFIX)):
            value = np.asarray(part.attrs[key])
            yield f"\0{key} {value.dtype.str} {value.shape}\0".encode() + _plain(value)
        if isinstance(part, h5py.Dataset):
            yield f"\0{part.dtype.str} {part.shape}\0".encode()
            rows = part.shape[0] if part.shape else 1
            step = max(1, _BLOCK * rows // max(1, part.size * part.dtype.itemsize)) if rows else 1
            for first in range(0, rows, step):
                yield _plain(part[first : first + step] if part.shape else np.asarray(part[()]))


def _plain(values: Any) -> bytes:
    """Bytes of an array; text of any length as it reads."""
    values = np.asarray(values)
    if values.dtype.kind != "O":
        return values.tobytes()
    texts = [v if isinstance(v, bytes) else str(v).encode() for v in values.reshape(-1)]
    return b"\0".join(texts)


def attributes(made_for: Mapping[str, Content]) -> dict[str, str]:
    """Attributes that say what an HDF5 file was made for.

    Args:
      made_for: by role, see `ROLES`.
    """
    return {f"{_PREFIX}{role}": str(each) for role, each in _known(made_for).items()}


def entry(made_for: Mapping[str, Content]) -> dict[str, dict[str, str]]:
    """The same as an entry of a JSON object."""
    return {KEY: {role: str(each) for role, each in _known(made_for).items()}}


def _known(made_for: Mapping[str, Content]) -> Mapping[str, Content]:
    unknown = [role for role in made_for if role not in ROLES]
    if unknown:
        raise ValueError(f"made_for knows {', '.join(ROLES)}; got {unknown[0]!r}")
    return made_for


def read(path: Path) -> dict[str, Content]:
    """What a file says that it was made for, by role; nothing where it says nothing.

    Args:
      path: an HDF5 file, or JSON.

    Raises:
      InputError: the file cannot be read.
    """
    try:
        if file_kinds.first_bytes(path).startswith(file_kinds.HDF5):
            with h5py.File(path, "r") as file:
                said = {role: file.attrs.get(f"{_PREFIX}{role}") for role in ROLES}
        else:
            said = json.loads(path.read_text("utf-8")).get(KEY) or {}
        texts = {role: v.decode() if isinstance(v, bytes) else v for role, v in said.items()}
    except (OSError, ValueError, AttributeError, RuntimeError, KeyError, TypeError) as error:
        raise InputError(
            f"{path}: what it was made for cannot be read ({brief(error)})."
        ) from error
    found = {role: Content.parse(text) for role, text in texts.items() if isinstance(text, str)}
    return {role: each for role, each in found.items() if each is not None}


def check(
    path: Path,
    used: Mapping[str, Path | Content],
    allow_mismatch: bool = False,
    others: Iterable[Path] = (),
) -> None:
    """Refuse a file that was made for others than those that it is used with.

    A file that does not say, made before files did, is taken with a warning.

    Args:
      path: the file, HDF5 or JSON.
      used: by role, what it is used with.
      allow_mismatch: warn instead.
      others: further files of its kind, of which the message names the one that fits.

    Raises:
      InputError: it was made for others; the message says for which, and what goes with what.
    """
    said = read(path)
    silent = [role for role in used if role not in said]
    if silent:
        _log.warning(
            "%s does not say which %s it was made for, so nobody knows whether they fit.",
            path.name,
            " and ".join(ROLES[role] for role in silent),
        )
    for role in used:
        if role not in said:
            continue
        given = used[role]
        given = given if isinstance(given, Content) else content(given)
        wanted = said[role]
        if given.digest == wanted.digest:
            continue
        problem = (
            f"{path.name} was made for the {ROLES[role]} {_told(wanted, given)}, not for "
            f"{_told(given, wanted)}"
        )
        fitting = [o.name for o in others if o.is_file() and _fits(o, role, given)]
        if fitting:
            problem += f", with which {' or '.join(fitting)} goes"
        if not allow_mismatch:
            raise InputError(
                f"{problem}. Give files that belong together, or `allow_mismatch` to go on all the "
                "same."
            )
        _log.warning("%s.", problem)


def _told(one: Content, other: Content) -> str:
    """A file's name, with its hash where names alone do not tell them apart."""
    return f"{one.name} ({one.digest})" if one.name == other.name else one.name


def _fits(path: Path, role: str, given: Content) -> bool:
    found = read(path).get(role)
    return found is not None and found.digest == given.digest
