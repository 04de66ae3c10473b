"""Flags of MoFA's data: which faces, which morphable model, which encoder."""

from __future__ import annotations

from pathlib import Path

from absl import flags

from experiments import model_flags
from experiments.mofa_people import Source
from mofa import morphable_model
from mofa.face_renderer import Camera, FaceRenderer
from weights.errors import InputError

DATASETS = ("rendered", "celeba", "lfw", "folder", "orl")

DATASET = flags.DEFINE_list(
    "dataset",
    ["rendered"],
    "Faces: rendered ones need nothing; celeba, lfw and folder (one folder for each person) are "
    "read from --data_dir; several with commas between them.",
)
DATA_DIR = flags.DEFINE_list(
    "data_dir", [], "Folder of each data set of photographs, in the same order."
)
ENCODER = flags.DEFINE_string(
    "encoder", None, "Encoder of MoFA, a file of train_mofa; the project's own small one."
)


def sources() -> list[Source]:
    """The data sets of photographs that the flags name; none for rendered faces alone.

    Raises:
      InputError: an unknown name, or a folder too many or too few.
    """
    for name in DATASET.value:
        if name not in DATASETS:
            raise InputError(f"--dataset knows {', '.join(DATASETS)}; got {name!r}.")
    if not DATASET.value:
        raise InputError(f"--dataset needs a name: {', '.join(DATASETS)}.")
    names = [name for name in DATASET.value if name != "rendered"]
    needing = [name for name in names if name != "orl"]
    if len(DATA_DIR.value) != len(needing):
        raise InputError(
            f"--data_dir must name a folder for each of {', '.join(needing) or 'no data set'}; got "
            f"{len(DATA_DIR.value)}."
        )
    folders = iter(DATA_DIR.value)
    return [Source(name, None if name == "orl" else next(folders)) for name in names]


def renderer(image_size: int) -> FaceRenderer:
    """The decoder with the model that the flags name, or that of the encoder that comes along.

    Args:
      image_size: height and width of its pictures.
    """
    path = model_flags.MODEL.value or morphable_model.LEARNED_PATH
    model = morphable_model.read(path, model_flags.LANDMARKS.value)
    return FaceRenderer(model, Camera(image_size=(image_size, image_size)))


def cache_folder() -> Path:
    """Where rendered faces are kept between runs: `runs/cache`."""
    return Path("runs") / "cache"
