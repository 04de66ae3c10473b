"""Flags of MoFA's data: which faces, which morphable model, which encoder."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf

from experiments.face_autoencoder.photographs import Source
from experiments.flags import model_flags
from experiments.flags.groups import FlagGroup
from mofa import encoder, face_model_files
from mofa.face_renderer import Camera, FaceRenderer
from weights.errors import InputError

FLAGS = FlagGroup()

DATASETS = ("rendered", "celeba", "lfw", "folder", "orl")

DATASET = FLAGS.names(
    "dataset",
    ["rendered"],
    "Faces: rendered ones need nothing; celeba, lfw and folder (one folder for each person) are "
    "read from --data_dir; several with commas between them.",
)
DATA_DIR = FLAGS.paths("data_dir", [], "Folder of each data set of photographs, in the same order.")
NEW_PEOPLE = FLAGS.boolean(
    "new_people",
    False,
    "Nobody in --data_dir was trained on: three tenths of the people settle thresholds, all others "
    "are measured on. Without, three quarters count as people to train on, and stay aside.",
)
SKIP_DAMAGED = FLAGS.boolean(
    "skip_damaged", False, "Leave out photographs that cannot be read, instead of naming them all."
)
NAMES = ("dataset", "data_dir", "new_people", "skip_damaged")
"""Flags that say which faces."""
ENCODER = FLAGS.path(
    "encoder",
    None,
    "Encoder of MoFA, a file of train_mofa. The project's own by default: VGG-19's layout, or "
    "AlexNet's, which draws faces better, where faces are only drawn or compared.",
)
ALLOW_MISMATCH = FLAGS.boolean(
    "allow_mismatch",
    False,
    "Use files together that say that they were made for others (an encoder for another face "
    "model, a classifier for another encoder), with a warning instead of an error.",
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
    return [
        Source(
            name,
            None if name == "orl" else next(folders),
            NEW_PEOPLE.value,
            SKIP_DAMAGED.value,
        )
        for name in names
    ]


def encoder_path(own: Path = encoder.DEFAULT_PATH) -> Path:
    """The file of --encoder, or one that comes along."""
    return Path(ENCODER.value) if ENCODER.value else own


def renderer(image_size: int, own: Path = encoder.DEFAULT_PATH) -> FaceRenderer:
    """The decoder: with the morphable model of --model, or that of the encoder.

    Args:
      image_size: height and width of its pictures.
      own: the encoder where --encoder is not given, see `encoder_path`.

    Raises:
      InputError: the encoder was trained with a model of the user's own, and --model is not given.
    """
    return with_model(model_path(own), image_size)


def model_path(own: Path = encoder.DEFAULT_PATH) -> Path:
    """The morphable model of --model, or that of the encoder; see `renderer`."""
    given = model_flags.MODEL.value
    return Path(given).expanduser() if given else encoders_model(encoder_path(own))


def network(own: Path = encoder.DEFAULT_PATH) -> tf.keras.Model:
    """The encoder, frozen, see `encoder_path`.

    Raises:
      InputError: it was trained with another morphable model than that of `renderer`.
    """
    return encoder.load(
        encoder_path(own),
        used={"face_model": face_model_files.content(model_path(own))},
        allow_mismatch=ALLOW_MISMATCH.value,
    )[0]


def with_model(path: str | Path, image_size: int) -> FaceRenderer:
    """The decoder with one morphable model and the landmarks of --landmarks.

    Rendered faces need no landmarks; photographs do, and say so when they are cut out.
    """
    model = face_model_files.read(path, model_flags.LANDMARKS.value, require_landmarks=False)
    return FaceRenderer(model, Camera(image_size=(image_size, image_size)))


def encoders_model(path: Path) -> Path:
    """The morphable model that an encoder decodes with.

    Raises:
      InputError: it is none of those that come along.
    """
    name = encoder.face_model(path)
    if name not in face_model_files.OWN_MODELS:
        raise InputError(
            f"{path} was trained with another morphable model ({name}): give it with --model."
        )
    return face_model_files.OWN_MODELS[name]
