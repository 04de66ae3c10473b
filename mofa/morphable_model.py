"""3D morphable models of faces: one reader for the Basel Face Model, ICT-FaceKit and our own.

    shape  = mean + identity basis (std * alpha) + expression basis (std * delta)
    albedo = mean + albedo basis (std * beta)
(Blanz and Vetter 1999; MoFA, Tewari et al. 2017, Section 4.) Coefficients are in units of standard
deviations, so N(0, 1) is the model's own prior for each; multiply by `Modes.std` for the model's
units. Whatever the file, in memory the same convention holds: millimetres, x to the person's left,
y up, z out of the face towards the viewer, triangles counter-clockwise seen from outside, albedo as
RGB in [0, 1].
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import scipy.io
import tensorflow as tf

from mofa import landmarks as landmark_names
from mofa.arrays import Array
from weights.errors import InputError, brief
from weights.keras_h5 import new_h5

IDENTITY, EXPRESSION, ALBEDO = 80, 64, 80
"""Numbers of modes that the code of 257 numbers has room for."""

_WEIGHTS = Path(__file__).parents[1] / "weights"
DEFAULT_PATH = _WEIGHTS / "open_face_model.h5"
LEARNED_PATH = _WEIGHTS / "learned_face_model.h5"
"""The open model's geometry with an albedo learned from photographs."""
OWN_MODELS = {"open": DEFAULT_PATH, "learned": LEARNED_PATH}
"""The models that come along, by the names that encoders' files call them."""

_BASEL = "the Basel Face Model, faces.dmi.unibas.ch, free for research after registration"


@dataclasses.dataclass(frozen=True, eq=False)
class Modes:
    """Principal components.

    Attributes:
      basis: float32 [3 V, K], orthonormal columns (or zero ones, where a file had fewer modes),
        vertices interleaved as x, y, z or r, g, b.
      std: float32 [K], standard deviations in mm or in albedo, descending.
    """

    basis: Array
    std: Array

    def scaled(self) -> Array:
        """float32 [3 V, K]: the change of the mean by one standard deviation."""
        return self.basis * self.std

    def at(self, vertices: Array) -> Modes:
        """The same modes of some vertices, int [v], whose columns are no longer orthonormal."""
        basis = self.basis.reshape(-1, 3, self.basis.shape[-1])[vertices]
        return Modes(basis.reshape(-1, self.basis.shape[-1]), self.std)


@dataclasses.dataclass(frozen=True, eq=False)
class MorphableModel:
    """A face model of V vertices and T triangles in the conventions of this module.

    Attributes:
      name: what the file calls itself or is called.
      mean_shape: float32 [V, 3], mm.
      mean_albedo: float32 [V, 3], RGB in [0, 1].
      identity: 80 modes of the shape.
      expression: 64 modes of the shape.
      albedo: 80 modes of the albedo.
      triangles: int32 [T, 3].
      landmarks: name to vertex.
      expression_samples: float32 [S, 64], coefficients of plausible expressions; faces smile and
        shout but never do the opposite, so N(0, 1) is a poor prior to draw expressions from. None
        where the file has none.
    """

    name: str
    mean_shape: Array
    mean_albedo: Array
    identity: Modes
    expression: Modes
    albedo: Modes
    triangles: Array
    landmarks: Mapping[str, int]
    expression_samples: Array | None = None

    def shape(self, identity: tf.Tensor, expression: tf.Tensor) -> tf.Tensor:
        """Vertices of faces.

        Args:
          identity: [N, 80] in standard deviations.
          expression: [N, 64] in standard deviations.

        Returns:
          float32 [N, V, 3] in mm.
        """
        return self._combine(
            self.mean_shape,
            tf.concat((identity, expression), axis=-1),
            np.concatenate((self.identity.scaled(), self.expression.scaled()), axis=1),
        )

    def colour(self, albedo: tf.Tensor) -> tf.Tensor:
        """Albedo of faces.

        Args:
          albedo: [N, 80] in standard deviations.

        Returns:
          float32 [N, V, 3], RGB; not clipped to [0, 1].
        """
        return self._combine(self.mean_albedo, albedo, self.albedo.scaled())

    @staticmethod
    def _combine(mean: Array, coefficients: tf.Tensor, basis: Array) -> tf.Tensor:
        coefficients = tf.convert_to_tensor(coefficients, tf.float32)
        if coefficients.shape.rank != 2 or coefficients.shape[-1] != basis.shape[1]:
            raise ValueError(
                f"coefficients must have shape [N, {basis.shape[1]}], got {coefficients.shape}"
            )
        flat = tf.matmul(coefficients, tf.constant(basis), transpose_b=True)
        return tf.reshape(flat + mean.reshape(-1), [-1, *mean.shape])

    def around(self, chosen: Array) -> tuple[MorphableModel, Array]:
        """The part of the model that decides where some vertices lie and how they are lit.

        Their neighbours come along, without which they would have other normals, and all landmarks.

        Args:
          chosen: bool [V].

        Returns:
          The part, and int [v]: which of the V vertices its v are, in ascending order.

        Raises:
          ValueError: none is chosen, or the shape is another.
        """
        if chosen.shape != (len(self.mean_shape),) or not chosen.any():
            raise ValueError(
                f"chosen must be bool [{len(self.mean_shape)}] with one of them at least; got "
                f"{int(chosen.sum())} of {list(chosen.shape)}"
            )
        triangles = self.triangles[chosen[self.triangles].any(axis=1)]
        marks = np.array(list(self.landmarks.values()), int)
        kept = np.unique(np.concatenate((np.flatnonzero(chosen), triangles.ravel(), marks)))
        part = dataclasses.replace(
            self,
            mean_shape=self.mean_shape[kept],
            mean_albedo=self.mean_albedo[kept],
            identity=self.identity.at(kept),
            expression=self.expression.at(kept),
            albedo=self.albedo.at(kept),
            triangles=np.searchsorted(kept, triangles).astype(np.int32),
            landmarks=dict(
                zip(self.landmarks, map(int, np.searchsorted(kept, marks)), strict=True)
            ),
        )
        return part, kept

    def digest(self) -> str:
        """A name for all that decides what faces look like, for caches of pictures."""
        result = hashlib.sha256()
        modes = (self.identity, self.expression, self.albedo)
        for array in (
            *(self.mean_shape, self.mean_albedo, self.triangles),
            *(array for each in modes for array in (each.basis, each.std)),
        ):
            result.update(np.ascontiguousarray(array).tobytes())
        return result.hexdigest()

    def landmark_vertices(self) -> Array:
        """The vertices of the 68 landmarks in their usual order: int32 [68].

        Raises:
          InputError: the model lacks some of them.
        """
        missing = [name for name in landmark_names.NAMES if name not in self.landmarks]
        if missing:
            raise InputError(
                f"{self.name} has no landmark {missing[0]!r} ({len(missing)} of 68 are missing); "
                "give a JSON file with the vertex of each name as `landmarks`"
            )
        return np.array([self.landmarks[name] for name in landmark_names.NAMES], np.int32)


def read(
    path: str | os.PathLike[str] | None = None,
    landmarks: str | os.PathLike[str] | None = None,
    require_landmarks: bool = True,
) -> MorphableModel:
    """Read a morphable model of any supported kind.

    Args:
      path: None for the open default model; `.h5` for BFM 2017 or 2019 and for our own; `.mat` for
        BFM 2009, with `Exp_Pca.bin`, `std_exp.txt`, `BFM_exp_idx.mat` and `BFM_front_idx.mat`
        beside it for expressions; a folder of OBJ files for ICT-FaceKit. Where a file has more
        modes than the code has room for, the first ones are taken; where fewer, the rest is zero.
      landmarks: a JSON file {name: vertex}, for models that come without landmarks.
      require_landmarks: fail where there are none at all.

    Returns:
      The model.

    Raises:
      InputError: the file is missing, damaged, of another kind, or inconsistent.
    """
    path = Path(DEFAULT_PATH if path is None else path)
    reader: Callable[[Path], MorphableModel]
    if path.is_dir():
        reader = _read_ict
    elif not path.exists():
        raise InputError(
            f"there is no morphable model at {path}; give a BFM .h5 or .mat file ({_BASEL}), an "
            "ICT-FaceKit folder, or nothing for the open default model"
        )
    elif path.suffix.lower() == ".mat":
        reader = _read_bfm_2009
    elif path.suffix.lower() in (".h5", ".hdf5"):
        reader = _read_bfm_hdf5
    else:
        raise InputError(
            f"{path.name} is no morphable model that we know: expected .h5 (BFM 2017, 2019), .mat "
            "(BFM 2009) or a folder (ICT-FaceKit)"
        )
    try:
        model = reader(path)
    except InputError:
        raise
    except (OSError, KeyError, ValueError, TypeError, IndexError, RuntimeError) as error:
        raise InputError(
            f"{path.name} could not be read as a morphable model ({brief(error)}); it may be "
            "truncated or of another kind: copy or download it again"
        ) from error
    if landmarks is not None:
        model = dataclasses.replace(
            model, landmarks=_read_landmarks(Path(landmarks), len(model.mean_shape))
        )
    if require_landmarks and not model.landmarks:
        raise InputError(
            f"{path.name} has no landmarks; give a JSON file with the vertex of each name as "
            "`landmarks`"
        )
    return model


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


def _read_bfm_hdf5(path: Path) -> MorphableModel:
    """BFM 2017, 2019 and our own: groups `shape`, `expression`, `color`, variances, mm."""
    with h5py.File(path, "r") as file:

        def dataset(name: str) -> Array:
            if name not in file:
                raise InputError(
                    f"{path.name} has no dataset {name!r}, which a Basel Face Model has; is it the "
                    f"right file? ({_BASEL})"
                )
            return np.asarray(file[name][()])

        def modes(name: str, count: int, vertices: int) -> Modes:
            return _modes(
                f"{path.name}: {name}",
                dataset(f"{name}/model/pcaBasis"),
                np.sqrt(np.maximum(_finite(path, dataset(f"{name}/model/pcaVariance")), 0.0)),
                vertices,
                count,
            )

        shape = _finite(path, dataset("shape/model/mean"))
        shape = _points(path, "shape/model/mean", shape)
        neutral = _points(path, "expression/model/mean", dataset("expression/model/mean"))
        colour = _points(path, "color/model/mean", dataset("color/model/mean"))
        for name, mean in (("expression", neutral), ("color", colour)):
            if mean.shape != shape.shape:
                raise InputError(
                    f"{path.name}: {name} has {len(mean)} vertices but shape has {len(shape)}"
                )
        count = len(shape)
        cells = dataset("shape/representer/cells")
        samples = None
        if "metadata/expressions" in file:
            samples = _finite(path, dataset("metadata/expressions")).astype(np.float32)
            if samples.ndim != 2 or samples.shape[1] != EXPRESSION:
                raise InputError(f"{path.name}: metadata/expressions must be [S, {EXPRESSION}]")
        name = file["modelinfo/name"][()] if "modelinfo/name" in file else path.stem
        return _model(
            path,
            name.decode() if isinstance(name, bytes) else str(name),
            shape + neutral,
            colour,
            modes("shape", IDENTITY, count),
            modes("expression", EXPRESSION, count),
            modes("color", ALBEDO, count),
            cells.T if cells.shape[:1] == (3,) else cells,
            _hdf5_landmarks(path, file, shape + neutral),
            samples,
        )


def _hdf5_landmarks(path: Path, file: h5py.File, shape: Array) -> dict[str, int]:
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
            place = _finite(path, np.asarray(place, np.float64))
            if place.shape != (3,):
                raise InputError(f"{path.name}: landmark {name!r} is not a point in space")
            result[str(name)] = int(np.argmin(np.sum((shape - place) ** 2, axis=1)))
        return result
    return {}


def _read_bfm_2009(path: Path) -> MorphableModel:
    """BFM 2009: micrometres, colours 0-255, "EV" are standard deviations, triangles turned inward.

    Expressions (Guo et al. 2018, "CNN-based Real-time Dense Face Reconstruction") cover the face
    without ears and neck, and the model is cut down to it.
    """
    file = scipy.io.loadmat(path)

    def variable(name: str) -> Array:
        if name not in file:
            raise InputError(
                f"{path.name} has no variable {name!r}, which 01_MorphableModel.mat has ({_BASEL})"
            )
        return np.asarray(file[name])

    shape = _points(path, "shapeMU", _finite(path, variable("shapeMU"))) / 1000.0
    colour = _points(path, "texMU", _finite(path, variable("texMU"))) / 255.0
    identity = _modes(
        f"{path.name}: shapePC",
        variable("shapePC"),
        _finite(path, variable("shapeEV")).reshape(-1) / 1000.0,
        len(shape),
        IDENTITY,
    )
    albedo = _modes(
        f"{path.name}: texPC",
        variable("texPC"),
        _finite(path, variable("texEV")).reshape(-1) / 255.0,
        len(shape),
        ALBEDO,
    )
    triangles = variable("tl").astype(np.int64) - 1
    expression = _zero_modes(len(shape), EXPRESSION)
    binary = path.parent / "Exp_Pca.bin"
    if binary.exists():
        basis, std, kept = _read_expressions(binary, len(shape))
        _check_triangles(path, triangles, len(shape))
        where = np.full(len(shape), -1)
        where[kept] = np.arange(len(kept))
        triangles = where[triangles]
        triangles = triangles[(triangles >= 0).all(axis=1)]
        rows = (3 * kept[:, None] + np.arange(3)).reshape(-1)
        shape, colour = shape[kept], colour[kept]
        identity = orthonormal(identity.scaled()[rows], IDENTITY)
        albedo = orthonormal(albedo.scaled()[rows], ALBEDO)
        expression = orthonormal(basis * std / 1000.0, EXPRESSION)
    return _model(
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
    basis = _finite(binary, values[size:]).reshape(number, size).T
    text = folder / "std_exp.txt"
    if not text.exists():
        raise InputError(f"{binary.name} needs std_exp.txt beside it")
    std = _finite(text, np.loadtxt(text).reshape(-1))
    if len(std) < number:
        raise InputError(f"std_exp.txt has {len(std)} numbers, {binary.name} has {number} modes")
    front = np.arange(len(trim))
    if (folder / "BFM_front_idx.mat").exists():
        front = indices("BFM_front_idx.mat", "idx", len(trim))
    rows = (3 * front[:, None] + np.arange(3)).reshape(-1)
    used = min(number, EXPRESSION)
    return basis[rows, :used], std[:used], trim[front]


def _read_ict(folder: Path) -> MorphableModel:
    """ICT-FaceKit: OBJ files of a neutral face, identity modes and expression shapes, in cm.

    Identity shapes are one standard deviation each; the weights of expression shapes, in [0, 1],
    are taken to vary by a third. There is no albedo: a plain skin colour stands in, with no modes.
    """
    neutral_file = folder / "generic_neutral_mesh.obj"
    if not neutral_file.exists():
        raise InputError(
            f"{folder.name} has no generic_neutral_mesh.obj, so it is not ICT-FaceKit's FaceXModel "
            "folder (github.com/ICT-VGL/ICT-FaceKit)"
        )
    neutral, triangles = _read_obj(neutral_file)
    scale = 10.0

    def shapes_of(files: list[Path]) -> Array:
        columns = []
        for file in files:
            vertices, _ = _read_obj(file)
            if vertices.shape != neutral.shape:
                raise InputError(
                    f"{file.name} has {len(vertices)} vertices, {neutral_file.name} has "
                    f"{len(neutral)}"
                )
            columns.append((vertices - neutral).reshape(-1) * scale)
        if not columns:
            return np.zeros((3 * len(neutral), 0))
        return np.stack(columns, axis=1)

    identity_files = sorted(folder.glob("identity*.obj"))
    expression_files = [
        file
        for file in sorted(folder.glob("*.obj"))
        if file not in identity_files and file != neutral_file
    ]
    landmarks: dict[str, int] = {}
    indices = folder / "vertex_indices.json"
    if indices.exists():
        content = json.loads(indices.read_text())
        entry: Any = content.get("landmarks", content) if isinstance(content, dict) else content
        numbers = _find_68(entry)
        if numbers is not None:
            landmarks = dict(zip(landmark_names.NAMES, numbers, strict=True))
    return _model(
        folder,
        "ICT-FaceKit",
        neutral * scale,
        np.tile([0.72, 0.55, 0.46], (len(neutral), 1)),
        orthonormal(shapes_of(identity_files), IDENTITY),
        orthonormal(shapes_of(expression_files) / 3.0, EXPRESSION),
        _zero_modes(len(neutral), ALBEDO),
        triangles,
        landmarks,
        None,
    )


def _find_68(entry: Any) -> list[int] | None:
    """The first list of 68 integers inside a JSON object."""
    if isinstance(entry, list) and len(entry) == 68 and all(isinstance(x, int) for x in entry):
        return [int(number) for number in entry]
    children = entry.values() if isinstance(entry, dict) else ()
    return next((found for found in map(_find_68, children) if found is not None), None)


def _read_obj(path: Path) -> tuple[Array, Array]:
    """Vertices [V, 3] and triangles [T, 3] of an OBJ file; polygons become fans."""
    vertices, triangles = [], []
    for line in path.read_text().splitlines():
        if line.startswith("v "):
            vertices.append(line.split()[1:4])
        elif line.startswith("f "):
            corners = [int(corner.split("/")[0]) for corner in line.split()[1:]]
            triangles += [
                (corners[0], corners[k], corners[k + 1]) for k in range(1, len(corners) - 1)
            ]
    if not vertices:
        raise InputError(f"{path.name} has no vertices")
    return (
        _finite(path, np.array(vertices, np.float64)),
        np.array(triangles, np.int64).reshape(-1, 3) - 1,
    )


def _read_landmarks(path: Path, vertices: int) -> dict[str, int]:
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


def _model(
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
    shape = _finite(path, np.asarray(shape, np.float64))
    colour = _finite(path, np.asarray(colour, np.float64))
    if colour.shape != shape.shape:
        raise InputError(f"{path.name}: {len(colour)} colours for {len(shape)} vertices")
    triangles = np.asarray(triangles)
    _check_triangles(path, triangles, len(shape))
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


def _check_triangles(path: Path, triangles: Array, vertices: int) -> None:
    if triangles.ndim != 2 or triangles.shape[1] != 3 or len(triangles) == 0:
        raise InputError(f"{path.name}: triangles must be [T, 3], got {triangles.shape}")
    if not np.issubdtype(triangles.dtype, np.integer):
        raise InputError(f"{path.name}: triangles are {triangles.dtype}, not integers")
    if triangles.min() < 0 or triangles.max() >= vertices:
        raise InputError(
            f"{path.name}: a triangle names vertex {triangles.max()} or {triangles.min()}, the "
            f"model has vertices 0 to {vertices - 1}"
        )


def _finite(path: Path, values: Array) -> Array:
    values = np.asarray(values)
    if not np.issubdtype(values.dtype, np.number) or not np.isfinite(values).all():
        raise InputError(f"{path.name} holds values that are not finite numbers; it is damaged")
    return values


def _points(path: Path, name: str, values: Array) -> Array:
    if values.size == 0 or values.size % 3:
        raise InputError(f"{path.name}: {name} has {values.size} numbers, not three a vertex")
    return _finite(path, values).astype(np.float64).reshape(-1, 3)


def _modes(name: str, basis: Array, std: Array, vertices: int, count: int) -> Modes:
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
    result = _zero_modes(vertices, count)
    result.basis[:, :used] = basis[:, :used]
    result.std[:used] = std[:used]
    return result


def _zero_modes(vertices: int, count: int) -> Modes:
    return Modes(np.zeros((3 * vertices, count), np.float32), np.zeros(count, np.float32))


def orthonormal(directions: Array, count: int) -> Modes:
    """The modes of `directions @ N(0, 1)`: same distribution, orthonormal, by variance."""
    vertices = directions.shape[0] // 3
    result = _zero_modes(vertices, count)
    if directions.shape[1]:
        left, std, _ = np.linalg.svd(np.asarray(directions, np.float64), full_matrices=False)
        used = min(count, len(std))
        result.basis[:, :used] = left[:, :used]
        result.std[:used] = std[:used]
    return result
