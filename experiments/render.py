"""Render faces: random ones, or codes from a file.

    python -m experiments.render
    python -m experiments.render --codes=codes.npy --obj

writes to the run's folder: `faces.png` (all faces), `turntable.png` (one face from all sides),
`light.png` (one face under a lamp that goes around it), `codes.npy` (what was rendered), each face
as `face_00.png` and, with --obj, as `face_00.obj` with vertex colours. Some seconds on two cores.
"""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path

import numpy as np
import tensorflow as tf
from absl import flags

from experiments import cli, model_flags
from experiments import run as run_flags
from experiments.image_grid import grid
from experiments.results import write_array
from mofa import code as codes
from mofa import morphable_model, obj_file, rendered_faces
from mofa.arrays import Array
from mofa.face_renderer import Camera, FaceRenderer, default_light
from mofa.rendering import spherical_harmonics
from resgn.faces.image_file import write_image
from weights.errors import InputError, brief

BATCH = 8
LARGEST_CODES = 64 << 20
"""Bytes of a file of codes; it holds thousands."""


@dataclasses.dataclass(frozen=True)
class Options:
    """What to render and where to.

    Attributes:
      output_dir: folder to write to; `runs/render/<time>` if None.
      model: file of the morphable model; the open default model if None.
      landmarks: JSON file {name: vertex} for the model.
      codes: file of codes, see `read_codes`; random faces if None.
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
                "--count must be at least 1 and --image_size between 8 and 4096, got "
                f"{self.count} and {self.image_size}"
            )


_CODES = flags.DEFINE_string(
    "codes",
    None,
    "Codes to render (.npy, .json or text, 257 numbers each); random faces if absent.",
)
_COUNT = flags.DEFINE_integer("count", 16, "How many random faces.")
_SIZE = flags.DEFINE_integer("image_size", 224, "Height and width of a picture in pixels.")
_OBJ = flags.DEFINE_bool("obj", False, "Also write each face as an OBJ file with vertex colours.")

flags.adopt_module_key_flags(model_flags)
flags.adopt_module_key_flags(run_flags)  # shown by --help


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
      InputError: a file is missing or damaged.
    """
    folder = Path(options.output_dir or f"runs/render/{time.strftime('%Y%m%d-%H%M%S')}")
    model = morphable_model.read(options.model, options.landmarks, require_landmarks=False)
    renderer = FaceRenderer(model, Camera(image_size=(options.image_size, options.image_size)))
    if options.codes:
        chosen = read_codes(Path(options.codes))
    else:
        chosen = random_codes(renderer, options.count, options.seed)
    folder.mkdir(parents=True, exist_ok=True)
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


def read_codes(path: Path) -> Array:
    """Codes from a file: float32 [N, 257].

    Args:
      path: `.npy`, `.json` (a list, or a list of lists) or text (a code a line).

    Returns:
      The codes.

    Raises:
      InputError: the file is missing, unreadable, or holds something else.
    """
    try:
        if path.stat().st_size > LARGEST_CODES:
            raise InputError(f"{path} has more than {LARGEST_CODES >> 20} MiB; give fewer codes.")
        if path.suffix == ".npy":
            # Mapped: a header that claims terabytes takes none.
            values = np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
        elif path.suffix == ".json":
            values = np.array(json.loads(path.read_text()), np.float64)
        else:
            values = np.loadtxt(path, delimiter="," if "," in path.read_text() else None)
        values = np.atleast_2d(values).astype(np.float32)
    except InputError:
        raise
    except Exception as error:  # numpy raises many things on damaged bytes
        raise InputError(f"{path} could not be read as codes ({brief(error)})") from error
    if values.ndim != 2 or values.shape[1] != codes.SIZE or not len(values):
        raise InputError(f"{path} has shape {values.shape}; codes are [N, {codes.SIZE}]")
    if not np.isfinite(values).all():
        raise InputError(f"{path} holds numbers that are not finite")
    return values


def random_codes(renderer: FaceRenderer, count: int, seed: int) -> Array:
    """Different people, one picture of each: float32 [N, 257]."""
    settings = rendered_faces.Settings(
        identities=count, images_per_identity=1, seed=seed, shift=0.0, depth=0.0
    )
    return rendered_faces.draw_codes(renderer, settings)


def turntable(chosen: Array, steps: int = 9) -> Array:
    """Each code from the left to the right: float32 [N * steps, 257]."""
    result = np.repeat(chosen, steps, axis=0)
    result[:, codes.SLICES["rotation"]] = 0.0
    result[:, codes.SLICES["translation"]] = 0.0
    yaw = codes.SLICES["rotation"].start + 1
    result[:, yaw] = np.tile(np.linspace(-1.2, 1.2, steps), len(chosen))
    result[:, codes.SLICES["light"]] = 0.0
    return result


def light_sweep(chosen: Array, steps: int = 9) -> Array:
    """Each code from the front under a lamp that goes from left to right: [N * steps, 257]."""
    result = np.repeat(chosen, steps, axis=0)
    result[:, codes.SLICES["rotation"]] = 0.0
    result[:, codes.SLICES["translation"]] = 0.0
    angle = np.linspace(-1.5, 1.5, steps)
    toward = np.stack((np.sin(angle), np.full(steps, 0.3), np.cos(angle)), axis=1)
    toward /= np.linalg.norm(toward, axis=1, keepdims=True)
    lamp = spherical_harmonics.directional_light(tf.constant(toward, tf.float32)).numpy()
    light = np.repeat(0.85 * lamp[:, :, None], 3, axis=2)
    light[:, 0] += 0.28 * spherical_harmonics.UNIT_AMBIENT
    change = (light - default_light()).reshape(steps, 27)
    result[:, codes.SLICES["light"]] = np.tile(change, (len(chosen), 1))
    return result


def pictures(renderer: FaceRenderer, chosen: Array, background: float = 0.92) -> Array:
    """float32 [N, H, W, 3] in [0, 1], a few at a time."""
    parts = [
        renderer.render(chosen[start : start + BATCH]).over(background).numpy()
        for start in range(0, len(chosen), BATCH)
    ]
    return np.concatenate(parts)


def _save(path: Path, image: Array) -> None:
    write_image(path, np.clip(image, 0.0, 1.0))


if __name__ == "__main__":
    cli.run(main)
