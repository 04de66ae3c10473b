"""The Basel Face Models of 2017 and 2019, and our own, which keep to their layout."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from mofa.arrays import Array
from mofa.face_model_files.checked import checked_model, finite, modes_of, points
from mofa.face_model_files.landmark_lists import hdf5_landmarks
from mofa.morphable_model import ALBEDO, EXPRESSION, IDENTITY, Modes, MorphableModel
from weights.errors import InputError

WHERE_BASEL_IS = "the Basel Face Model, faces.dmi.unibas.ch, free for research after registration"


def read_basel_hdf5(path: Path) -> MorphableModel:
    """BFM 2017, 2019 and our own: groups `shape`, `expression`, `color`, variances, mm."""
    with h5py.File(path, "r") as file:

        def dataset(name: str) -> Array:
            if name not in file:
                raise InputError(
                    f"{path.name} has no dataset {name!r}, which a Basel Face Model has; is it the "
                    f"right file? ({WHERE_BASEL_IS})"
                )
            return np.asarray(file[name][()])

        def modes(name: str, count: int, vertices: int) -> Modes:
            return modes_of(
                f"{path.name}: {name}",
                dataset(f"{name}/model/pcaBasis"),
                np.sqrt(np.maximum(finite(path, dataset(f"{name}/model/pcaVariance")), 0.0)),
                vertices,
                count,
            )

        shape = finite(path, dataset("shape/model/mean"))
        shape = points(path, "shape/model/mean", shape)
        neutral = points(path, "expression/model/mean", dataset("expression/model/mean"))
        colour = points(path, "color/model/mean", dataset("color/model/mean"))
        for name, mean in (("expression", neutral), ("color", colour)):
            if mean.shape != shape.shape:
                raise InputError(
                    f"{path.name}: {name} has {len(mean)} vertices but shape has {len(shape)}"
                )
        count = len(shape)
        cells = dataset("shape/representer/cells")
        samples = None
        if "metadata/expressions" in file:
            samples = finite(path, dataset("metadata/expressions")).astype(np.float32)
            if samples.ndim != 2 or samples.shape[1] != EXPRESSION:
                raise InputError(f"{path.name}: metadata/expressions must be [S, {EXPRESSION}]")
        name = file["modelinfo/name"][()] if "modelinfo/name" in file else path.stem
        return checked_model(
            path,
            name.decode() if isinstance(name, bytes) else str(name),
            shape + neutral,
            colour,
            modes("shape", IDENTITY, count),
            modes("expression", EXPRESSION, count),
            modes("color", ALBEDO, count),
            cells.T if cells.shape[:1] == (3,) else cells,
            hdf5_landmarks(path, file, shape + neutral),
            samples,
        )
