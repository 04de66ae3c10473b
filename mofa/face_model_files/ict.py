"""ICT-FaceKit: a folder of OBJ files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from mofa import landmarks as landmark_names
from mofa.arrays import Array
from mofa.face_model_files.checked import checked_model, finite
from mofa.morphable_model import (
    ALBEDO,
    EXPRESSION,
    IDENTITY,
    MorphableModel,
    orthonormal,
    zero_modes,
)
from weights.errors import InputError


def read_ict(folder: Path) -> MorphableModel:
    """ICT-FaceKit: OBJ files of a neutral face, identity modes and expression shapes, in cm.

    Identity shapes are one standard deviation each; the weights of expression shapes, in [0, 1],
    are taken to vary by a third. There is no albedo: a plain skin colour stands in, with no modes.
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
    landmarks: dict[str, int] = {}
    indices = folder / "vertex_indices.json"
    if indices.exists():
        content = json.loads(indices.read_text())
        entry: Any = content.get("landmarks", content) if isinstance(content, dict) else content
        numbers = _find_68(entry)
        if numbers is not None:
            landmarks = dict(zip(landmark_names.NAMES, numbers, strict=True))
    return checked_model(
        folder,
        "ICT-FaceKit",
        neutral * scale,
        np.tile([0.72, 0.55, 0.46], (len(neutral), 1)),
        orthonormal(shapes_of(identity_files), IDENTITY),
        orthonormal(shapes_of(expression_files) / 3.0, EXPRESSION),
        zero_modes(len(neutral), ALBEDO),
        triangles,
        landmarks,
        None,
    )


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
