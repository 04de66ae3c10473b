"""Face models into files."""

from __future__ import annotations

import json
import os

import numpy as np

from mofa.arrays import Array
from mofa.morphable_model import Modes, MorphableModel
from weights.keras_h5 import new_h5


def write(model: MorphableModel, path: str | os.PathLike[str]) -> None:
    """Write a model in BFM 2017's HDF5 layout; the bases in float16, compressed.

    Args:
      model: the model.
      path: where to; the file is whole or absent.
    """
    with new_h5(path) as file:
        packed = {"compression": "gzip", "compression_opts": 9, "shuffle": True}

        def part(name: str, mean: Array, modes: Modes) -> None:
            file[f"{name}/model/mean"] = mean.reshape(-1).astype(np.float32)
            file.create_dataset(
                f"{name}/model/pcaBasis", data=modes.basis.astype(np.float16), **packed
            )
            file[f"{name}/model/pcaVariance"] = modes.std.astype(np.float64) ** 2
            file[f"{name}/model/noiseVariance"] = 0.0
            points = model.mean_albedo if name == "color" else model.mean_shape
            file.create_dataset(
                f"{name}/representer/points", data=points.T.astype(np.float32), **packed
            )
            file.create_dataset(
                f"{name}/representer/cells", data=model.triangles.T.astype(np.int32), **packed
            )

        part("shape", model.mean_shape, model.identity)
        part("expression", np.zeros_like(model.mean_shape), model.expression)
        part("color", model.mean_albedo, model.albedo)
        named = [
            {
                "id": name,
                "coordinates": [round(float(x), 4) for x in model.mean_shape[vertex]],
                "vertex": int(vertex),
            }
            for name, vertex in model.landmarks.items()
        ]
        file["metadata/landmarks/json"] = json.dumps(named)
        if model.expression_samples is not None:
            file.create_dataset(
                "metadata/expressions", data=model.expression_samples.astype(np.float16), **packed
            )
        file["modelinfo/name"] = model.name
        file["version/majorVersion"] = 0
        file["version/minorVersion"] = 9
