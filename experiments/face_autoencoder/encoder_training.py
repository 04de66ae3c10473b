"""What goes into a training of MoFA's encoder, and what comes out of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from experiments.face_autoencoder.face_networks import network_on_crops
from experiments.face_autoencoder.model_files import encoders_model
from experiments.face_autoencoder.mofa_people import TEST_SEED, TRAINING_SEED
from experiments.face_autoencoder.photographs import Split
from experiments.face_autoencoder.pictures import JoinedPictures, Pictures
from experiments.face_autoencoder.training_settings import EncoderTrainingSettings
from experiments.running.precision import critic_type
from experiments.running.results import Measurement, Row
from mofa import encoder, face_model_files, rendered_faces
from mofa.face_region import face_region
from mofa.face_renderer import FaceRenderer
from mofa.identity_term import IdentityTerm
from mofa.losses import AutoencoderLoss, CodeLoss
from mofa.measures import Measures, code_errors
from mofa.people import spread_out
from mofa.photographs import SIZE, Photographs
from mofa.relational_term import RelationalTerm
from mofa.relit_faces import RelitFaces
from mofa.training import Trainer
from weights.folders import cache_folder


def face_model(settings: EncoderTrainingSettings) -> tuple[Path, str]:
    """The morphable model to decode with, and what the encoder's file is to call it.

    It is the one that is named; without, that of the encoder to start from, or the learned one.
    """
    if settings.faces.model:
        path = Path(settings.faces.model).expanduser()
        names = {own.resolve(): name for name, own in face_model_files.OWN_MODELS.items()}
        return path, names.get(path.resolve(), path.name)
    if settings.init:
        start = Path(settings.init).expanduser()
        return encoders_model(start), encoder.face_model(start)
    return face_model_files.LEARNED_PATH, "learned"


def make_encoder(
    settings: EncoderTrainingSettings, synchronized: bool, changed: Mapping[str, Any]
) -> tuple[tf.keras.Model, encoder.EncoderConfig]:
    """A new encoder, or the one to start from; to be called in the strategy's scope.

    Args:
      settings: their precision settled.
      synchronized: BatchNorm over all devices together.
      changed: what is changed in the size of the encoder to start from.
    """
    precision = settings.precision
    if settings.init:
        return encoder.load(
            settings.init, precision, trainable=True, synchronized=synchronized, **changed
        )
    model = encoder.build(settings.size, precision, synchronized=synchronized)
    if settings.imagenet:
        encoder.start_from_imagenet(model, settings.imagenet)
    return model, settings.size


def make_trainer(
    settings: EncoderTrainingSettings,
    model: tf.keras.Model,
    renderer: FaceRenderer,
    folder: Path,
    strategy: tf.distribute.Strategy,
) -> tuple[Trainer, RelitFaces | None]:
    """The trainer with its losses, and the rendered faces to learn from.

    Args:
      settings: their precision settled.
      model: the encoder.
      renderer: the decoder, of pictures as large as those in training.
      folder: for checkpoints.
      strategy: that trains.

    Raises:
      InputError: a step asks for faces that there are not, or cannot be shared out.
    """
    config = settings.config()
    photographs, codes, rendered = None, None, None
    if config.batch_size:
        identity, relation = None, None
        if settings.weights.identity or settings.weights.relation:
            dtype = critic_type(settings.precision)
            network = network_on_crops(settings.identity_target, renderer, dtype=dtype)
            identity = IdentityTerm(renderer, network) if settings.weights.identity else None
            relation = RelationalTerm(network) if settings.weights.relation else None
        photographs = AutoencoderLoss(
            renderer, settings.weights, settings.photometric, identity, relation
        )
    if config.rendered_batch_size:
        people = training_people(settings.rendered_people)
        rendered = RelitFaces(renderer, people, cache_folder() / "rendered")
        codes = CodeLoss(renderer, rendered.codes.std(axis=0), settings.code_weight)
    return Trainer(model, config, folder, photographs, codes, strategy), rendered


def training_people(count: int) -> rendered_faces.Settings:
    """Rendered people to learn from, in somewhat wilder poses than those to measure on."""
    return rendered_faces.Settings(
        identities=count,
        images_per_identity=1,
        seed=TRAINING_SEED,
        pitch=0.15,
        yaw=0.35,
        roll=0.08,
        shift=8.0,
        depth=60.0,
    )


def joined(parts: Sequence[Pictures]) -> Photographs | None:
    """All photographs together; None where there is no data set of them."""
    return JoinedPictures(parts).part(slice(None)) if parts else None


def measure(
    path: Path, renderer: FaceRenderer, splits: Mapping[str, Split], count: int
) -> list[Row]:
    """A saved encoder on rendered faces and photographs of people it has never seen.

    Args:
      path: the encoder's file.
      renderer: of pictures at 224x224.
      splits: photographs at the size of training; the test part, which holds some, is read.
      count: pictures of each data set.

    Returns:
      A row for each data set: `photometric` in grey levels, `landmark` as a part of the distance
      of the eyes; for rendered faces also `vertices` in mm and the parts of the code in units of
      their spread.
    """
    model, _ = encoder.load(path)
    measures = Measures(renderer, face_region(renderer))
    rows = [Row("rendered", _rendered_measures(model, renderer, measures, count))]
    for name, split in splits.items():
        chosen = split.test.part(spread_out(len(split.test), count)).resized(SIZE)
        images = chosen.images.astype(np.float32) / 255.0
        code = model.predict(images, batch_size=8, verbose=0)
        columns = {
            "photometric": Measurement.mean(measures.photometric(code, images)),
            "landmark": Measurement.mean(measures.landmark(code, chosen.landmarks)),
        }
        rows.append(Row(name, columns))
    return rows


def _rendered_measures(
    model: tf.keras.Model, renderer: FaceRenderer, measures: Measures, count: int
) -> dict[str, Measurement]:
    """An encoder on rendered people that were never trained on."""
    settings = rendered_faces.Settings(identities=count, images_per_identity=1, seed=TEST_SEED)
    faces = rendered_faces.RenderedFaces(renderer, settings)
    images = faces.images()
    code = model.predict(images, batch_size=8, verbose=0)
    columns = {"photometric": Measurement.mean(measures.photometric(code, images))}
    if renderer.model.has_five_landmarks():
        five = measures.five(faces.codes)
        columns["landmark"] = Measurement.mean(measures.landmark(code, five))
    columns["vertices"] = Measurement.mean(measures.vertices(code, faces.codes))
    for name, value in code_errors(code, faces.codes, code_spread(renderer)).items():
        columns[name] = Measurement.bare(value, count)
    return columns


def code_spread(renderer: FaceRenderer) -> np.ndarray:
    """The standard deviation of each number of the codes of rendered faces, [257]."""
    many = rendered_faces.Settings(identities=2000, images_per_identity=1, seed=TEST_SEED)
    return np.asarray(rendered_faces.draw_codes(renderer, many).std(axis=0))
