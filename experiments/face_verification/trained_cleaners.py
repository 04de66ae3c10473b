"""ResGNs by their recipes: from the user's cache, or trained and kept there."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tqdm

from experiments.face_verification import cleaner_cache, monitoring
from experiments.face_verification.adversarial_training import CraftedThrough
from experiments.face_verification.cleaner_recipe import CleanerRecipe
from experiments.face_verification.lessons import Lesson, against_attacks, against_noise
from experiments.face_verification.trained_elsewhere import warn_of_people
from experiments.face_verification.verification_experiment import VerificationExperiment
from experiments.running.json_files import read_kept, write_json
from experiments.running.run import Run
from resgn.losses import TERMS
from resgn.saved_generator import about_target, load_generator, save_generator
from resgn.smoothing.noise import GaussianNoise
from resgn.training import Progress, Trainer
from resgn.training_set import TrainingSet
from weights import files

_log = logging.getLogger(__name__)


class TrainedCleaners:
    """ResGNs for one experiment, logged and left in the folder of one run.

    One that was trained before by the same recipe on the same data is taken from the user's cache.
    Otherwise it is trained in the run's folder, where a killed training goes on. In both cases the
    course of its training is logged and the network left as `cleaners/<name>.h5`.

    Args:
      experiment: faces, target and critics.
      run: logs and folder.
    """

    def __init__(self, experiment: VerificationExperiment, run: Run) -> None:
        self._experiment, self._run = experiment, run

    def recipe(
        self,
        name: str,
        epsilon: float,
        terms: tuple[str, ...] = TERMS,
        adversary: CraftedThrough | None = None,
        from_zero: bool = False,
        noise: GaussianNoise | None = None,
    ) -> CleanerRecipe:
        """The recipe that the experiment's settings give for a loss and an intensity, or noise."""
        settings = self._experiment.settings
        start = settings.start_from
        digest = files.sha256(Path(start).expanduser()) if start else None
        return CleanerRecipe.of(settings, name, epsilon, terms, adversary, digest, from_zero, noise)

    def get(self, recipe: CleanerRecipe) -> tf.keras.Model:
        """The network, frozen, from images `[N, H, W, 3]` in [0, 1] to the same."""
        experiment, run = self._experiment, self._run
        if experiment.settings.start_from:
            warn_of_people(experiment.settings.start_from)
        with experiment.preparing:
            lesson = self._lesson(recipe)
            monitoring.log_hyperparameters(run, recipe.name, recipe.shown())
            critics = experiment.critics
            key = recipe.key(
                experiment.legitimate.threshold, critics.names, critics.further_names()
            )
            seen = [judge.views for judge in critics.further.values() if "critics" in key]
            entry = cleaner_cache.entry_name(key, [*lesson.content, *seen])
            kept = cleaner_cache.read(entry, recipe.training.precision)
        if experiment.devices.everyone(kept is not None) and kept is not None:
            _log.info("%s: trained before by the same recipe, taken from the cache.", recipe.name)
            for progress in kept.history:
                run.log(recipe.name, progress.step, scalars(progress))
            model = kept.model
            monitoring.log_weights(run, recipe.name, kept.history[-1].step, model)
        else:
            model, history = self._train(recipe, lesson)
            if experiment.devices.chief:
                cleaner_cache.keep(entry, model, recipe.generator, key, history)
        monitoring.log_graph(run, recipe.name, model)
        file = run.folder / "cleaners" / f"{recipe.name}.h5"
        told = lesson.told(model)
        save_generator(
            model, recipe.generator, file, {**self._about(recipe), **told.about}, told.beside
        )
        return model

    def _lesson(self, recipe: CleanerRecipe) -> Lesson:
        if recipe.noise is not None:
            return against_noise(self._experiment, recipe.noise)
        return against_attacks(self._experiment, recipe.epsilon, recipe.from_zero)

    def _about(self, recipe: CleanerRecipe) -> dict[str, Any]:
        further = self._experiment.settings.further_critics() if recipe.weights.verification else ()
        return {
            **({"further_critics": ", ".join(further)} if further else {}),
            **about_target(self._experiment.target),
            "dataset": self._experiment.dataset.name,
            "loss": "+".join(recipe.weights.active()),
            "epochs": recipe.training.epochs,
            "adversarial_training": recipe.adversary is not None,
            "from_zero": recipe.from_zero,
            "image_range": self._experiment.settings.image_range,
        }

    def _train(
        self, recipe: CleanerRecipe, lesson: Lesson
    ) -> tuple[tf.keras.Model, list[Progress]]:
        experiment, run, name = self._experiment, self._run, recipe.name
        folder = Path("training") / name
        with experiment.preparing:
            trainer = Trainer(
                recipe.generator,
                experiment.critics.loss(recipe.weights),
                recipe.training,
                run.shared / folder,
                experiment.devices.strategy,
                experiment.settings.jit,
                recipe.adversary,
                recipe.noise,
            )
            if experiment.settings.start_from:
                start = load_generator(experiment.settings.start_from)
                if told := start.told_of(experiment.target):
                    _log.warning("%s", told)
                trainer.start_from(start)
            data = TrainingSet(
                lesson.shown,
                lesson.source,
                experiment.legitimate.images,
                self._features(recipe),
                experiment.legitimate.embeddings,
                experiment.critics.views if recipe.weights.verification else (),
            )
        record = run.folder / folder / "history.json"
        steps = recipe.training.epochs * (len(lesson.source) // recipe.training.batch_size)
        with tqdm.tqdm(total=steps, desc=f"training {name}", unit="step", leave=False) as bar:

            def report(progress: Progress) -> None:
                bar.update(progress.step - bar.n)  # a resumed training starts further on
                _remember(record, progress)
                run.log(name, progress.step, scalars(progress))
                monitoring.log_weights(run, name, progress.step, trainer.averaged)
                lesson.show(run, name, progress.step, trainer.averaged)

            model = trainer.train(data, lesson.validate, report, lambda: bar.update(1) and None)
        return model, _history(record)

    def _features(self, recipe: CleanerRecipe) -> np.ndarray:
        if recipe.weights.texture:
            return self._experiment.critics.features
        return np.zeros((len(self._experiment.legitimate.images), 0), np.float32)


def _history(record: Path) -> list[Progress]:
    """What was reported after each epoch so far, also before a training was killed."""
    return read_kept(record, lambda kept: [Progress(**progress) for progress in kept]) or []


def _remember(record: Path, progress: Progress) -> None:
    earlier = [before for before in _history(record) if before.epoch < progress.epoch]
    write_json(record, [dataclasses.asdict(each) for each in (*earlier, progress)])


def scalars(progress: Progress) -> dict[str, float]:
    """What TensorBoard shows of an epoch."""
    values = {f"loss/{term}": value for term, value in progress.terms.items()}
    values["learning_rate"] = progress.learning_rate
    values["images_per_second"] = progress.images_per_second
    for column, value in (progress.held_out or {}).items():
        values[f"validation/{column}"] = value
    return values
