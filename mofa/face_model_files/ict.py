"""ICT-FaceKit: a folder of OBJ files."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np

from mofa import landmarks as landmark_names
from mofa.arrays import Array
from mofa.face_model_files.checked import PLAIN_SKIN, checked_model, finite
from mofa.face_model_files.landmark_lists import LandmarkFile
from mofa.morphable_model import (
    ALBEDO,
    EXPRESSION,
    IDENTITY,
    MorphableModel,
    orthonormal,
    zero_modes,
)
from weights.errors import InputError, brief

_log = logging.getLogger(__name__)


def read_ict(folder: Path, given: LandmarkFile | None = None) -> MorphableModel:
    """ICT-FaceKit: OBJ files of a neutral face, identity modes and expression shapes, in cm.

    Identity shapes are one standard deviation each; the weights of expression shapes, in [0, 1],
    are taken to vary by a third. There is no albedo: a plain skin colour stands in, with no modes.

    Args:
      folder: FaceXModel.
      given: landmarks of the user's, besides those of `vertex_indices.json`.

    Raises:
      InputError: a file is missing or damaged.
    """
    neutral_file = folder / "generic_neutral_mesh.obj"
    if not neutral_file.exists():
        raise InputError(
            f"{folder.name} has no generic_neutral_mesh.obj, so it is not ICT-FaceKit's FaceXModel "
            "folder (github.com/ICT-VGL/ICT-FaceKit)"
        )
    neutral, triangles = _read_obj(neutral_file)
    scale = 10.0

    def shapes_of(files: list[Path]) -> Array:
        columns = []
        for file in files:
            vertices, _ = _read_obj(file)
            if vertices.shape != neutral.shape:
                raise InputError(
                    f"{file.name} has {len(vertices)} vertices, {neutral_file.name} has "
                    f"{len(neutral)}"
                )
            columns.append((vertices - neutral).reshape(-1) * scale)
        if not columns:
            return np.zeros((3 * len(neutral), 0))
        return np.stack(columns, axis=1)

    identity_files = sorted(folder.glob("identity*.obj"))
    expression_files = [
        file
        for file in sorted(folder.glob("*.obj"))
        if file not in identity_files and file != neutral_file
    ]
    named = _landmarks(folder / "vertex_indices.json", len(neutral))
    if given is not None:
        named |= given.within(len(neutral))
    return checked_model(
        folder,
        "ICT-FaceKit",
        neutral * scale,
        np.tile(PLAIN_SKIN, (len(neutral), 1)),
        orthonormal(shapes_of(identity_files), IDENTITY),
        orthonormal(shapes_of(expression_files) / 3.0, EXPRESSION),
        zero_modes(len(neutral), ALBEDO),
        triangles,
        named,
        None,
    )


def _landmarks(path: Path, vertices: int) -> dict[str, int]:
    """The 68 landmarks of `vertex_indices.json`; nothing, with a warning, where it has none."""
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        _log.warning("%s cannot be read (%s) and is left out.", path.name, brief(error))
        return {}
    entry: Any = content.get("landmarks", content) if isinstance(content, dict) else content
    numbers = _find_68(entry)
    if numbers is None or not all(0 <= number < vertices for number in numbers):
        _log.warning("%s has no list of 68 landmarks of this mesh.", path.name)
        return {}
    return dict(zip(landmark_names.NAMES, numbers, strict=True))


def _find_68(entry: Any) -> list[int] | None:
    """The first list of 68 integers inside a JSON object."""
    if isinstance(entry, list) and len(entry) == 68 and all(isinstance(x, int) for x in entry):
        return [int(number) for number in entry]
    children = entry.values() if isinstance(entry, dict) else ()
    return next((found for found in map(_find_68, children) if found is not None), None)


def _read_obj(path: Path) -> tuple[Array, Array]:
    """Vertices [V, 3] and triangles [T, 3] of an OBJ file; polygons become fans."""
    vertices, triangles = [], []
    for line in path.read_text().splitlines():
        if line.startswith("v "):
            vertices.append(line.split()[1:4])
        elif line.startswith("f "):
            corners = [int(corner.split("/")[0]) for corner in line.split()[1:]]
            triangles += [
                (corners[0], corners[k], corners[k + 1]) for k in range(1, len(corners) - 1)
            ]
    if not vertices:
        raise InputError(f"{path.name} has no vertices")
    return (
        finite(path, np.array(vertices, np.float64)),
        np.array(triangles, np.int64).reshape(-1, 3) - 1,
    )
