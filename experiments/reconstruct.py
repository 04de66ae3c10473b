"""Reconstruct faces with MoFA: of photographs, or of a data set with the error in numbers.

    python -m experiments.reconstruct photo.jpg other.jpg
    python -m experiments.reconstruct
    python -m experiments.reconstruct --dataset=celeba --data_dir=...

For each photograph the face is found, turned upright and cut out, and the run's folder gets a
picture of input, overlay, reconstruction, geometry, albedo and a frontal view side by side, and the
mesh with its colours as OBJ. What EXIF says of the orientation is applied; grey photographs count
as colour ones, and of several faces the large one near the middle is taken. Without a photograph,
faces of people that the encoder has never seen: rendered ones, or the test part of a data set.
`result.json` compares with the mean face brought to each picture by pose and light alone.
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import numpy as np
from absl import flags

from experiments import cli, model_flags, mofa_flags
from experiments import run as run_flags
from experiments.image_grid import grid
from experiments.mofa_people import TEST_SEED
from experiments.own_faces import read_face
from experiments.photographs import load_photographs
from experiments.results import Measurement, Row, write_array
from experiments.run import Run
from mofa import encoder, obj_file, rendered_faces
from mofa.face_region import face_region
from mofa.face_renderer import FaceRenderer
from mofa.mean_face import fit_mean_face
from mofa.measures import Measures
from mofa.photographs import SIZE, Photographs, crop_template
from mofa.views import Views
from resgn.faces.image_file import write_image
from weights.errors import InputError

_COUNT = flags.DEFINE_integer("count", 16, "Faces of each data set.", lower_bound=1)
_OBJ = flags.DEFINE_bool("obj", True, "Write the meshes.")
_BASELINE = flags.DEFINE_bool("baseline", True, "Compare with the fitted mean face.")
_FIT = flags.DEFINE_integer("fit_iterations", 100, "Steps of its fit.", lower_bound=1)

flags.adopt_module_key_flags(mofa_flags)  # shown by --help
flags.adopt_module_key_flags(model_flags)
flags.adopt_module_key_flags(run_flags)

COLUMNS = ("overlay", "reconstruction", "geometry", "albedo", "frontal")
SMALLEST = 24
"""Pixels between the eyes, of the 52 in a crop, under which a face shows next to nothing."""


@dataclasses.dataclass(frozen=True)
class Faces:
    """Faces to reconstruct.

    Attributes:
      names: of the files to write, without ending.
      images: float32 [N, 224, 224, 3] in [0, 1].
      landmarks: float32 [N, 5, 2], pixels.
    """

    names: list[str]
    images: np.ndarray
    landmarks: np.ndarray


def main(argv: list[str]) -> None:
    """Reconstruct what the arguments or flags name."""
    renderer = mofa_flags.renderer(SIZE, encoder.ALEXNET_PATH)
    model, _ = encoder.load(mofa_flags.encoder_path(encoder.ALEXNET_PATH))
    region = face_region(renderer)
    faces = (
        from_files([Path(name).expanduser() for name in argv[1:]], renderer)
        if argv[1:]
        else from_datasets(renderer, Measures(renderer, region))
    )
    names: tuple[str, ...] = (
        "dataset",
        "data_dir",
        "model",
        "landmarks",
        "encoder",
        "count",
        "baseline",
    )
    names += ("fit_iterations", "seed")
    run = Run(
        "reconstruct",
        run_flags.settings_from_flags(list(names)) | {"photographs": argv[1:]},
    )
    code = model.predict(faces.images, batch_size=8, verbose=0)
    drawn = Views(renderer, region)(code, faces.images)
    rows = np.stack([faces.images, *(drawn[name] for name in COLUMNS)], axis=1)
    for number, name in enumerate(faces.names):
        write_image(run.folder / f"{name}.png", grid(rows[number], len(rows[number])))
        if _OBJ.value:
            write_mesh(run.folder / f"{name}.obj", renderer, code[number : number + 1])
    write_array(run.folder / "codes.npy", code)
    both = np.stack([faces.images, drawn["overlay"], drawn["geometry"]], axis=1)
    panel = both.reshape(-1, *both.shape[2:])
    write_image(run.folder / "panel.png", grid(panel, min(12, len(panel))))
    table = measure(renderer, region, faces, code)
    print(run.finish(table, "float32", "face", plain=tuple(table[0].columns)))
    print(f"{len(faces.names)} faces in {run.folder}")


def from_files(paths: list[Path], renderer: FaceRenderer) -> Faces:
    """The faces in photographs.

    Raises:
      InputError: a file cannot be read, or none of the photographs shows a face.
    """
    template = crop_template(renderer)
    names: list[str] = []
    images: list[np.ndarray] = []
    landmarks: list[np.ndarray] = []
    for path in paths:
        try:
            image, placed, apart = read_face(path, template)
        except InputError as error:
            if len(paths) == 1:
                raise
            print(f"skipped: {error}", file=sys.stderr)
            continue
        if apart < SMALLEST:
            print(
                f"{path}: the face is small ({apart:.0f} pixels from eye to eye); expect little.",
                file=sys.stderr,
            )
        # Two photographs of one name from two folders must not share a file.
        taken = sum(name == path.stem or name.startswith(f"{path.stem}_") for name in names)
        names.append(f"{path.stem}_{taken + 1}" if taken else path.stem)
        images.append(image)
        landmarks.append(placed)
    if not images:
        raise InputError(f"No face was found in any of the {len(paths)} photographs.")
    return Faces(names, np.stack(images), np.stack(landmarks))


def from_datasets(renderer: FaceRenderer, measures: Measures) -> Faces:
    """Faces of people that the default encoder was not trained on."""
    parts = []
    sources = mofa_flags.sources()
    if "rendered" in mofa_flags.DATASET.value:
        settings = rendered_faces.Settings(
            identities=_COUNT.value, images_per_identity=1, seed=TEST_SEED + run_flags.SEED.value
        )
        faces = rendered_faces.RenderedFaces(renderer, settings)
        names = [f"rendered_{number:03d}" for number in range(len(faces))]
        parts.append(Faces(names, faces.images(), measures.five(faces.codes)))
    for source in sources:
        test = load_photographs(source.name, source.folder, renderer, SIZE, ("test",)).test
        chosen = pick(test, _COUNT.value, run_flags.SEED.value)
        names = [f"{source.name}_{number:03d}" for number in range(len(chosen))]
        parts.append(Faces(names, chosen.images.astype(np.float32) / 255.0, chosen.landmarks))
    return Faces(
        [name for part in parts for name in part.names],
        np.concatenate([part.images for part in parts]),
        np.concatenate([part.landmarks for part in parts]),
    )


def pick(photographs: Photographs, count: int, seed: int) -> Photographs:
    """Some photographs at random, of different people as far as there are enough."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(photographs))
    _, first = np.unique(photographs.people[order], return_index=True)
    rest = np.setdiff1d(np.arange(len(order)), first)
    return photographs.part(order[np.concatenate((rng.permutation(first), rest))[:count]])


def write_mesh(path: Path, renderer: FaceRenderer, code: np.ndarray) -> None:
    """The face of one code [1, 257] with its lit colours."""
    face = renderer.face(code)
    middle = np.array([0.0, 0.0, -renderer.camera.distance])
    obj_file.write(
        path,
        face.vertices[0].numpy() - middle,
        renderer.model.triangles,
        face.colours[0].numpy(),
    )


def measure(
    renderer: FaceRenderer, region: np.ndarray, faces: Faces, code: np.ndarray
) -> list[Row]:
    """`mofa` and `mean_face`: `photometric`, `photometric_ratio` and `landmark`."""
    measures = Measures(renderer, region)
    found = {"mofa": code}
    if _BASELINE.value:
        small = FaceRenderer(
            renderer.model, dataclasses.replace(renderer.camera, image_size=(SIZE // 2, SIZE // 2))
        )
        halves = faces.images.reshape(-1, SIZE // 2, 2, SIZE // 2, 2, 3).mean(axis=(2, 4))
        points = 0.5 * faces.landmarks - np.float32(0.25)
        found["mean_face"] = fit_mean_face(small, halves, points, _FIT.value)
    errors = {name: measures.photometric(each, faces.images) for name, each in found.items()}
    rows = []
    for name, each in found.items():
        columns = {"photometric": Measurement.mean(errors[name])}
        if "mean_face" in errors:
            ratio = float(errors[name].mean() / errors["mean_face"].mean())
            columns["photometric_ratio"] = Measurement(ratio, None, None, len(each))
        columns["landmark"] = Measurement.mean(measures.landmark(each, faces.landmarks))
        rows.append(Row(name, columns))
    return rows


if __name__ == "__main__":
    cli.run(main, positional=True)
