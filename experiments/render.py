"""Render faces: random ones, or codes from a file.

    python -m experiments.render
    python -m experiments.render --codes=codes.npy --obj

writes to the run's folder: `faces.png` (all faces), `turntable.png` (one face from all sides),
`light.png` (one face under a lamp that goes around it), `codes.npy` (what was rendered), each face
as `face_00.png` and, with --obj, as `face_00.obj` with vertex colours. Some seconds on two cores.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from experiments.drawing.image_grid import grid
from experiments.flags import command_line, model_flags, run_flags
from experiments.flags.groups import FlagGroup
from experiments.running.json_files import as_text
from experiments.running.results import write_array
from experiments.running.run_folder import chosen_folder, claim, new_folder
from mofa import face_model_files, obj_file
from mofa.arrays import Array
from mofa.code_files import read_codes
from mofa.code_series import light_sweep, pictures, random_codes, turntable
from mofa.face_renderer import Camera, FaceRenderer
from resgn.faces.image_file import write_image
from weights.errors import InputError

FLAGS = FlagGroup(model_flags.FLAGS, run_flags.PLACED, run_flags.SEEDED)


@dataclasses.dataclass(frozen=True)
class Options:
    """What to render and where to.

    Attributes:
      output_dir: folder to write to; `runs/render/<time>` if None.
      model: file of the morphable model; the open default model if None.
      landmarks: JSON file {name: vertex} for the model.
      codes: file of codes, see `mofa.code_files`; random faces if None.
      count: how many random faces.
      image_size: height and width of a picture.
      seed: of the random faces.
      obj: also write each face as an OBJ file with vertex colours.
    """

    output_dir: str | None = None
    model: str | None = None
    landmarks: str | None = None
    codes: str | None = None
    count: int = 16
    image_size: int = 224
    seed: int = 0
    obj: bool = False

    def __post_init__(self) -> None:
        if self.count < 1 or not 8 <= self.image_size <= 4096:
            raise InputError(
                "`count` must be at least 1 and `image_size` between 8 and 4096, got "
                f"{self.count} and {self.image_size}"
            )


_CODES = FLAGS.path(
    "codes",
    None,
    "Codes to render (.npy, .json or text, 257 numbers each); random faces if absent.",
)
_COUNT = FLAGS.integer("count", 16, "How many random faces.")
_SIZE = FLAGS.integer("image_size", 224, "Height and width of a picture in pixels.")
_OBJ = FLAGS.boolean("obj", False, "Write each face as an OBJ file with vertex colours, too.")


def main(argv: list[str]) -> None:
    """Render what the flags say."""
    del argv
    render(
        Options(
            output_dir=run_flags.OUTPUT_DIR.value,
            model=model_flags.MODEL.value,
            landmarks=model_flags.LANDMARKS.value,
            codes=_CODES.value,
            count=_COUNT.value,
            image_size=_SIZE.value,
            seed=run_flags.SEED.value,
            obj=_OBJ.value,
        )
    )


def render(options: Options) -> Path:
    """Render and write.

    Args:
      options: what and where to.

    Returns:
      The folder written to.

    Raises:
      InputError: a file is missing or damaged, or the folder holds other files.
    """
    model = face_model_files.read(options.model, options.landmarks, require_landmarks=False)
    renderer = FaceRenderer(model, Camera(image_size=(options.image_size, options.image_size)))
    if options.codes:
        chosen = read_codes(Path(options.codes))
    else:
        chosen = random_codes(renderer, options.count, options.seed)
    chosen_dir = options.output_dir
    folder = chosen_folder(Path(chosen_dir)) if chosen_dir else new_folder("render")
    if not claim(folder, as_text(dataclasses.asdict(options), 2) + "\n"):
        raise InputError(f"{folder} holds a run already; choose another `output_dir`.")
    write_array(folder / "codes.npy", chosen)

    images = pictures(renderer, chosen)
    _save(folder / "faces.png", grid(images, min(len(images), 8)))
    for number, image in enumerate(images):
        _save(folder / f"face_{number:02d}.png", image)
    if options.obj:
        middle = np.array([0.0, 0.0, -renderer.camera.distance])
        for number in range(len(chosen)):
            face = renderer.face(chosen[number : number + 1])
            obj_file.write(
                folder / f"face_{number:02d}.obj",
                face.vertices[0].numpy() - middle,
                model.triangles,
                face.colours[0].numpy(),
            )
    _save(folder / "turntable.png", grid(pictures(renderer, turntable(chosen[:2])), 9))
    _save(folder / "light.png", grid(pictures(renderer, light_sweep(chosen[:2])), 9))
    print(f"{len(chosen)} faces of {model.name} in {folder}")
    return folder


def _save(path: Path, image: Array) -> None:
    write_image(path, np.clip(image, 0.0, 1.0))


if __name__ == "__main__":
    command_line.run(main, FLAGS)
