"""What all files of face models must hold, checked before a model is made of it.

Arrays come in other forms than their publisher's once somebody has converted them: transposed, with
numbers of vertices counted from 1 or stored as floats, colours up to 255. What is meant follows
from the sizes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np

from mofa.arrays import Array
from mofa.face_model_files.basel_landmarks import with_our_names
from mofa.morphable_model import Modes, MorphableModel, zero_modes
from weights.errors import InputError, one_line

PLAIN_SKIN = (0.72, 0.55, 0.46)
"""Albedo of a model that has none."""

LARGEST = 1 << 30
"""Bytes to which a file, or a dataset, may unfold; Basel's of 2009 unfolds to a quarter."""

_BRIGHTEST = 2.0
"""Above it a mean colour is one of 0 to 255, not of 0 to 1."""


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
        landmarks=with_our_names(landmarks),
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


def triangles_of(path: Path, values: Array, vertices: int, first: int = 0) -> Array:
    """The triangles of a file: int64 [T, 3], counted from 0.

    Args:
      path: for the message.
      values: whole numbers [T, 3] or [3, T].
      vertices: V.
      first: from what such files count, 0 or 1; where the numbers say otherwise, they are right.
    """
    values = np.asarray(values)
    if values.ndim == 2 and values.shape[0] == 3 and values.shape[1] != 3:
        values = values.T
    if np.issubdtype(values.dtype, np.floating) and (values == np.round(values)).all():
        values = values.astype(np.int64)
    if np.issubdtype(values.dtype, np.integer) and values.size:
        values = values.astype(np.int64)
        if values.min() == 0:
            first = 0
        elif values.min() > 0 and values.max() == vertices:
            first = 1
        values = values - first
    check_triangles(path, values, vertices)
    return values


def check_sizes(path: Path, *datasets: h5py.Dataset) -> None:
    """Refuse datasets that are larger together than any face model, before they are read.

    HDF5 can declare a dataset of any size in a few bytes.
    """
    size = sum(int(dataset.nbytes) for dataset in datasets)
    if size > LARGEST:
        named = datasets[0].name if len(datasets) == 1 else "its content"
        raise InputError(
            f"{path.name}: {one_line(named, 120)} is to have {size >> 20} MiB, more than the "
            f"{LARGEST >> 20} MiB of the largest face models; it is damaged: copy or download it "
            "again"
        )


def finite(path: Path, values: Array) -> Array:
    """Numbers of a file, if all of them are finite."""
    values = np.asarray(values)
    if not np.issubdtype(values.dtype, np.number) or not np.isfinite(values).all():
        raise InputError(f"{path.name} holds values that are not finite numbers; it is damaged")
    return values


def points(path: Path, name: str, values: Array) -> Array:
    """Numbers of a file, in any shape, as float64 [V, 3]."""
    if values.size == 0 or values.size % 3:
        raise InputError(f"{path.name}: {name} has {values.size} numbers, not three a vertex")
    if values.ndim == 2 and values.shape[0] == 3 and values.shape[1] > 3:
        values = values.T
    return finite(path, values).astype(np.float64).reshape(-1, 3)


def modes_of(name: str, basis: Array, std: Array, vertices: int, count: int) -> Modes:
    """The first modes of a file, by standard deviation, padded with zero ones.

    Args:
      name: for the message.
      basis: [3 V, K] or [K, 3 V].
      std: K standard deviations, in any shape.
      vertices: V.
      count: how many modes there are to be.
    """
    std = np.asarray(std).reshape(-1)
    if basis.ndim == 2 and basis.shape[0] != 3 * vertices and basis.shape[1] == 3 * vertices:
        basis = basis.T
    if basis.ndim != 2 or basis.shape[0] != 3 * vertices or std.shape != basis.shape[1:]:
        raise InputError(
            f"{name}: the basis has shape {basis.shape} and {std.size} deviations; {vertices} "
            f"vertices need ({3 * vertices}, K) and K"
        )
    if not np.isfinite(std).all() or (std < 0.0).any():
        raise InputError(f"{name}: a standard deviation is negative or not finite")
    used = np.argsort(-std, kind="stable")[:count]
    if not np.issubdtype(basis.dtype, np.number) or not np.isfinite(basis[:, used]).all():
        raise InputError(f"{name}: the basis holds values that are not finite; it is damaged")
    result = zero_modes(vertices, count)
    result.basis[:, : len(used)] = basis[:, used]
    result.std[: len(used)] = std[used]
    return result


def colour_scale(colour: Array) -> float:
    """What brings colours to [0, 1]: 1, or 1 / 255 for those of 0 to 255."""
    return 1.0 / 255.0 if colour.max() > _BRIGHTEST else 1.0
