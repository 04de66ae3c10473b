"""The Basel Face Models of 2017 and 2019, and our own, which keep to their layout."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from mofa.arrays import Array
from mofa.face_model_files.basel_landmarks import known_mesh_landmarks
from mofa.face_model_files.checked import (
    PLAIN_SKIN,
    check_sizes,
    checked_model,
    colour_scale,
    finite,
    modes_of,
    points,
    triangles_of,
)
from mofa.face_model_files.landmark_lists import LandmarkFile, as_text, hdf5_landmarks
from mofa.morphable_model import ALBEDO, EXPRESSION, IDENTITY, Modes, MorphableModel, zero_modes
from weights.errors import InputError

WHERE_BASEL_IS = "the Basel Face Model, faces.dmi.unibas.ch, free for research after registration"

_CELLS = ("shape/representer/cells", "representer/cells", "expression/representer/cells")


def read_basel_hdf5(path: Path, given: LandmarkFile | None = None) -> MorphableModel:
    """BFM 2017, 2019 and our own: groups `shape`, `expression`, `color`, variances, mm.

    A file without the group `expression` has a face that does not move, one without `color` a plain
    skin colour.

    Args:
      path: the file.
      given: landmarks of the user's, besides those that the file names.

    Raises:
      InputError: something else is missing or damaged.
    """
    with h5py.File(path, "r") as file:

        def dataset(*names: str) -> Array:
            found = next((name for name in names if isinstance(file.get(name), h5py.Dataset)), None)
            if found is None:
                raise InputError(
                    f"{path.name} has no dataset {names[0]!r}, which a Basel Face Model has; is it "
                    f"the right file? ({WHERE_BASEL_IS})"
                )
            return _read(path, file[found])

        def part(name: str, count: int, vertices: int, scale: float = 1.0) -> Modes:
            variance = finite(path, dataset(f"{name}/model/pcaVariance"))
            return modes_of(
                f"{path.name}: {name}",
                dataset(f"{name}/model/pcaBasis"),
                scale * np.sqrt(np.maximum(variance, 0.0)),
                vertices,
                count,
            )

        def mean(name: str) -> Array:
            found = points(path, f"{name}/model/mean", dataset(f"{name}/model/mean"))
            if found.shape != shape.shape:
                raise InputError(
                    f"{path.name}: {name} has {len(found)} vertices but shape has {len(shape)}"
                )
            return found

        shape = finite(path, dataset("shape/model/mean"))
        shape = points(path, "shape/model/mean", shape)
        count = len(shape)
        neutral, expression = np.zeros_like(shape), zero_modes(count, EXPRESSION)
        if "expression" in file:
            neutral, expression = mean("expression"), part("expression", EXPRESSION, count)
        colour, albedo = np.tile(PLAIN_SKIN, (count, 1)), zero_modes(count, ALBEDO)
        if "color" in file:
            colour = mean("color")
            scale = colour_scale(colour)
            colour, albedo = scale * colour, part("color", ALBEDO, count, scale)
        meshes = [shape + neutral, shape, *_reference(path, file, count)]
        named = hdf5_landmarks(path, file, meshes) or known_mesh_landmarks(shape + neutral)
        if given is not None:
            named |= given.within(count)
        return checked_model(
            path,
            as_text(_read(path, file["modelinfo/name"])) if "modelinfo/name" in file else path.stem,
            shape + neutral,
            colour,
            part("shape", IDENTITY, count),
            expression,
            albedo,
            triangles_of(path, dataset(*_CELLS), count),
            named,
            _samples(path, file),
        )


def _read(path: Path, dataset: h5py.Dataset) -> Array:
    """What a dataset holds, unless it is too large."""
    check_sizes(path, dataset)
    return np.asarray(dataset[()])


def _reference(path: Path, file: h5py.File, vertices: int) -> list[Array]:
    """The mesh that was deformed into all others, [V, 3] each, where a file has it."""
    found = (file.get(name) for name in ("shape/representer/points", "representer/points"))
    values = [_read(path, each) for each in found if isinstance(each, h5py.Dataset)]
    return [
        (each.T if each.shape == (3, vertices) else each).astype(np.float64)
        for each in values
        if each.dtype.kind == "f" and each.shape in ((3, vertices), (vertices, 3))
    ]


def _samples(path: Path, file: h5py.File) -> Array | None:
    """Plausible expressions, float32 [S, 64], which our own files have."""
    if "metadata/expressions" not in file:
        return None
    samples = finite(path, _read(path, file["metadata/expressions"])).astype(np.float32)
    if samples.ndim != 2 or samples.shape[1] != EXPRESSION:
        raise InputError(f"{path.name}: metadata/expressions must be [S, {EXPRESSION}]")
    return samples
