"""Reconstruct faces with MoFA: of photographs, or of a data set with the error in numbers.

    python -m experiments.reconstruct photo.jpg other.jpg
    python -m experiments.reconstruct
    python -m experiments.reconstruct --dataset=celeba --data_dir=...

For each photograph the face is found, turned upright and cut out. The encoder's code is refined by
Gauss-Newton steps through the decoder (--refine=0 leaves it as it is), and the run's folder gets a
picture of input, the encoder's own overlay, and of the refined code overlay, reconstruction,
geometry, albedo and a frontal view side by side, and its mesh with colours as OBJ. What EXIF says
of the orientation is applied; grey photographs count as colour ones, and of several faces the large
one near the middle is taken. Without a photograph, faces of people that the encoder has never seen:
rendered ones, or the test part of a data set.
`result.json` compares both with the mean face brought to each picture by pose and light alone; on
rendered faces it also says how far they are from the truth, vertices in mm and the code's parts in
units of their spread.
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

from experiments.drawing.image_grid import grid, named
from experiments.face_autoencoder.mofa_people import TEST_SEED
from experiments.face_autoencoder.own_faces import read_face
from experiments.face_autoencoder.photographs import load_photographs
from experiments.face_autoencoder.pictures import Pictures
from experiments.face_autoencoder.refining import refined
from experiments.flags import command_line, model_flags, mofa_flags, run_flags
from experiments.flags.groups import FlagGroup
from experiments.running.results import Measurement, Row, write_array
from experiments.running.run import Run
from mofa import code as codes
from mofa import encoder, obj_file, rendered_faces
from mofa.face_region import face_region
from mofa.face_renderer import FaceRenderer
from mofa.mean_face import Descent, fit_mean_face
from mofa.measures import Measures, code_errors
from mofa.photographs import SIZE, Photographs, crop_template
from mofa.views import Views
from resgn.faces.image_file import write_image
from weights.errors import InputError

FLAGS = FlagGroup(mofa_flags.FLAGS, model_flags.FLAGS, run_flags.FLAGS)

_COUNT = FLAGS.integer("count", 16, "Faces of each data set.", lower=1)
_OBJ = FLAGS.boolean("obj", True, "Write the meshes.")
_BASELINE = FLAGS.boolean("baseline", True, "Compare with the fitted mean face.")
_REFINE = FLAGS.integer(
    "refine",
    10,
    "Gauss-Newton steps on all 257 numbers from the encoder's code; 0 for its own.",
    lower=0,
)
_FIT = FLAGS.integer("fit_iterations", 100, "Steps of the mean face's fit.", lower=1)


COLUMNS = ("overlay", "reconstruction", "geometry", "albedo", "frontal")
RESERVED = ("panel",)
"""Pictures of the whole run."""
SMALLEST = 24
"""Pixels between the eyes, of the 52 in a crop, under which a face shows next to nothing."""


@dataclasses.dataclass(frozen=True)
class Faces:
    """Faces to reconstruct.

    Attributes:
      names: of the files to write, without ending.
      images: float32 [N, 224, 224, 3] in [0, 1].
      landmarks: float32 [N, 5, 2], pixels.
      codes: float32 [N, 257], NaN where nobody knows them.
    """

    names: list[str]
    images: np.ndarray
    landmarks: np.ndarray
    codes: np.ndarray

    @property
    def halved(self) -> tuple[np.ndarray, np.ndarray]:
        """Images and landmarks at half the size, at which the mean face is fitted."""
        side = self.images.shape[1] // 2
        images = self.images.reshape(-1, side, 2, side, 2, 3).mean(axis=(2, 4))
        return images, 0.5 * self.landmarks - np.float32(0.25)


def main(argv: list[str]) -> None:
    """Reconstruct what the arguments or flags name."""
    renderer = mofa_flags.renderer(SIZE, encoder.ALEXNET_PATH)
    model = mofa_flags.network(encoder.ALEXNET_PATH)
    region = face_region(renderer)
    faces = (
        from_files([Path(name).expanduser() for name in argv[1:]], renderer)
        if argv[1:]
        else from_datasets(renderer, Measures(renderer, region))
    )
    names = [*mofa_flags.NAMES, "model", "landmarks", "encoder", "count", "baseline"]
    names += ["refine", "fit_iterations", "seed"]
    run = Run(
        "reconstruct",
        run_flags.settings_from_flags(names) | {"photographs": argv[1:]},
        run_flags.place(),
    )
    found = describe(renderer, model, faces)
    write_pictures(run.folder, renderer, region, faces, found)
    table = measure(renderer, region, faces, found)
    print(run.finish(table, "float32", "face", plain=tuple(table[0].columns)))
    count = len(faces.names)
    print(f"{count} face{'s' if count > 1 else ''} in {run.folder}")


def describe(renderer: FaceRenderer, model: tf.keras.Model, faces: Faces) -> dict[str, np.ndarray]:
    """Codes [N, 257] by the name of their row: the encoder's and, as asked for, fitted ones."""
    code = model.predict(faces.images, batch_size=8, verbose=0)
    found = {"mofa": code}
    if _REFINE.value:
        found["refined"] = refined(renderer, faces.images, faces.landmarks, code, _REFINE.value)
    if _BASELINE.value:
        small = renderer.sized((SIZE // 2, SIZE // 2))
        found["mean_face"] = fit_mean_face(small, *faces.halved, Descent(_FIT.value))
    return found


def write_pictures(
    folder: Path,
    renderer: FaceRenderer,
    region: np.ndarray,
    faces: Faces,
    found: dict[str, np.ndarray],
) -> None:
    """A strip and a mesh for each face, the codes, and a panel of all faces."""
    views, code = Views(renderer, region), found["mofa"]
    before = {"photograph": faces.images}
    if "refined" in found:
        before["encoder's overlay"] = views(code, faces.images)["overlay"]
        code = found["refined"]
    drawn = views(code, faces.images)
    shown = before | {name: drawn[name] for name in COLUMNS}
    header = named(list(shown), SIZE)
    strips = np.stack(list(shown.values()), axis=1)
    for number, name in enumerate(faces.names):
        strip = grid(strips[number], len(shown))
        write_image(folder / f"{name}.png", np.concatenate([header, strip]))
        if _OBJ.value:
            write_mesh(folder / f"{name}.obj", renderer, code[number : number + 1])
    write_array(folder / "codes.npy", code)
    panel = np.stack([*before.values(), drawn["overlay"], drawn["geometry"]], axis=1)
    across = 12 // panel.shape[1] * panel.shape[1]  # no face is torn apart
    panel = panel.reshape(-1, *panel.shape[2:])
    write_image(folder / "panel.png", grid(panel, min(across, len(panel))))


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
        names.append(free_name(path.stem, names))
        images.append(image)
        landmarks.append(placed)
    if not images:
        raise InputError(f"No face was found in any of the {len(paths)} photographs.")
    return Faces(names, np.stack(images), np.stack(landmarks), unknown(len(names)))


def free_name(stem: str, taken: list[str]) -> str:
    """A name of files that nothing here has yet: `face`, `face_2`, ...

    Two photographs of one name, from two folders or with two endings, must not share their files,
    also where upper and lower case are one, nor take those of the whole run.
    """
    number, used = 1, {*(name.lower() for name in taken), *RESERVED}
    name = stem
    while name.lower() in used:
        number += 1
        name = f"{stem}_{number}"
    return name


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
        parts.append(Faces(names, faces.images(), measures.five(faces.codes), faces.codes))
    for source in sources:
        test = load_photographs(source, renderer, SIZE, ("test",)).test
        chosen = pick(test, _COUNT.value, run_flags.SEED.value)
        names = [f"{source.name}_{number:03d}" for number in range(len(chosen))]
        images = chosen.images.astype(np.float32) / 255.0
        parts.append(Faces(names, images, chosen.landmarks, unknown(len(names))))
    return Faces(
        [name for part in parts for name in part.names],
        np.concatenate([part.images for part in parts]),
        np.concatenate([part.landmarks for part in parts]),
        np.concatenate([part.codes for part in parts]),
    )


def unknown(count: int) -> np.ndarray:
    """The codes of photographs."""
    return np.full([count, codes.SIZE], np.nan, np.float32)


def pick(photographs: Pictures, count: int, seed: int) -> Photographs:
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
    renderer: FaceRenderer, region: np.ndarray, faces: Faces, found: dict[str, np.ndarray]
) -> list[Row]:
    """What codes are worth.

    Args:
      renderer: the decoder.
      region: the part of the face that counts.
      faces: the faces.
      found: codes [N, 257] by the name of their row.

    Returns:
      A row for each: `photometric` in grey levels, its ratio to `mean_face`, `landmark`; where all
      true codes are known, `vertices` in mm and the errors of the code's parts in units of their
      spread.
    """
    measures = Measures(renderer, region)
    errors = {name: measures.photometric(each, faces.images) for name, each in found.items()}
    known = np.isfinite(faces.codes).all()
    many = rendered_faces.Settings(identities=2000, images_per_identity=1, seed=TEST_SEED)
    spread = rendered_faces.draw_codes(renderer, many).std(axis=0) if known else None
    rows = []
    for name, each in found.items():
        columns = {"photometric": Measurement.mean(errors[name])}
        if "mean_face" in errors:
            ratio = float(errors[name].mean() / errors["mean_face"].mean())
            columns["photometric_ratio"] = Measurement.bare(ratio, len(each))
        if renderer.model.has_five_landmarks():
            columns["landmark"] = Measurement.mean(measures.landmark(each, faces.landmarks))
        if spread is not None:
            columns["vertices"] = Measurement.mean(measures.vertices(each, faces.codes))
            for part, apart in code_errors(each, faces.codes, spread).items():
                columns[part] = Measurement.bare(apart, len(each))
        rows.append(Row(name, columns))
    return rows


if __name__ == "__main__":
    command_line.run(main, FLAGS, positional=True)
