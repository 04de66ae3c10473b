"""Train the detector of Teng 2021 on normal faces: an autoencoder that knows no attack.

    python -m experiments.train_detector
    python -m experiments.train_detector --dataset=rendered,celeba,lfw --data_dir=CELEBA,LFW

Nobody among the people for validation and test is seen. The run's folder gets `detector.h5` and, in
TensorBoard, Eq. 2 on training and held-out faces, and panels of faces with their reconstructions.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import tensorflow as tf
import tqdm

from detector.autoencoder import autoencoder, linear_path, start_from_imagenet
from detector.band import Band
from detector.pca import principal_components
from detector.saved_autoencoder import load_autoencoder, save_autoencoder
from detector.scores import NORMS, DetectionScores
from detector.training import CHOICES, Progress, Trainer
from experiments.face_autoencoder.model_files import ModelFiles
from experiments.face_autoencoder.mofa_people import load_parts
from experiments.face_autoencoder.training_settings import DetectorTrainingSettings
from experiments.flags import command_line, run_flags
from experiments.flags.autoencoder_flags import PRECISION, CommandFlags
from experiments.running.precision import settle_precision
from experiments.running.results import Measurement, Row
from experiments.running.run import Run
from experiments.running.settings import flat
from mofa.arrays import Array
from mofa.people import spread_out
from mofa.photographs import Photographs
from weights import made_for

SETTINGS = CommandFlags(
    DetectorTrainingSettings,
    {
        "identities": "Rendered people to learn from.",
        "held_out_identities": "Rendered people for validation, and as many for the test.",
        "imagenet": "ResNet-50's ImageNet weights, Keras' .h5 file, to start a full width from.",
        "width": "Factor on ResNet-50's maps.",
        "decoder_width": "Factor on the decoder's maps, but for its first layer.",
        "first_width": "Factor on the maps of the decoder's first layer.",
        "code": "Numbers of the code.",
        "band": "Radius of the frequencies whose principal components stand beside the network; "
        "0 for the paper's network alone.",
        "encoder_size": "Side to which ResNet-50 brings its images.",
        "epochs": "Passes over the faces.",
        "batch_size": "Faces a step.",
        "optimizer": "How weights follow the gradient; the paper's is sgd.",
        "loss": "What is minimised of an image's error: norm, as in the paper, or squared.",
        "schedule": "How the learning rate falls; the paper's is halved.",
        "learning_rate": "Learning rate at the beginning.",
        "momentum": "Momentum of stochastic gradient descent.",
        "halve_every": "Epochs after which the learning rate is halved.",
        "mirror": "Show half of the faces mirrored.",
        "batch_norm_momentum": "Momentum of BatchNorm's moving statistics.",
        "held_out_images": "Faces of each part to measure on, at the most.",
        **PRECISION,
    },
    choices=CHOICES,
)
FLAGS = SETTINGS.group

SHOWN = 8


def main(_: list[str]) -> None:
    """Train, measure on people kept out, save."""
    settings = SETTINGS.settings()
    settings = settings.but(precision=settle_precision(settings.precision))
    run = Run("train_detector", flat(settings), run_flags.place())
    files = ModelFiles(settings.faces)
    faces = load_parts(settings.faces, files.renderer(), settings.people)
    held_out = {
        part: people.part(spread_out(len(people), settings.held_out_images))
        for part, people in faces.items()
    }
    images = faces["train"].part(slice(None)).images
    run.same_data(images, *(people.images for people in held_out.values()))
    model = train(run, settings, images, held_out["validation"].images)
    path = run.folder / "detector.h5"
    said = {
        "source": f"trained by experiments.train_detector on {settings.faces.names}",
        **made_for.attributes({"face_model": files.content}),
    }
    save_autoencoder(model, settings.size, path, said, float16=True)
    saved = load_autoencoder(path).model
    reconstructions = {"": lambda images: saved(images, training=False)}
    linear = linear_path(saved)
    if linear:
        reconstructions["pca"] = linear.reconstruct
    scores = {name: DetectionScores(each) for name, each in reconstructions.items()}
    rows = [measure(scores, part, held_out[part]) for part in held_out]
    notes = (
        f"Norms of the reconstruction error, the mean over faces with its 95 % interval; rmse: the "
        f"second for each number of an image; rmse_pca: of the principal components alone. "
        f"{len(faces['train'])} faces to learn from."
    )
    plain = (*NORMS, "rmse", "rmse_pca")
    print(run.finish(rows, settings.precision, "people", notes, plain=plain))
    print(f"Detector: {path}")


def train(
    run: Run, settings: DetectorTrainingSettings, images: Array, held_out: Array
) -> tf.keras.Model:
    """The detector, with a line and panels in TensorBoard for each epoch."""
    tf.keras.utils.set_random_seed(settings.seed)
    model = autoencoder(settings.size, settings.precision, settings.batch_norm_momentum)
    if settings.imagenet:
        start_from_imagenet(model, settings.imagenet)
    config = dataclasses.replace(settings.training, seed=settings.seed)
    linear = linear_path(model)
    if linear:
        size = settings.size
        linear.begin_with(principal_components(images, Band(size.band), size.code, config.mirror))
    trainer = Trainer(model, config, run.folder)
    shown = held_out[:SHOWN].astype(np.float32) / np.float32(255.0)
    steps = config.epochs * (len(images) // config.batch_size)
    with tqdm.tqdm(total=steps, unit="step") as bar:

        def stepped() -> None:
            if not bar.n:  # what a run that goes on has behind it is no work of now
                bar.n = bar.initial = trainer.steps_done - 1
            bar.update(1)

        def report(progress: Progress) -> None:
            bar.update(progress.step - bar.n)
            bar.set_postfix_str(
                f"loss {progress.loss:.1f}, held out {progress.held_out:.1f}", refresh=False
            )
            run.log(
                "train",
                progress.epoch,
                {
                    "loss": progress.loss,
                    "validation/loss": progress.held_out or 0.0,
                    "learning_rate": progress.learning_rate,
                    "images_per_second": progress.images_per_second,
                },
            )
            both = np.concatenate([shown, model(shown, training=False).numpy()], axis=1)
            run.log_images("validation", progress.epoch, {"face and reconstruction": both})

        return trainer.train(images, held_out, report, stepped)


def measure(scores: Mapping[str, DetectionScores], part: str, people: Photographs) -> Row:
    """The norms of the saved detector on one part, and of its principal components."""
    columns: dict[str, Measurement] = {}
    for name, each in scores.items():
        found = each.measure(people.images, batch_size=16)
        if not name:
            columns |= {norm: Measurement.mean(found[norm]) for norm in NORMS}
        rmse = found["l2"] / np.sqrt(people.images[0].size)
        columns[f"rmse_{name}" if name else "rmse"] = Measurement.mean(rmse)
    return Row(part, columns)


if __name__ == "__main__":
    command_line.run(main, FLAGS)
