"""Small files in the layouts of the Basel Face Models, in all forms that they come in."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mofa.face_model_files.basel_landmarks import BASEL
from mofa.morphable_model import MorphableModel

EARS = ("left.ear.tragus.tip", "right.ear.lobule.center", "left.eyebrow.bend.upper")
"""Names of Basel's that none of the 68 has."""


def basel_names(model: MorphableModel) -> dict[str, int]:
    """The landmarks of a model by Basel's names alone, and some that we have no name for."""
    named = {name: model.landmarks[own] for name, own in BASEL.items()}
    return named | {name: 3 + number for number, name in enumerate(EARS)}


def as_list(model: MorphableModel, named: Mapping[str, int], lift: float = 0.0) -> list[Any]:
    """Entries as Basel writes them; their places lie a little beside the vertices."""
    beside = np.array([0.01, -0.01, lift])
    return [
        {"id": name, "coordinates": (model.mean_shape[vertex] + beside).tolist()}
        for name, vertex in named.items()
    ]


def write_hdf5(
    model: MorphableModel,
    path: Path,
    entries: list[Any] | None = None,
    store: Callable[[h5py.File, str], None] | None = None,
    **changes: Any,
) -> Path:
    """A file in the layout of 2017 in single precision.

    Args:
      model: what to write.
      path: where to.
      entries: the landmarks, see `as_list`.
      store: puts their JSON into the file; as an array of one text by default.
      changes: other contents of datasets, with double underscores for slashes; None removes.

    Returns:
      The path.
    """
    with h5py.File(path, "w") as file:
        for name, mean, modes in (
            ("shape", model.mean_shape, model.identity),
            ("expression", np.zeros_like(model.mean_shape), model.expression),
            ("color", model.mean_albedo, model.albedo),
        ):
            file[f"{name}/model/mean"] = mean.reshape(-1)
            file[f"{name}/model/pcaBasis"] = modes.basis
            file[f"{name}/model/pcaVariance"] = modes.std.astype(np.float64) ** 2
            file[f"{name}/representer/cells"] = model.triangles.T
            file[f"{name}/representer/points"] = model.mean_shape.T
        if entries is not None:
            (store or as_array)(file, json.dumps(entries))
        for key, value in changes.items():
            place = key.replace("__", "/")
            if place in file:
                del file[place]
            if value is not None:
                file[place] = value
    return path


JSON = "metadata/landmarks/json"


def as_array(file: h5py.File, text: str) -> None:
    """An array of one text of fixed length."""
    file[JSON] = np.array([text.encode()])


def lines(text: str) -> str:
    """The same list as lines of a name, whether it is visible, and a place."""
    return "\n".join(
        f"{entry['id']} 1 {' '.join(map(str, entry['coordinates']))}" for entry in json.loads(text)
    )


STORES: dict[str, Callable[[h5py.File, str], None]] = {
    "array of one": as_array,
    "text": lambda file, text: file.create_dataset(JSON, data=text),
    "bytes": lambda file, text: file.create_dataset(JSON, data=np.bytes_(text.encode())),
    "array of one text": lambda file, text: file.create_dataset(
        JSON, data=[text], dtype=h5py.string_dtype()
    ),
    "int8": lambda file, text: file.create_dataset(JSON, data=np.frombuffer(text.encode(), "i1")),
    "uint8 with a zero": lambda file, text: file.create_dataset(
        JSON, data=np.frombuffer(text.encode() + b"\0", "u1")
    ),
    "MATLAB's characters": lambda file, text: file.create_dataset(
        JSON, data=np.array([[ord(c)] for c in text], "u2")
    ),
    "single characters": lambda file, text: file.create_dataset(
        JSON, data=np.frombuffer(text.encode(), "S1")
    ),
    "an array of lines": lambda file, text: file.create_dataset(
        JSON, data=json.dumps(json.loads(text), indent=1).split("\n"), dtype=h5py.string_dtype()
    ),
    "an object": lambda file, text: file.create_dataset(
        JSON, data=json.dumps({e["id"]: e["coordinates"] for e in json.loads(text)})
    ),
    "an object of entries": lambda file, text: file.create_dataset(
        JSON, data=json.dumps({"landmarks": json.loads(text)})
    ),
    "without a group": lambda file, text: file.create_dataset("metadata/landmarks", data=text),
    "lines of text": lambda file, text: file.create_dataset(
        "metadata/landmarks/text", data=lines(text)
    ),
}
"""Ways in which a file keeps its list."""
