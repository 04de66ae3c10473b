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

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tqdm
from absl import flags

from experiments.face_autoencoder.mofa_people import TEST_SEED, TRAINING_SEED
from experiments.face_autoencoder.photographs import Split, load_photographs
from experiments.face_autoencoder.pictures import JoinedPictures, Pictures
from experiments.flags import (
    command_line,
    model_flags,
    mofa_flags,
    mofa_presets,
    precision_flags,
    run_flags,
    strategy_flags,
)
from experiments.flags.groups import FlagGroup
from experiments.flags.mofa_presets import help_of
from experiments.flags.strategy_flags import chosen_devices, restarting
from experiments.running.devices import Devices
from experiments.running.results import Measurement, Row
from experiments.running.run import Run
from mofa import encoder, face_model_files, rendered_faces
from mofa.face_region import face_region
from mofa.face_renderer import FaceRenderer
from mofa.jitter import Jittered
from mofa.losses import PHOTOMETRIC, AutoencoderLoss, CodeLoss, Weights
from mofa.measures import Measures, code_errors
from mofa.people import spread_out
from mofa.photographs import SIZE, Photographs
from mofa.relit_faces import RelitFaces
from mofa.training import OPTIMIZERS, SCHEDULES, Progress, Trainer, TrainingConfig
from mofa.views import Views
from weights import made_for
from weights.errors import InputError
from weights.folders import cache_folder

FLAGS = FlagGroup(mofa_flags.FLAGS, model_flags.FLAGS, precision_flags.FLAGS, strategy_flags.FLAGS)

_PRESET = FLAGS.choice(
    "preset",
    "laptop",
    sorted(mofa_presets.PRESETS),
    "Values of all flags that are not given: laptop (under an hour on two cores), paper (the "
    "paper's own figures, for GPUs), smoke (seconds, to see that everything runs).",
)
_INIT = FLAGS.path(
    "init",
    None,
    "Encoder file to start from; its size goes first, but for --input_size and --downscaling where "
    "they are given.",
)
_IMAGENET = FLAGS.path(
    "imagenet", None, "VGG-19's ImageNet weights, Keras' .h5, to start a full-width vgg19 from."
)


def _enum(name: str, values: tuple[str, ...], text: str) -> None:
    FLAGS.choice(name, None, list(values), f"{text} {help_of(name)}")


def _integer(name: str, text: str) -> None:
    FLAGS.integer(name, None, f"{text} {help_of(name)}", lower=0)


def _float(name: str, text: str) -> None:
    FLAGS.number(name, None, f"{text} {help_of(name)}", within="[0, inf)")


_enum("network", encoder.NETWORKS, "Encoder.")
_float("width", "Factor on the maps of its convolutions.")
_integer("dense_units", "Of its two hidden fully connected layers.")
_integer("input_size", "Side to which it brings its images.")
FLAGS.boolean("batch_norm", None, f"BatchNorm in training. {help_of('batch_norm')}")
_enum("scaling", encoder.SCALINGS, "Scale of the code that it puts out.")
_enum("downscaling", encoder.DOWNSCALINGS, "How it brings them there.")
_integer("image_size", "Side of the pictures in training, pixels.")
_integer("iterations", "Steps.")
_integer("batch_size", "Photographs a step.")
_integer("rendered_batch_size", "Rendered faces a step.")
_integer("rendered_people", "Rendered people, one picture of each under ever new light.")
_enum("optimizer", OPTIMIZERS, "Optimiser.")
_float("learning_rate", "Learning rate at its highest.")
_enum("schedule", SCHEDULES, "Course of the learning rate.")
_float("clip_norm", "Longest gradient that is applied; 0 for no limit.")
_enum("photometric", PHOTOMETRIC, "Colours compared at each vertex, or at each rendered pixel.")
_float("photometric_weight", "Weight of the distance of colours.")
_float("landmark_weight", "Weight of the squared distance of landmarks.")
_float("regulariser_weight", "Weight of the three next together.")
_float("shape_weight", "Weight of the squared shape coefficients.")
_float("expression_weight", "Weight of the squared expression coefficients.")
_float("albedo_weight", "Weight of the squared albedo coefficients.")
_float("light_weight", "Weight of colour in the light.")
_float("code_weight", "Weight of all terms on rendered faces.")
_float("jitter", "Deviation of turn, shift and size of photographs in training.")
_integer("checkpoint_every", "Steps between two checkpoints and reports.")
_integer("test_images", "Pictures of each data set to measure on at the end.")


PANEL = 8


def main(argv: list[str]) -> None:
    """Train, measure, save."""
    del argv
    sources = mofa_flags.sources()
    values = mofa_presets.settle(_PRESET.value, not sources)
    if sources and "rendered" not in mofa_flags.DATASET.value:
        values["rendered_batch_size"] = 0
    devices = chosen_devices()
    precision = precision_flags.precision()
    shared = (
        *mofa_flags.NAMES,
        *("model", "landmarks", "init", "imagenet", "preset", "seed"),
    )
    run = Run(
        "train_mofa",
        run_flags.settings_from_flags(list(shared)) | values | {"precision": precision},
        run_flags.place(),
        devices,
    )
    tf.keras.utils.set_random_seed(run_flags.SEED.value)
    model_path, model_name = face_model()
    renderer = mofa_flags.with_model(model_path, values["image_size"])
    splits = {
        source.name: load_photographs(source, renderer, values["image_size"]) for source in sources
    }
    photographs = _joined([split.train for split in splits.values()])
    if photographs is not None:
        run.same_data(photographs.images)
    with devices.strategy.scope():
        model, size = make_encoder(values, precision, devices)
    config = TrainingConfig(
        precision=precision,
        seed=run_flags.SEED.value,
        **{
            field.name: values[field.name]
            for field in dataclasses.fields(TrainingConfig)
            if field.name in values
        },
    )
    autoencoder_loss, code_loss, rendered = None, None, None
    if config.batch_size:
        autoencoder_loss = AutoencoderLoss(renderer, weights(values), values["photometric"])
    if config.rendered_batch_size:
        rendered = RelitFaces(
            renderer, training_people(values["rendered_people"]), cache_folder() / "rendered"
        )
        code_loss = CodeLoss(renderer, rendered.codes.std(axis=0), values["code_weight"])
    trainer = Trainer(model, config, run.shared, autoencoder_loss, code_loss, devices.strategy)
    with tqdm.tqdm(total=config.iterations, unit="step") as bar:
        trainer.train(
            None if photographs is None else Jittered(photographs, values["jitter"]),
            rendered,
            reporter(run, renderer, model, splits, bar),
            lambda step: bar.update(step - bar.n),
        )
    path = run.folder / "encoder.h5"
    said = {
        "source": f"trained by experiments.train_mofa on {', '.join(mofa_flags.DATASET.value)}",
        "face_model": model_name,
        **made_for.attributes({"face_model": face_model_files.content(model_path)}),
    }
    encoder.save(model, size, path, said, float16=True)
    encoder.save(model, size, run.folder / "encoder_in_training.h5", said, fold=False)
    renderer = mofa_flags.with_model(model_path, SIZE)
    rows = measure(path, renderer, splits, values["test_images"])
    plain = tuple(sorted({column for row in rows for column in row.columns}))
    print(run.finish(rows, precision, "pictures", plain=plain, **devices.facts()))
    print(f"Encoder: {path}")


def face_model() -> tuple[Path, str]:
    """The morphable model to decode with, and what the encoder's file is to call it.

    It is that of --model; without, that of the encoder of --init, or the learned one.
    """
    if model_flags.MODEL.value:
        path = Path(model_flags.MODEL.value).expanduser()
        names = {own.resolve(): name for name, own in face_model_files.OWN_MODELS.items()}
        return path, names.get(path.resolve(), path.name)
    if _INIT.value:
        start = Path(_INIT.value)
        return mofa_flags.encoders_model(start), encoder.face_model(start)
    return face_model_files.LEARNED_PATH, "learned"


def make_encoder(
    values: dict[str, Any], precision: str, devices: Devices
) -> tuple[tf.keras.Model, encoder.EncoderConfig]:
    """A new encoder, or the one of --init; to be called in the strategy's scope."""
    many = devices.strategy.num_replicas_in_sync > 1
    if _INIT.value:
        given = {name: flags.FLAGS[name].value for name in ("input_size", "downscaling")}
        other = {name: value for name, value in given.items() if value is not None}
        return encoder.load(_INIT.value, precision, trainable=True, synchronized=many, **other)
    names = [field.name for field in dataclasses.fields(encoder.EncoderConfig)]
    size = encoder.EncoderConfig(**{name: values[name] for name in names})
    model = encoder.build(size, precision, synchronized=many)
    if _IMAGENET.value:
        encoder.start_from_imagenet(model, _IMAGENET.value)
    return model, size


def weights(values: dict[str, Any]) -> Weights:
    """The loss' weights from flags."""
    return Weights(
        **{field.name: values[f"{field.name}_weight"] for field in dataclasses.fields(Weights)}
    )


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


def reporter(
    run: Run,
    renderer: FaceRenderer,
    model: tf.keras.Model,
    splits: dict[str, Split],
    bar: tqdm.tqdm[Any],
) -> Callable[[Progress], None]:
    """What happens at every report: terms, and panels of photographs for validation."""
    shown = _joined(
        [
            split.validation.part(spread_out(len(split.validation), PANEL))
            for split in splits.values()
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


def measure(path: Path, renderer: FaceRenderer, splits: dict[str, Split], count: int) -> list[Row]:
    """The saved encoder on rendered faces and photographs of people it has never seen.

    Args:
      path: the encoder's file.
      renderer: of pictures at 224x224.
      splits: photographs at the size of training; the test part is read.
      count: pictures of each data set.

    Returns:
      A row for each data set: `photometric` in grey levels, `landmark` as a part of the distance
      of the eyes; for rendered faces also `vertices` in mm and the parts of the code in units of
      their spread.
    """
    model, _ = encoder.load(path)
    region = face_region(renderer)
    measures = Measures(renderer, region)
    rows = [Row("rendered", rendered_measures(model, renderer, measures, count))]
    for name, split in splits.items():
        chosen = split.test.part(spread_out(len(split.test), count)).resized(SIZE)
        if not len(chosen):
            raise InputError(f"{name} has no photographs of people kept out.")
        images = chosen.images.astype(np.float32) / 255.0
        code = model.predict(images, batch_size=8, verbose=0)
        columns = {
            "photometric": Measurement.mean(measures.photometric(code, images)),
            "landmark": Measurement.mean(measures.landmark(code, chosen.landmarks)),
        }
        rows.append(Row(name, columns))
    return rows


def rendered_measures(
    model: tf.keras.Model, renderer: FaceRenderer, measures: Measures, count: int
) -> dict[str, Measurement]:
    """An encoder on rendered people that were never trained on."""
    settings = rendered_faces.Settings(identities=count, images_per_identity=1, seed=TEST_SEED)
    faces = rendered_faces.RenderedFaces(renderer, settings)
    many = dataclasses.replace(settings, identities=2000)
    spread = rendered_faces.draw_codes(renderer, many).std(axis=0)
    images = faces.images()
    code = model.predict(images, batch_size=8, verbose=0)
    columns = {"photometric": Measurement.mean(measures.photometric(code, images))}
    if renderer.model.has_five_landmarks():
        five = measures.five(faces.codes)
        columns["landmark"] = Measurement.mean(measures.landmark(code, five))
    columns["vertices"] = Measurement.mean(measures.vertices(code, faces.codes))
    for name, value in code_errors(code, faces.codes, spread).items():
        columns[name] = Measurement.bare(value, count)
    return columns


def _joined(parts: Sequence[Pictures]) -> Photographs | None:
    return JoinedPictures(parts).part(slice(None)) if parts else None


if __name__ == "__main__":
    command_line.run(restarting(main), FLAGS)
