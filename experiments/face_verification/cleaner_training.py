"""One ResGN for given losses and attack intensity: from the cache, or trained and kept there."""

from __future__ import annotations

import dataclasses
import functools
import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tqdm

from experiments.face_verification import monitoring, trained_cleaners
from experiments.face_verification.adversarial_training import CraftedThrough
from experiments.face_verification.verification_experiment import VerificationExperiment
from experiments.flags.face_flags import START_FROM
from experiments.flags.strategy_flags import JIT
from experiments.running.results import write_json
from experiments.running.run import Run
from resgn.losses import TERMS, LossWeights
from resgn.saved_generator import load_generator, save_generator
from resgn.training import Progress, Trainer, TrainingConfig
from resgn.training_set import TrainingSet
from resgn.verification_set import COLUMNS, VerificationSet
from weights import files

_log = logging.getLogger(__name__)


def trained_cleaner(
    experiment: VerificationExperiment,
    run: Run,
    name: str,
    epsilon: float,
    terms: tuple[str, ...] = TERMS,
    epochs: int | None = None,
    adversary: CraftedThrough | None = None,
) -> tf.keras.Model:
    """The ResGN that learned to clean FGSM of one intensity.

    One that was trained before with all the same settings on the same data is taken from the
    user's cache. Otherwise it is trained in the run's folder, where a killed training goes on. In
    both cases the course of its training is logged and the network left as `cleaners/<name>.h5`.

    Args:
      experiment: faces, target and settings.
      run: logs and folder.
      name: what the ResGN is called there.
      epsilon: intensity of the attack on its training set.
      terms: of the loss; one alone weighs 1, several as the preset says.
      epochs: the preset's by default.
      adversary: for adversarial training.

    Returns:
      The network, frozen, from images `[N, H, W, 3]` in [0, 1] to the same.
    """
    training = dataclasses.replace(experiment.training, epochs=epochs or experiment.training.epochs)
    weights = LossWeights(
        **{term: getattr(experiment.preset, f"{term}_weight") for term in TERMS}
    ).only(terms)
    train = experiment.training_pairs(epsilon)
    validation = experiment.attacked("validation", epsilon)
    settings: dict[str, Any] = {
        "generator": dataclasses.asdict(experiment.generator),
        "training": dataclasses.asdict(training),
        "loss": dataclasses.asdict(weights),
        "threshold": train.threshold,
        "target": experiment.critics["target"],
        "texture": experiment.critics["texture"] if weights.texture else None,
    }
    monitoring.log_hyperparameters(
        run,
        name,
        {
            # TensorBoard shows the first five of the alphabet unless told otherwise.
            "batch_size": training.batch_size,
            "epochs": training.epochs,
            "epsilon": epsilon,
            "learning_rate": training.learning_rate,
            "losses": "+".join(terms),
            "network": " ".join(f"{k}={v}" for k, v in settings["generator"].items()),
            "precision": training.precision,
            "schedule": training.schedule,
            "weights": " ".join(f"{k}={v:g}" for k, v in settings["loss"].items()),
        },
    )
    if adversary is not None:
        settings["adversary"] = adversary.settings()
    if START_FROM.value:
        settings["start_from"] = files.sha256(Path(START_FROM.value).expanduser())
    entry = trained_cleaners.entry_name(settings, _content(train, validation))
    kept = trained_cleaners.read(entry, training.precision)
    if experiment.devices.everyone(kept is not None) and kept is not None:
        _log.info("%s: trained before with the same settings, taken from the cache.", name)
        for progress in kept.history:
            run.log(name, progress.step, scalars(progress))
        model = kept.model
        monitoring.log_weights(run, name, kept.history[-1].step, model)
    else:
        model, history = _train(
            experiment, run, name, epsilon, training, weights, train, validation, adversary
        )
        if experiment.devices.chief:
            trained_cleaners.keep(entry, model, experiment.generator, settings, history)
    about = {
        "target": experiment.preset.target,
        "threshold": train.threshold,
        "dataset": experiment.dataset.name,
        "loss": "+".join(terms),
        "epsilon": epsilon,
        "epochs": training.epochs,
        "adversarial_training": adversary is not None,
    }
    monitoring.log_graph(run, name, model)
    save_generator(model, experiment.generator, run.folder / "cleaners" / f"{name}.h5", about)
    return model


def _train(
    experiment: VerificationExperiment,
    run: Run,
    name: str,
    epsilon: float,
    training: TrainingConfig,
    weights: LossWeights,
    train: VerificationSet,
    validation: VerificationSet,
    adversary: CraftedThrough | None,
) -> tuple[tf.keras.Model, list[Progress]]:
    folder = Path("training") / name
    trainer = Trainer(
        experiment.generator,
        experiment.loss(weights),
        training,
        run.shared / folder,
        experiment.devices.strategy,
        JIT.value,
        adversary,
    )
    if START_FROM.value:
        trainer.start_from(load_generator(START_FROM.value))
    features = np.zeros((len(train.images), 0), np.float32)
    data = TrainingSet(
        train.adversarial,
        train.probe,
        train.images,
        experiment.features if weights.texture else features,
        train.embeddings,
    )
    record = run.folder / folder / "history.json"
    defended = functools.cache(experiment.defended)  # one network, compiled once for all epochs

    def validate(cleaner: tf.keras.Model) -> dict[str, float]:
        outcomes = validation.outcomes(defended(cleaner))
        return {column: float(np.mean(outcomes[column])) for column in COLUMNS}

    steps = training.epochs * (len(train) // training.batch_size)
    with tqdm.tqdm(total=steps, desc=f"training {name}", unit="step", leave=False) as bar:

        def report(progress: Progress) -> None:
            bar.update(progress.step - bar.n)  # a resumed training starts further on
            _remember(record, progress)
            run.log(name, progress.step, scalars(progress))
            monitoring.log_weights(run, name, progress.step, trainer.averaged)
            monitoring.log_panels(
                run, name, progress.step, trainer.averaged, "validation", validation, epsilon
            )

        model = trainer.train(data, validate, report, lambda: bar.update(1) and None)
    return model, _history(record)


def _history(record: Path) -> list[Progress]:
    """What was reported after each epoch so far, also before a training was killed."""
    if not record.exists():
        return []
    return [Progress(**progress) for progress in json.loads(record.read_text("utf-8"))]


def _remember(record: Path, progress: Progress) -> None:
    earlier = [before for before in _history(record) if before.epoch < progress.epoch]
    write_json(record, [dataclasses.asdict(each) for each in (*earlier, progress)])


def _content(train: VerificationSet, validation: VerificationSet) -> list[np.ndarray]:
    """All data that decides a training."""
    return [
        array
        for part in (train, validation)
        for array in (part.adversarial, part.probe, part.reference, part.same, part.images)
    ]


def scalars(progress: Progress) -> dict[str, float]:
    """What TensorBoard shows of an epoch."""
    values = {f"loss/{term}": value for term, value in progress.terms.items()}
    values["learning_rate"] = progress.learning_rate
    values["images_per_second"] = progress.images_per_second
    for column, value in (progress.held_out or {}).items():
        values[f"validation/{column}"] = value
    return values
