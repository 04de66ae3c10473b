"""Lists of landmarks: those inside a Basel Face Model, and files {name: vertex}."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np

from mofa.arrays import Array
from mofa.face_model_files.checked import finite
from weights.errors import InputError, brief


def hdf5_landmarks(path: Path, file: h5py.File, shape: Array) -> dict[str, int]:
    """The vertex nearest to each named point; some files keep the text as an array of bytes."""
    for key in ("metadata/landmarks/json", "metadata/landmarks/text"):
        if key not in file:
            continue
        raw = file[key][()]
        text = np.asarray(raw).reshape(-1)[0] if isinstance(raw, np.ndarray) else raw
        text = text.decode() if isinstance(text, bytes) else str(text)
        if key.endswith("json"):
            points = {entry["id"]: entry["coordinates"] for entry in json.loads(text)}
        else:
            rows = [line.split() for line in text.splitlines() if line.strip()]
            points = {row[0]: [float(x) for x in row[-3:]] for row in rows}
        result = {}
        for name, place in points.items():
            place = finite(path, np.asarray(place, np.float64))
            if place.shape != (3,):
                raise InputError(f"{path.name}: landmark {name!r} is not a point in space")
            result[str(name)] = int(np.argmin(np.sum((shape - place) ** 2, axis=1)))
        return result
    return {}


def read_landmark_file(path: Path, vertices: int) -> dict[str, int]:
    """Name to vertex from a JSON file, for a model of so many vertices."""
    try:
        content = json.loads(path.read_text())
        result = {str(name): int(vertex) for name, vertex in content.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise InputError(f"{path} must be a JSON file {{name: vertex}} ({brief(error)})") from error
    for name, vertex in result.items():
        if not 0 <= vertex < vertices:
            raise InputError(
                f"{path.name}: landmark {name!r} is vertex {vertex}, the model has {vertices}"
            )
    return result
