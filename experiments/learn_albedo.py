"""Learn the albedo of the face model from photographs.

    python -m experiments.learn_albedo --dataset=celeba,lfw --data_dir=CELEBA,LFW

MoFA's encoder says where each vertex of the open face model lies in photographs of the training
part; what they show there, without the light, becomes mean and modes of the albedo (see
`mofa.learned_albedo`). The result is a morphable model like any other, which `--model` of every
command takes, and by default the one that the encoder that comes along decodes with. Nobody of the
validation and test parts is looked at. About three minutes for 8,400 photographs on two cores.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow as tf
import tqdm
from absl import logging

from experiments.face_autoencoder.model_files import ModelFiles
from experiments.face_autoencoder.photographs import load_photographs
from experiments.face_autoencoder.pictures import chunks
from experiments.face_autoencoder.settings import FaceSettings
from experiments.flags import command_line, file_flags
from experiments.flags.autoencoder_flags import CommandFlags
from experiments.flags.run_flags import SEEDED
from experiments.running.settings import part
from mofa import encoder, face_model_files, learned_albedo
from mofa.arrays import Array
from mofa.face_region import face_region, shown_area
from mofa.face_renderer import Camera, FaceRenderer
from mofa.photographs import SIZE
from mofa.seen_colours import SeenColours, see
from weights.errors import InputError


@dataclasses.dataclass(frozen=True)
class AlbedoSettings:
    """Which photographs, which model, and the seed of the learning."""

    faces: FaceSettings = part(FaceSettings())
    seed: int = 0


SETTINGS = CommandFlags(AlbedoSettings, {}, needed=(file_flags.FLAGS, SEEDED))
FLAGS = SETTINGS.group


def main(argv: list[str]) -> None:
    """Look at the photographs, learn, write the model."""
    del argv
    output = file_flags.named_output(".h5") or face_model_files.LEARNED_PATH
    settings = SETTINGS.settings()
    faces = settings.faces
    if not faces.sources:
        raise InputError(
            "Albedo is learned from photographs: give --dataset=celeba, lfw or folder with their "
            "--data_dir."
        )
    if faces.rendered:
        raise InputError("Rendered faces have the albedo of a model already; leave them out.")
    model = face_model_files.read(faces.model, faces.landmarks)
    renderer = FaceRenderer(model, Camera(image_size=(SIZE, SIZE)))
    area = face_region(renderer) * shown_area(renderer)
    vertices = np.flatnonzero(area > 0.0)
    network, _ = encoder.load(
        ModelFiles(faces).encoder,
        used={"face_model": face_model_files.content(faces.model)},
        allow_mismatch=faces.allow_mismatch,
    )
    parts = []
    for source in faces.sources:
        train = load_photographs(source, renderer, SIZE, ("train",)).train
        for photographs in chunks(train):
            parts += look(renderer, vertices, network, photographs.images, source.name)
    seen = SeenColours(
        np.concatenate([part.colours for part in parts]),
        np.concatenate([part.normals for part in parts]),
        np.concatenate([part.facing for part in parts]),
    )
    learned = learned_albedo.learn(seen, model.mean_albedo[vertices], area[vertices], settings.seed)
    logging.info(
        "%d modes explain %.1f %% of the variance that the mean and the light leave",
        learned.factor.shape[1],
        100.0 * learned.explained,
    )
    result = learned_albedo.put_on(model, vertices, learned, "face model with learned albedo")
    face_model_files.write(result, output)
    print(f"{output}: albedo from {len(seen)} photographs, mirrored ones included")


def look(
    renderer: FaceRenderer, vertices: Array, network: tf.keras.Model, images: Array, name: str
) -> list[SeenColours]:
    """The colours of photographs and of their mirror images, so that modes favour no side."""
    found = []
    with tqdm.tqdm(total=2 * len(images), desc=name, unit="image") as bar:
        for pictures in (images, images[:, :, ::-1]):
            before = bar.n

            def advance(done: int, before: int = before) -> None:
                bar.update(before + done - bar.n)

            found.append(
                see(renderer, vertices, lambda x: network(x, training=False), pictures, advance)
            )
    return found


if __name__ == "__main__":
    command_line.run(main, FLAGS)
