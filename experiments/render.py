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
from experiments.face_autoencoder.settings import PICTURE_SIDES
from experiments.flags import command_line, run_flags
from experiments.flags.autoencoder_flags import CommandFlags
from experiments.running.results import write_array
from experiments.running.run import Place, Run
from experiments.running.settings import check_at_least, check_within, flat
from mofa import face_model_files
from mofa.arrays import Array
from mofa.code_files import read_codes
from mofa.code_series import light_sweep, pictures, random_codes, turntable
from mofa.face_renderer import Camera, FaceRenderer
from mofa.obj_file import write_face
from resgn.faces.image_file import write_image
from weights.errors import InputError

LARGEST = 1 << 28
"""Pixels of all pictures together: sixteen of the largest."""


@dataclasses.dataclass(frozen=True)
class RenderSettings:
    """What to render.

    Attributes:
      model: file of the morphable model; the open default model if None.
      landmarks: JSON file {name: vertex} for the model.
      codes: file of codes, see `mofa.code_files`; random faces if None.
      count: how many random faces.
      image_size: height and width of a picture.
      obj: also write each face as an OBJ file with vertex colours.
      seed: of the random faces.
    """

    model: str | None = None
    landmarks: str | None = None
    codes: str | None = None
    count: int = 16
    image_size: int = 224
    obj: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        check_at_least(self, 1, "count")
        check_within(self, *PICTURE_SIDES, "image_size")
        check_room(self.count, self.image_size)


def check_room(count: int, image_size: int) -> None:
    """All pictures of a run are held at once, three floats a pixel.

    Raises:
      InputError: they are more than fit.
    """
    if count * image_size**2 > LARGEST:
        asked, most = (12 * pixels / 2**30 for pixels in (count * image_size**2, LARGEST))
        raise InputError(
            f"{count} pictures of {image_size} x {image_size} pixels take {asked:.0f} GiB, and "
            f"{most:.0f} are taken at most: give fewer or smaller ones."
        )


SETTINGS = CommandFlags(
    RenderSettings,
    {
        "model": "Morphable model: a Basel Face Model (.h5 or .mat) or ICT-FaceKit's folder; the "
        "project's own open model by default.",
        "codes": "File of codes to render (.npy, .json or text, 257 numbers each); random faces by "
        "default.",
        "count": "Random faces to render where --codes is not given.",
        "image_size": "Height and width of a picture in pixels.",
        "obj": "Write each face as an OBJ file with vertex colours, too.",
    },
)
FLAGS = SETTINGS.group


def main(_: list[str]) -> None:
    """Render what the flags say."""
    render(SETTINGS.settings(), run_flags.place())


def render(settings: RenderSettings, place: Place) -> Path:
    """Render and write.

    Args:
      settings: what.
      place: where to.

    Returns:
      The folder written to.

    Raises:
      InputError: a file is missing or damaged, or the folder holds other files.
    """
    model = face_model_files.read(settings.model, settings.landmarks, require_landmarks=False)
    renderer = FaceRenderer(model, Camera(image_size=(settings.image_size, settings.image_size)))
    if settings.codes:
        chosen = read_codes(Path(settings.codes))
        check_room(len(chosen), settings.image_size)
    else:
        chosen = random_codes(renderer, settings.count, settings.seed)
    run = Run("render", flat(settings), place)
    folder = run.folder
    write_array(folder / "codes.npy", chosen)
    images = pictures(renderer, chosen)
    _save(folder / "faces.png", grid(images, min(len(images), 8)))
    for number, image in enumerate(images):
        _save(folder / f"face_{number:02d}.png", image)
        if settings.obj:
            write_face(folder / f"face_{number:02d}.obj", renderer, chosen[number : number + 1])
    _save(folder / "turntable.png", grid(pictures(renderer, turntable(chosen[:2])), 9))
    _save(folder / "light.png", grid(pictures(renderer, light_sweep(chosen[:2])), 9))
    run.finish([], "float32", "face", f"{len(chosen)} faces of {model.name}; nothing is measured.")
    print(f"{len(chosen)} faces of {model.name} in {folder}")
    return folder


def _save(path: Path, image: Array) -> None:
    write_image(path, np.clip(image, 0.0, 1.0))


if __name__ == "__main__":
    command_line.run(main, FLAGS)
