"""What all files of face models must hold, checked before a model is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mofa.arrays import Array
from mofa.morphable_model import Modes, MorphableModel, zero_modes
from weights.errors import InputError


def checked_model(
    path: Path,
    name: str,
    shape: Array,
    colour: Array,
    identity: Modes,
    expression: Modes,
    albedo: Modes,
    triangles: Array,
    landmarks: Mapping[str, int],
    samples: Array | None,
) -> MorphableModel:
    """Check what all kinds have in common and bring the triangles into our order."""
    shape = finite(path, np.asarray(shape, np.float64))
    colour = finite(path, np.asarray(colour, np.float64))
    if colour.shape != shape.shape:
        raise InputError(f"{path.name}: {len(colour)} colours for {len(shape)} vertices")
    triangles = np.asarray(triangles)
    check_triangles(path, triangles, len(shape))
    for landmark, vertex in landmarks.items():
        if not 0 <= vertex < len(shape):
            raise InputError(
                f"{path.name}: landmark {landmark!r} is vertex {vertex}, there are {len(shape)}"
            )
    # Outward triangles enclose a positive volume seen from the middle of the face.
    corners = (shape - 0.5 * (shape.min(axis=0) + shape.max(axis=0)))[triangles]
    if np.linalg.det(corners).sum() < 0.0:
        triangles = triangles[:, ::-1]
    return MorphableModel(
        name=name,
        mean_shape=shape.astype(np.float32),
        mean_albedo=colour.astype(np.float32),
        identity=identity,
        expression=expression,
        albedo=albedo,
        triangles=np.ascontiguousarray(triangles, np.int32),
        landmarks=dict(landmarks),
        expression_samples=samples,
    )


def check_triangles(path: Path, triangles: Array, vertices: int) -> None:
    """Refuse triangles that are not integers [T, 3] among the vertices."""
    if triangles.ndim != 2 or triangles.shape[1] != 3 or len(triangles) == 0:
        raise InputError(f"{path.name}: triangles must be [T, 3], got {triangles.shape}")
    if not np.issubdtype(triangles.dtype, np.integer):
        raise InputError(f"{path.name}: triangles are {triangles.dtype}, not integers")
    if triangles.min() < 0 or triangles.max() >= vertices:
        raise InputError(
            f"{path.name}: a triangle names vertex {triangles.max()} or {triangles.min()}, the "
            f"model has vertices 0 to {vertices - 1}"
        )


def finite(path: Path, values: Array) -> Array:
    """Numbers of a file, if all of them are finite."""
    values = np.asarray(values)
    if not np.issubdtype(values.dtype, np.number) or not np.isfinite(values).all():
        raise InputError(f"{path.name} holds values that are not finite numbers; it is damaged")
    return values


def points(path: Path, name: str, values: Array) -> Array:
    """Numbers of a file as float64 [V, 3]."""
    if values.size == 0 or values.size % 3:
        raise InputError(f"{path.name}: {name} has {values.size} numbers, not three a vertex")
    return finite(path, values).astype(np.float64).reshape(-1, 3)


def modes_of(name: str, basis: Array, std: Array, vertices: int, count: int) -> Modes:
    """The first `count` modes of a file, padded with zero ones."""
    if basis.ndim != 2 or basis.shape[0] != 3 * vertices or std.shape != basis.shape[1:]:
        raise InputError(
            f"{name}: the basis has shape {basis.shape} and {std.size} deviations; {vertices} "
            f"vertices need ({3 * vertices}, K) and K"
        )
    used = min(count, basis.shape[1])
    if not np.issubdtype(basis.dtype, np.number) or not np.isfinite(basis[:, :used]).all():
        raise InputError(f"{name}: the basis holds values that are not finite; it is damaged")
    if (std < 0.0).any():
        raise InputError(f"{name}: a standard deviation is negative")
    result = zero_modes(vertices, count)
    result.basis[:, :used] = basis[:, :used]
    result.std[:used] = std[:used]
    return result
