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
import time
from pathlib import Path

import numpy as np
import tensorflow as tf

from experiments.drawing.image_grid import grid, named
from experiments.face_autoencoder.model_files import ModelFiles
from experiments.face_autoencoder.reconstructed_faces import FacesToReconstruct
from experiments.face_autoencoder.refining import refined
from experiments.face_autoencoder.settings import FaceSettings
from experiments.flags import command_line, run_flags
from experiments.flags.autoencoder_flags import CommandFlags
from experiments.running.results import write_array
from experiments.running.run import Run
from experiments.running.settings import check_at_least, flat, part
from mofa import encoder
from mofa.face_region import face_region
from mofa.face_renderer import FaceRenderer
from mofa.mean_face import Descent, fit_mean_face
from mofa.obj_file import write_face
from mofa.photographs import SIZE
from mofa.views import Views
from resgn.faces.image_file import write_image


@dataclasses.dataclass(frozen=True)
class ReconstructSettings:
    """What decides the result.

    Attributes:
      count: faces of each data set.
      obj: write the meshes.
      baseline: compare with the fitted mean face.
      refine: Gauss-Newton steps from the encoder's code; 0 for its own.
      fit_iterations: steps of the mean face's fit.
      seed: of the choice of faces.
    """

    faces: FaceSettings = part(FaceSettings())
    count: int = 16
    obj: bool = True
    baseline: bool = True
    refine: int = 10
    fit_iterations: int = 100
    seed: int = 0

    def __post_init__(self) -> None:
        check_at_least(self, 1, "count", "fit_iterations")
        check_at_least(self, 0, "refine")


SETTINGS = CommandFlags(
    ReconstructSettings,
    {
        "count": "Faces of each data set.",
        "obj": "Write the face of each as an OBJ file with vertex colours.",
        "baseline": "Compare with the mean face, fitted to each picture.",
        "refine": "Gauss-Newton steps on all 257 numbers from the encoder's code; 0 for its own.",
        "fit_iterations": "Steps of the mean face's fit.",
    },
)
FLAGS = SETTINGS.group

COLUMNS = ("overlay", "reconstruction", "geometry", "albedo", "frontal")


def main(argv: list[str]) -> None:
    """Reconstruct what the arguments or flags name."""
    settings, photographs = SETTINGS.settings(), argv[1:]
    files = ModelFiles(settings.faces, encoder.ALEXNET_PATH)
    renderer, model = files.renderer(), files.network()
    if photographs:
        paths = [Path(name).expanduser() for name in photographs]
        faces = FacesToReconstruct.of_photographs(paths, renderer)
    else:
        faces = FacesToReconstruct.of_datasets(
            settings.faces, renderer, settings.count, settings.seed
        )
    run = Run("reconstruct", flat(settings) | {"photographs": photographs}, run_flags.place())
    found, seconds = describe(renderer, model, faces, settings)
    region = face_region(renderer)
    write_pictures(run.folder, renderer, region, faces, found, settings.obj)
    table = faces.measure(renderer, region, found)
    notes = f"Refined in {seconds:.2f} seconds of the processor a face." if settings.refine else ""
    print(run.finish(table, "float32", "face", notes, plain=tuple(table[0].columns)))
    print(f"{len(faces)} face{'s' if len(faces) > 1 else ''} in {run.folder}")


def describe(
    renderer: FaceRenderer,
    model: tf.keras.Model,
    faces: FacesToReconstruct,
    settings: ReconstructSettings,
) -> tuple[dict[str, np.ndarray], float]:
    """Codes of faces.

    Returns:
      Codes [N, 257] by the name of their row, the encoder's and, as asked for, fitted ones; and how
      many seconds of the processor, of all cores together, refining took for each face.
    """
    code = model.predict(faces.images, batch_size=8, verbose=0)
    found, began = {"mofa": code}, time.process_time()
    if settings.refine:
        found["refined"] = refined(renderer, faces.images, faces.landmarks, code, settings.refine)
    seconds = (time.process_time() - began) / len(faces)
    if settings.baseline:
        small = renderer.sized((SIZE // 2, SIZE // 2))
        found["mean_face"] = fit_mean_face(small, *faces.halved, Descent(settings.fit_iterations))
    return found, seconds


def write_pictures(
    folder: Path,
    renderer: FaceRenderer,
    region: np.ndarray,
    faces: FacesToReconstruct,
    found: dict[str, np.ndarray],
    meshes: bool,
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
        if meshes:
            write_face(folder / f"{name}.obj", renderer, code[number : number + 1])
    write_array(folder / "codes.npy", code)
    panel = np.stack([*before.values(), drawn["overlay"], drawn["geometry"]], axis=1)
    across = 12 // panel.shape[1] * panel.shape[1]  # no face is torn apart
    panel = panel.reshape(-1, *panel.shape[2:])
    write_image(folder / "panel.png", grid(panel, min(across, len(panel))))


if __name__ == "__main__":
    command_line.run(main, FLAGS, positional=True)
