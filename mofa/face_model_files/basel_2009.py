"""The Basel Face Model of 2009, and the expressions that others made for it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mofa.arrays import Array
from mofa.face_model_files.basel_hdf5 import WHERE_BASEL_IS
from mofa.face_model_files.basel_landmarks import known_mesh_landmarks
from mofa.face_model_files.checked import (
    LARGEST,
    check_sizes,
    checked_model,
    colour_scale,
    finite,
    modes_of,
    points,
    triangles_of,
)
from mofa.face_model_files.landmark_lists import LandmarkFile
from mofa.morphable_model import (
    ALBEDO,
    EXPRESSION,
    IDENTITY,
    Modes,
    MorphableModel,
    orthonormal,
    zero_modes,
)
from weights import file_kinds
from weights.errors import InputError
from weights.mat_file import load_mat

_EXPRESSIONS = ("Exp_Pca.bin", "std_exp.txt", "BFM_exp_idx.mat", "BFM_front_idx.mat")


def read_basel_2009(path: Path, given: LandmarkFile | None = None) -> MorphableModel:
    """BFM 2009: micrometres, colours 0-255, "EV" are standard deviations, triangles turned inward.

    Expressions (Guo et al. 2018, "CNN-based Real-time Dense Face Reconstruction") cover the face
    without ears and neck, and the model is cut down to it. Its modes of identity and albedo stay as
    they are, so that a code means the same face with and without expressions.

    Args:
      path: `01_MorphableModel.mat`.
      given: landmarks of the user's, as numbers of the whole mesh.

    Raises:
      InputError: a file is missing or damaged.
    """
    file = _variables(path)

    def variable(name: str) -> Array:
        if name not in file:
            raise InputError(
                f"{path.name} has no variable {name!r}, which 01_MorphableModel.mat has "
                f"({WHERE_BASEL_IS})"
            )
        return np.asarray(file[name])

    def part(name: str, count: int, scale: float) -> Modes:
        std = scale * finite(path, variable(f"{name}EV"))
        return modes_of(f"{path.name}: {name}PC", variable(f"{name}PC"), std, len(shape), count)

    shape = points(path, "shapeMU", finite(path, variable("shapeMU"))) / 1000.0
    colour = points(path, "texMU", finite(path, variable("texMU")))
    identity = part("shape", IDENTITY, 1.0 / 1000.0)
    albedo = part("tex", ALBEDO, colour_scale(colour))
    colour = colour_scale(colour) * colour
    triangles = triangles_of(path, variable("tl"), len(shape), first=1)
    named = known_mesh_landmarks(shape)
    if given is not None:
        named |= given.within(len(shape))
    expression = zero_modes(len(shape), EXPRESSION)
    binary = path.parent / _EXPRESSIONS[0]
    if binary.exists():
        directions, kept = _read_expressions(binary, len(shape))
        where = np.full(len(shape), -1)
        where[kept] = np.arange(len(kept))
        triangles = where[triangles]
        triangles = triangles[(triangles >= 0).all(axis=1)]
        named = {name: int(where[vertex]) for name, vertex in named.items() if where[vertex] >= 0}
        shape, colour = shape[kept], colour[kept]
        identity, albedo = identity.at(kept), albedo.at(kept)
        expression = orthonormal(directions / 1000.0, EXPRESSION)
    return checked_model(
        path, "BFM 2009", shape, colour, identity, expression, albedo, triangles, named, None
    )


def files_of_2009(path: Path) -> list[Path]:
    """What belongs to `01_MorphableModel.mat`: the expressions' files, where they lie beside it."""
    if not (path.parent / _EXPRESSIONS[0]).exists():
        return []
    return [path.parent / name for name in _EXPRESSIONS if (path.parent / name).exists()]


def _variables(path: Path) -> Mapping[str, Any]:
    """The variables of a MATLAB file, of version 5 or 7.3."""
    if file_kinds.first_bytes(path).startswith((file_kinds.MATLAB_73, file_kinds.HDF5)):
        with h5py.File(path, "r") as file:
            found = {k: v for k, v in file.items() if isinstance(v, h5py.Dataset)}
            check_sizes(path, *found.values())
            # MATLAB writes its columns as rows there.
            return {k: v[()].T for k, v in found.items()}
    return load_mat(path, LARGEST)


def _read_expressions(binary: Path, vertices: int) -> tuple[Array, Array]:
    """`Exp_Pca.bin` and its index files: directions [3 V', 64] in micrometres, vertices [V']."""
    folder = binary.parent

    def beside(name: str) -> Path:
        if not (folder / name).exists():
            raise InputError(
                f"{binary} needs {name} beside it; put it there, or take {binary.name} away to do "
                "without expressions"
            )
        return folder / name

    def indices(name: str, variable: str, limit: int) -> Array:
        content = _variables(beside(name))
        if variable not in content:
            raise InputError(f"{name} has no variable {variable!r}")
        result = np.asarray(content[variable]).reshape(-1).astype(np.int64) - 1
        if result.size == 0 or not ((result >= 0) & (result < limit)).all():
            raise InputError(f"{name}: indices lie outside 1..{limit}")
        return result

    trim = indices("BFM_exp_idx.mat", "trimIndex", vertices)
    raw = binary.read_bytes()
    number = int(np.frombuffer(raw, np.int32, 1)[0]) if len(raw) >= 4 else 0
    size = 3 * len(trim)
    if not 0 < number <= 1000 or len(raw) != 4 + 4 * size * (number + 1):
        raise InputError(
            f"{binary.name} has {len(raw)} bytes, which does not fit {number} modes of {len(trim)} "
            "vertices; copy or download it again"
        )
    values = np.frombuffer(raw, np.float32, offset=4)
    basis = finite(binary, values[size:]).reshape(number, size).T
    text = beside("std_exp.txt")
    std = finite(text, np.loadtxt(text).reshape(-1))
    if len(std) < number:
        raise InputError(f"std_exp.txt has {len(std)} numbers, {binary.name} has {number} modes")
    front = np.arange(len(trim))
    if (folder / "BFM_front_idx.mat").exists():
        front = indices("BFM_front_idx.mat", "idx", len(trim))
    rows = (3 * front[:, None] + np.arange(3)).reshape(-1)
    used = min(number, EXPRESSION)
    return basis[rows, :used].astype(np.float64) * std[:used], trim[front]
