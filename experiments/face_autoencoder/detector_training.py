"""The trainings of `train_detector`: the paper's autoencoder, and a detector of perturbed faces."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf
import tqdm

from detector.autoencoder import autoencoder, linear_path, start_from_imagenet
from detector.band import Band
from detector.pca import principal_components
from detector.perturbation_detector import (
    PerturbationDetector,
    TellingApart,
    classifier,
    load_perturbation_detector,
    save_perturbation_detector,
)
from detector.roc import RocCurve
from detector.saved_autoencoder import load_autoencoder, save_autoencoder
from detector.scores import NORMS, DetectionScores
from detector.training import Lesson, Progress, Reconstruction, Trainer
from experiments.face_autoencoder import over_people
from experiments.face_autoencoder.training_settings import DetectorTrainingSettings
from experiments.running.results import Measurement, Row
from experiments.running.run import Run
from mofa.arrays import Array
from mofa.photographs import Photographs

SHOWN = 8
Report = Callable[[Progress], None]


def learn_autoencoder(
    run: Run,
    settings: DetectorTrainingSettings,
    images: Array,
    held_out: Mapping[str, Photographs],
    said: Mapping[str, str],
) -> None:
    """The paper's detector."""
    tf.keras.utils.set_random_seed(settings.seed)
    model = autoencoder(settings.size, settings.precision, settings.batch_norm_momentum)
    if settings.imagenet:
        start_from_imagenet(model, settings.imagenet)
    linear = linear_path(model)
    if linear:
        size = settings.size
        mirror = settings.training.mirror
        linear.begin_with(principal_components(images, Band(size.band), size.code, mirror))
    shown = held_out["validation"].images[:SHOWN].astype(np.float32) / np.float32(255.0)

    def report(progress: Progress) -> None:
        both = np.concatenate([shown, model(shown, training=False).numpy()], axis=1)
        run.log_images("validation", progress.epoch, {"face and reconstruction": both})

    lesson = Reconstruction(settings.training.loss)
    model = train(run, settings, model, lesson, images, held_out["validation"].images, report)
    path = run.folder / "detector.h5"
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
        f"{len(images)} faces to learn from."
    )
    plain = (*NORMS, "rmse", "rmse_pca")
    print(run.finish(rows, settings.precision, "people", notes, plain=plain))
    print(f"Detector: {path}")


def learn_self_perturbed(
    run: Run,
    settings: DetectorTrainingSettings,
    images: Array,
    held_out: Mapping[str, Photographs],
    said: Mapping[str, str],
) -> None:
    """A detector of faces with noise of their own."""
    tf.keras.utils.set_random_seed(settings.seed)
    model = classifier(settings.classifier, settings.precision, settings.batch_norm_momentum)
    lesson = TellingApart(settings.perturbation, settings.crop)
    model = train(run, settings, model, lesson, images, held_out["validation"].images)
    path = run.folder / "self_perturbed.h5"
    save_perturbation_detector(model, settings.classifier, path, said, float16=True)
    scores = load_perturbation_detector(path)
    rows = [tell_apart(scores, settings, part, people) for part, people in held_out.items()]
    notes = (
        "Faces as they are and as many with noise of their own, of 1 to "
        f"{settings.perturbation.noise_levels} grey levels: accuracy at a logit of 0, area under "
        "the ROC and the share found at 1 % of false alarms. Intervals of 95 % over people, "
        f"{over_people.ALIKE}. "
        f"{len(images)} faces to learn from."
    )
    print(run.finish(rows, settings.precision, "people", notes, plain=("auc",)))
    print(f"Detector: {path}")


def train(
    run: Run,
    settings: DetectorTrainingSettings,
    model: tf.keras.Model,
    lesson: Lesson,
    images: Array,
    held_out: Array,
    on_epoch: Report = lambda progress: None,
) -> tf.keras.Model:
    """The detector, with a line in TensorBoard for each epoch, and what `on_epoch` adds."""
    config = dataclasses.replace(settings.training, seed=settings.seed)
    trainer = Trainer(model, config, run.folder, lesson)
    steps = config.epochs * (len(images) // config.batch_size)
    with tqdm.tqdm(total=steps, unit="step") as bar:

        def stepped() -> None:
            if not bar.n:  # what a run that goes on has behind it is no work of now
                bar.n = bar.initial = trainer.steps_done - 1
            bar.update(1)

        def report(progress: Progress) -> None:
            bar.update(progress.step - bar.n)
            bar.set_postfix_str(
                f"loss {progress.loss:.3g}, held out {progress.held_out:.3g}", refresh=False
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
            on_epoch(progress)

        return trainer.train(images, held_out, report, stepped)


def measure(scores: Mapping[str, DetectionScores], part: str, people: Photographs) -> Row:
    """The norms of the saved detector on one part, and of its principal components."""
    columns: dict[str, Measurement] = {}
    for name, each in scores.items():
        found = each.measure(people.images, batch_size=16)
        if not name:
            columns |= {norm: over_people.mean(found[norm], people.people) for norm in NORMS}
        rmse = found["l2"] / np.sqrt(people.images[0].size)
        columns[f"rmse_{name}" if name else "rmse"] = over_people.mean(rmse, people.people)
    return Row(part, columns)


def tell_apart(
    scores: PerturbationDetector,
    settings: DetectorTrainingSettings,
    part: str,
    people: Photographs,
) -> Row:
    """How well the saved detector tells faces of one part from the same faces perturbed."""
    rng = np.random.default_rng(settings.seed)
    normal = scores.measure(people.images, batch_size=16)
    perturbed = scores.measure(settings.perturbation(people.images, rng), batch_size=16)

    def read(rows: Array) -> dict[str, float]:
        roc = RocCurve.of(normal[rows], perturbed[rows])
        right = np.concatenate([normal[rows] < 0.0, perturbed[rows] >= 0.0])
        return {
            "accuracy": float(right.mean()),
            "auc": roc.auc(),
            "tpr_0.01": roc.detection_rate_at(0.01),
        }

    return Row(part, over_people.measured(people.people, read, shares=True))
