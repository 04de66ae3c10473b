"""Lists of landmarks: those inside a Basel Face Model, and files {name: vertex}."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mofa import landmarks as landmark_names
from mofa.arrays import Array
from mofa.face_model_files.checked import check_sizes
from weights.errors import InputError, brief

_log = logging.getLogger(__name__)

_LISTS = ("metadata/landmarks/json", "metadata/landmarks/text", "metadata/landmarks")
_NAME_KEYS, _PLACE_KEYS = ("id", "name"), ("coordinates", "point", "position")


def hdf5_landmarks(path: Path, file: h5py.File, meshes: Sequence[Array]) -> dict[str, int]:
    """The vertices nearest to the points that a Basel Face Model names.

    A list that cannot be read is left out with a warning: the rest of the model can still be drawn.

    Args:
      path: for the warning.
      file: its list is JSON or text, stored as text, characters or bytes, whole or in an array.
      meshes: float [V, 3] each; the points lie on one of them, the mean or the reference.

    Returns:
      Name to vertex, empty where there is no list.
    """
    key = next((key for key in _LISTS if isinstance(file.get(key), h5py.Dataset)), None)
    if key is None:
        return {}
    try:
        check_sizes(path, file[key])
        points = dict(_named_points(as_text(file[key][()])))
        places = np.array(list(points.values()), np.float64).reshape(-1, 3)
        if not np.isfinite(places).all():
            raise ValueError("a coordinate is not finite")
    except (ValueError, TypeError, LookupError, ArithmeticError, OSError, RuntimeError) as error:
        _log.warning(
            "%s: its list of landmarks cannot be read (%s) and is left out.",
            path.name,
            brief(error),
        )
        return {}
    if not points:
        return {}
    found = [_nearest(mesh, places) for mesh in meshes]
    vertices, _ = min(found, key=lambda each: each[1])
    return dict(zip(points, map(int, vertices), strict=True))


def _nearest(mesh: Array, places: Array) -> tuple[Array, float]:
    """The vertices of a mesh nearest to places, and how far they are on average."""
    vertices = [int(np.argmin(np.sum((mesh - place) ** 2, axis=1))) for place in places]
    return np.array(vertices), float(np.linalg.norm(mesh[vertices] - places, axis=1).mean())


def as_text(raw: Any) -> str:
    """Text that a file keeps as text, as bytes or as numbers of characters, whole or in pieces."""
    values = np.asarray(raw).reshape(-1)
    if values.dtype.kind in "iu" and values.dtype.itemsize == 1:
        text = values.astype(np.uint8).tobytes().decode("utf-8")
    elif values.dtype.kind in "iu":
        text = "".join(map(chr, values))
    else:
        pieces = [v.decode("utf-8") if isinstance(v, bytes) else str(v) for v in values.tolist()]
        # Single characters, or lines.
        text = ("" if all(len(piece) <= 1 for piece in pieces) else "\n").join(pieces)
    return text.strip("\0 \t\r\n\ufeff")


def _named_points(text: str) -> Iterator[tuple[str, list[float]]]:
    """Names and places from JSON, or from lines that begin with a name and end with a place."""
    if text[:1] not in ("[", "{"):
        for row in (line.split() for line in text.splitlines() if line.strip()):
            yield row[0], [float(x) for x in row[-3:]]
        return
    content = json.loads(text)
    if isinstance(content, dict) and isinstance(content.get("landmarks"), list | dict):
        content = content["landmarks"]
    entries = content.items() if isinstance(content, dict) else ((None, each) for each in content)
    for key, entry in entries:
        name = key if key is not None else _first(entry, _NAME_KEYS)
        place = _first(entry, _PLACE_KEYS) if isinstance(entry, dict) else entry
        if len(place) != 3:
            raise ValueError(f"{name!r} is not a point in space")
        yield str(name), [float(x) for x in place]


def _first(entry: Any, keys: Sequence[str]) -> Any:
    """What an object holds under the first of these keys that it has."""
    return next(entry[key] for key in (*keys, keys[0]) if key in entry or key == keys[0])


@dataclasses.dataclass(frozen=True)
class LandmarkFile:
    """A user's list of landmarks.

    Attributes:
      path: where it was read.
      named: name, in our way or in Basel's, to vertex, counted from 0.
    """

    path: Path
    named: Mapping[str, int]

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> LandmarkFile:
        """Read JSON {name: vertex}; a bare list of 68 numbers has them in the usual order.

        Raises:
          InputError: the file is missing or holds something else.
        """
        path = Path(path).expanduser()
        try:
            content = json.loads(path.read_text("utf-8"))
            if isinstance(content, list):
                content = dict(zip(landmark_names.NAMES, content, strict=True))
            return cls(path, {str(name): _whole(vertex) for name, vertex in content.items()})
        except (OSError, ValueError, TypeError, AttributeError, OverflowError) as error:
            raise InputError(
                f"{path} must be a JSON file {{name: vertex}} ({brief(error)})"
            ) from error

    def within(self, vertices: int) -> dict[str, int]:
        """Name to vertex, for a mesh of so many.

        Raises:
          InputError: the mesh has fewer than the file names.
        """
        for name, vertex in self.named.items():
            if not 0 <= vertex < vertices:
                raise InputError(
                    f"{self.path.name}: landmark {name!r} is vertex {vertex}, the model has "
                    f"{vertices}"
                )
        return dict(self.named)


def _whole(number: Any) -> int:
    if isinstance(number, bool) or int(number) != number:
        raise ValueError(f"{number!r} is no number of a vertex")
    return int(number)
