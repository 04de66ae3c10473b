"""The Basel Face Model of 2009, and the expressions that others made for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scipy.io

from mofa.arrays import Array
from mofa.face_model_files.basel_hdf5 import WHERE_BASEL_IS
from mofa.face_model_files.checked import check_triangles, checked_model, finite, modes_of, points
from mofa.morphable_model import (
    ALBEDO,
    EXPRESSION,
    IDENTITY,
    MorphableModel,
    orthonormal,
    zero_modes,
)
from weights.errors import InputError


def read_basel_2009(path: Path) -> MorphableModel:
    """BFM 2009: micrometres, colours 0-255, "EV" are standard deviations, triangles turned inward.

    Expressions (Guo et al. 2018, "CNN-based Real-time Dense Face Reconstruction") cover the face
    without ears and neck, and the model is cut down to it.
    """
    file = scipy.io.loadmat(path)

    def variable(name: str) -> Array:
        if name not in file:
            raise InputError(
                f"{path.name} has no variable {name!r}, which 01_MorphableModel.mat has "
                f"({WHERE_BASEL_IS})"
            )
        return np.asarray(file[name])

    shape = points(path, "shapeMU", finite(path, variable("shapeMU"))) / 1000.0
    colour = points(path, "texMU", finite(path, variable("texMU"))) / 255.0
    identity = modes_of(
        f"{path.name}: shapePC",
        variable("shapePC"),
        finite(path, variable("shapeEV")).reshape(-1) / 1000.0,
        len(shape),
        IDENTITY,
    )
    albedo = modes_of(
        f"{path.name}: texPC",
        variable("texPC"),
        finite(path, variable("texEV")).reshape(-1) / 255.0,
        len(shape),
        ALBEDO,
    )
    triangles = variable("tl").astype(np.int64) - 1
    expression = zero_modes(len(shape), EXPRESSION)
    binary = path.parent / "Exp_Pca.bin"
    if binary.exists():
        basis, std, kept = _read_expressions(binary, len(shape))
        check_triangles(path, triangles, len(shape))
        where = np.full(len(shape), -1)
        where[kept] = np.arange(len(kept))
        triangles = where[triangles]
        triangles = triangles[(triangles >= 0).all(axis=1)]
        rows = (3 * kept[:, None] + np.arange(3)).reshape(-1)
        shape, colour = shape[kept], colour[kept]
        identity = orthonormal(identity.scaled()[rows], IDENTITY)
        albedo = orthonormal(albedo.scaled()[rows], ALBEDO)
        expression = orthonormal(basis * std / 1000.0, EXPRESSION)
    return checked_model(
        path, "BFM 2009", shape, colour, identity, expression, albedo, triangles, {}, None
    )


def _read_expressions(binary: Path, vertices: int) -> tuple[Array, Array, Array]:
    """`Exp_Pca.bin` and its index files: basis [3 V', 64], std [64], kept vertices [V']."""
    folder = binary.parent

    def indices(name: str, variable: str, limit: int) -> Array:
        file = folder / name
        if not file.exists():
            raise InputError(f"{binary.name} needs {name} beside it")
        content = scipy.io.loadmat(file)
        if variable not in content:
            raise InputError(f"{name} has no variable {variable!r}")
        result = np.asarray(content[variable]).reshape(-1).astype(np.int64) - 1
        if result.size == 0 or result.min() < 0 or result.max() >= limit:
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
    text = folder / "std_exp.txt"
    if not text.exists():
        raise InputError(f"{binary.name} needs std_exp.txt beside it")
    std = finite(text, np.loadtxt(text).reshape(-1))
    if len(std) < number:
        raise InputError(f"std_exp.txt has {len(std)} numbers, {binary.name} has {number} modes")
    front = np.arange(len(trim))
    if (folder / "BFM_front_idx.mat").exists():
        front = indices("BFM_front_idx.mat", "idx", len(trim))
    rows = (3 * front[:, None] + np.arange(3)).reshape(-1)
    used = min(number, EXPRESSION)
    return basis[rows, :used], std[:used], trim[front]
