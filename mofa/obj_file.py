"""Meshes with vertex colours as Wavefront OBJ files, which MeshLab and Blender open."""

from __future__ import annotations

import os

import numpy as np

from mofa.arrays import Array
from mofa.face_renderer import FaceRenderer
from weights.atomic import atomic_path


def write(
    path: str | os.PathLike[str],
    vertices: Array,
    triangles: Array,
    colours: Array | None = None,
) -> None:
    """Write one mesh.

    Args:
      path: where to; the file is whole or absent.
      vertices: [V, 3].
      triangles: [T, 3], vertices counted from 0.
      colours: [V, 3], RGB, clipped to [0, 1].

    Raises:
      ValueError: shapes do not fit.
    """
    vertices, triangles = np.asarray(vertices), np.asarray(triangles)
    if vertices.ndim != 2 or vertices.shape[1] != 3:
        raise ValueError(f"vertices must have shape [V, 3], got {vertices.shape}")
    if triangles.ndim != 2 or triangles.shape[1] != 3:
        raise ValueError(f"triangles must have shape [T, 3], got {triangles.shape}")
    rows, pattern = vertices, "v %.4f %.4f %.4f"
    if colours is not None:
        colours = np.asarray(colours)
        if colours.shape != vertices.shape:
            raise ValueError(f"colours must have shape {vertices.shape}, got {colours.shape}")
        rows = np.concatenate((vertices, np.clip(colours, 0.0, 1.0)), axis=1)
        pattern += " %.4f %.4f %.4f"
    with atomic_path(path) as temporary, temporary.open("w") as file:
        np.savetxt(file, rows, pattern)
        np.savetxt(file, triangles + 1, "f %d %d %d")


def write_face(path: str | os.PathLike[str], renderer: FaceRenderer, code: Array) -> None:
    """Write one face with its lit colours, the origin in its middle.

    Args:
      path: where to; the file is whole or absent.
      renderer: the decoder.
      code: [1, 257].
    """
    face = renderer.face(code)
    middle = np.array([0.0, 0.0, -renderer.camera.distance])
    vertices, colours = face.vertices[0].numpy() - middle, face.colours[0].numpy()
    write(path, vertices, renderer.model.triangles, colours)
