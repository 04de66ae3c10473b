"""Train MoFA: on rendered faces, whose codes are known, on photographs, or on both together.

    python -m experiments.train_mofa
    python -m experiments.train_mofa --dataset=rendered,celeba,lfw --data_dir=CELEBA,LFW

The first learns from rendered faces alone; the second, by which the AlexNet that comes along was
trained, from photographs as well, where nothing but the picture itself and five landmarks teach.
--init goes on with an encoder of an earlier run. Nobody among the people whose photographs are for
validation and test is seen. The run's folder gets `encoder.h5`,
`encoder_in_training.h5` for --init (BatchNorm and full precision kept) and, in TensorBoard, every
term of the loss and panels of photograph, reconstruction, overlay and geometry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
import tqdm

from experiments.face_autoencoder.encoder_training import (
    face_model,
    joined,
    make_encoder,
    make_trainer,
    measure,
)
from experiments.face_autoencoder.model_files import renderer_of
from experiments.face_autoencoder.photographs import Split, load_photographs
from experiments.face_autoencoder.training_settings import EncoderTrainingSettings
from experiments.flags import command_line, run_flags, strategy_flags
from experiments.flags.autoencoder_flags import PRECISION, CommandFlags
from experiments.flags.strategy_flags import chosen_devices, restarting
from experiments.running.precision import settle_precision
from experiments.running.run import Run
from experiments.running.settings import flat
from mofa import encoder, face_model_files
from mofa.face_region import face_region
from mofa.face_renderer import FaceRenderer
from mofa.jitter import Jittered
from mofa.losses import PHOTOMETRIC
from mofa.people import spread_out
from mofa.photographs import SIZE
from mofa.training import OPTIMIZERS, SCHEDULES, Progress
from mofa.views import Views
from resgn.target import TARGETS
from weights import made_for
from weights.errors import InputError

SETTINGS = CommandFlags(
    EncoderTrainingSettings,
    {
        "init": "Encoder file to start from; its size goes first, but for --input_size and "
        "--downscaling where they are given.",
        "imagenet": "VGG-19's ImageNet weights, Keras' .h5 file, to start a full-width vgg19 from.",
        "network": "Layout of the encoder.",
        "width": "Factor on the maps of the encoder's convolutions.",
        "dense_units": "Units of the encoder's two hidden fully connected layers.",
        "input_size": "Side to which the encoder brings its images.",
        "batch_norm": "BatchNorm in training.",
        "scaling": "Scale of the code that the encoder puts out.",
        "downscaling": "How the encoder brings images to --input_size.",
        "image_size": "Side of the pictures in training, pixels.",
        "iterations": "Steps of training.",
        "batch_size": "Photographs a step.",
        "rendered_batch_size": "Rendered faces a step.",
        "rendered_people": "Rendered people, one picture of each under ever new light.",
        "optimizer": "Optimiser of the training.",
        "learning_rate": "Learning rate at its highest.",
        "schedule": "Course of the learning rate.",
        "clip_norm": "Longest gradient that is applied; 0 for no limit.",
        "photometric": "Colours compared at each vertex, the same weighed by the area that it "
        "shows, or at each rendered pixel (raster).",
        "photometric_weight": "Weight of the distance of colours.",
        "landmark_weight": "Weight of the squared distance of landmarks.",
        "regulariser_weight": "Weight of the squared coefficients of shape, expression and albedo "
        "together.",
        "shape_weight": "Weight of the squared shape coefficients.",
        "expression_weight": "Weight of the squared expression coefficients.",
        "albedo_weight": "Weight of the squared albedo coefficients.",
        "light_weight": "Weight of colour in the light.",
        "identity_weight": "Weight of the identity term on photographs, one minus the cosine that "
        "a face network gives photograph and overlay; 0 for none.",
        "relation_weight": "Weight of the relational term on photographs, the squared difference "
        "between the likeness of two codes and that which a face network finds, two photographs of "
        "each person in a batch; 0 for none.",
        "identity_target": "Face network of the terms identity and relation.",
        "code_weight": "Weight of all terms on rendered faces.",
        "jitter": "Deviation of turn, shift and size of photographs in training.",
        "checkpoint_every": "Steps between two checkpoints and reports.",
        "test_images": "Pictures of each data set to measure on at the end.",
        **PRECISION,
    },
    choices={
        "network": encoder.NETWORKS,
        "scaling": encoder.SCALINGS,
        "downscaling": encoder.DOWNSCALINGS,
        "optimizer": OPTIMIZERS,
        "schedule": SCHEDULES,
        "photometric": PHOTOMETRIC,
        "identity_target": TARGETS,
    },
    shown={
        "laptop": EncoderTrainingSettings.of_preset("laptop", ("rendered", "orl")),
        "laptop on rendered faces alone": EncoderTrainingSettings.laptop(),
        "paper": EncoderTrainingSettings(),
    },
    needed=(run_flags.FLAGS, strategy_flags.FLAGS),
)
FLAGS = SETTINGS.group

PANEL = 8


def main(_: list[str]) -> None:
    """Train, measure, save."""
    settings = SETTINGS.settings()
    if strategy_flags.JIT.value:
        raise InputError("`jit` compiles ResGN's gradients and no encoder's: leave it out.")
    settings.config()  # what cannot be trained is said before anything is read
    devices = chosen_devices()
    settings = settings.but(precision=settle_precision(settings.precision))
    run = Run("train_mofa", flat(settings), run_flags.place(), devices)
    tf.keras.utils.set_random_seed(settings.seed)
    model_path, model_name = face_model(settings)
    renderer = renderer_of(model_path, settings.faces.landmarks, settings.image_size)
    splits = {
        source.name: load_photographs(source, renderer, settings.image_size)
        for source in settings.faces.sources
    }
    check_parts(splits, settings.training.batch_size)
    photographs = joined([split.train for split in splits.values()])
    if photographs is not None:
        run.same_data(photographs.images)
    given = SETTINGS.given()
    changed = {k: v for k, v in given.items() if k in ("input_size", "downscaling")}
    with devices.strategy.scope():
        many = devices.strategy.num_replicas_in_sync > 1
        model, size = make_encoder(settings, many, changed)
    trainer, rendered = make_trainer(settings, model, renderer, run.shared, devices.strategy)
    with tqdm.tqdm(total=settings.training.iterations, unit="step") as bar:
        trainer.train(
            None
            if photographs is None
            else Jittered(photographs, settings.jitter, in_twos=settings.weights.relation > 0),
            rendered,
            reporter(run, renderer, model, splits, bar),
            lambda step: bar.update(step - bar.n),
        )
    path = run.folder / "encoder.h5"
    said = {
        "source": f"trained by experiments.train_mofa on {settings.faces.names}",
        "face_model": model_name,
        **made_for.attributes({"face_model": face_model_files.content(model_path)}),
    }
    encoder.save(model, size, path, said, float16=True)
    encoder.save(model, size, run.folder / "encoder_in_training.h5", said, fold=False)
    renderer = renderer_of(model_path, settings.faces.landmarks, SIZE)
    rows = measure(path, renderer, splits, settings.test_images)
    plain = tuple(sorted({column for row in rows for column in row.columns}))
    print(run.finish(rows, settings.precision, "pictures", plain=plain, **devices.facts()))
    print(f"Encoder: {path}")


def check_parts(splits: Mapping[str, Split], batch_size: int) -> None:
    """Everything that is asked of a data set hours later is there.

    Raises:
      InputError: there is nobody to learn from, or nobody is kept out.
    """
    for name, split in splits.items():
        if not len(split.test):
            raise InputError(f"{name} has no photographs of people kept out.")
        if batch_size and not len(split.train):
            raise InputError(f"{name} has no photographs to learn from.")


def reporter(
    run: Run,
    renderer: FaceRenderer,
    model: tf.keras.Model,
    splits: dict[str, Split],
    bar: tqdm.tqdm[Any],
) -> Callable[[Progress], None]:
    """What happens at every report: terms, and panels of photographs for validation."""
    shown = joined(
        [
            split.validation.part(spread_out(len(split.validation), PANEL))
            for split in splits.values()
            if len(split.validation)
        ]
    )
    views = Views(renderer, face_region(renderer)) if shown is not None else None

    def report(progress: Progress) -> None:
        run.log(
            "train",
            progress.step,
            {
                **progress.terms,
                "learning_rate": progress.learning_rate,
                "images_per_second": progress.images_per_second,
            },
        )
        bar.set_postfix_str(f"loss {progress.terms['total']:.4f}", refresh=False)
        if shown is not None and views is not None:
            images = shown.images[:PANEL].astype(np.float32) / 255.0
            drawn = views(model(images, training=False).numpy(), images)
            run.log_images(
                "validation",
                progress.step,
                {
                    "photograph": images,
                    **{name: drawn[name] for name in ("reconstruction", "overlay", "geometry")},
                },
            )

    return report


if __name__ == "__main__":
    command_line.run(restarting(main), FLAGS)
