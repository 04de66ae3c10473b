"""What a ResGN learns from and is judged by in its training: attacked images, or noisy ones."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from experiments.face_verification.monitoring import log_panels
from experiments.face_verification.noisy_pairs import noisy_distances
from experiments.face_verification.verification_experiment import VerificationExperiment
from experiments.running.run import Run
from resgn.calibration import RocCurve
from resgn.faces.pairs import Pairs
from resgn.smoothing import Denoiser, GaussianNoise, noisy_threshold
from resgn.verification_set import COLUMNS

VALIDATION_DRAWS, VALIDATION_SEED = 2, 1
"""Noisy copies of each validation probe, and what seeds them."""

THRESHOLD_PAIRS, THRESHOLD_DRAWS, THRESHOLD_SEED = 250, 8, 2
"""Training pairs of each kind at most, and noisy copies of each probe, that set the threshold."""


@dataclasses.dataclass(frozen=True, eq=False)
class Lesson:
    """One training's data beside the legitimate images of the experiment.

    Attributes:
      shown: uint8 `[M, H, W, 3]`, what the network is shown, before noise.
      source: int `[M]`, the legitimate image that each should become.
      content: all arrays that decide what is learned.
      validate: from a network to rates in [0, 1] on held-out pairs.
      about: from the trained network to what its file says of all this.
      show: panels for TensorBoard: run, row, step, network.
    """

    shown: np.ndarray
    source: np.ndarray
    content: list[np.ndarray]
    validate: Callable[[tf.keras.Model], dict[str, float]]
    about: Callable[[tf.keras.Model], dict[str, Any]]
    show: Callable[[Run, str, int, tf.keras.Model], None]


def against_attacks(
    experiment: VerificationExperiment, epsilon: float, from_zero: bool = False
) -> Lesson:
    """The training probes under FGSM, as Algorithm 1 has it.

    Args:
      experiment: faces, target, attacked sets.
      epsilon: intensity of the attack.
      from_zero: every intensity from none up to that.
    """
    train = experiment.sets.training(epsilon, from_zero)
    validation = experiment.sets.attacked("validation", epsilon)
    defended = functools.cache(experiment.defended)  # compiled once for all epochs

    def validate(cleaner: tf.keras.Model) -> dict[str, float]:
        outcomes = validation.outcomes(defended(cleaner))
        return {column: float(np.mean(outcomes[column])) for column in COLUMNS}

    def show(run: Run, name: str, step: int, cleaner: tf.keras.Model) -> None:
        log_panels(run, name, step, cleaner, "validation", validation, epsilon)

    content = [
        array
        for part in (train, validation)
        for array in (part.adversarial, part.probe, part.reference, part.same, part.images)
    ]
    about = {"threshold": train.threshold, "epsilon": epsilon}
    return Lesson(train.adversarial, train.probe, content, validate, lambda _: about, show)


def against_noise(experiment: VerificationExperiment, noise: GaussianNoise) -> Lesson:
    """Every image of the training pairs, under noise that is drawn anew in each step.

    Args:
      experiment: faces and target; nothing is attacked.
      noise: of the training.
    """
    legitimate = experiment.legitimate
    drawn = legitimate.parts["train"] if legitimate.drawn is None else legitimate.drawn
    source = np.unique(np.r_[drawn.probe, drawn.reference])
    validation = legitimate.parts["validation"]
    defended = functools.cache(experiment.defended)

    def distances(cleaner: tf.keras.Model, pairs: Pairs, draws: int, seed: int) -> np.ndarray:
        seeds = (noise.seed, seed)
        return noisy_distances(defended(cleaner), legitimate, pairs, noise.sigma, draws, seeds)

    def validate(cleaner: tf.keras.Model) -> dict[str, float]:
        found = distances(cleaner, validation, VALIDATION_DRAWS, VALIDATION_SEED)
        curve = RocCurve.of(found.ravel(), np.repeat(validation.same, VALIDATION_DRAWS))
        return {"equal_rate": 1.0 - curve.equal_error_rate()}

    def about(cleaner: tf.keras.Model) -> dict[str, Any]:
        rows = [np.flatnonzero(drawn.same == kind)[:THRESHOLD_PAIRS] for kind in (True, False)]
        some = drawn.select(np.concatenate(rows))
        found = distances(cleaner, some, THRESHOLD_DRAWS, THRESHOLD_SEED)
        return Denoiser.about(noise.sigma, noisy_threshold(found, some.same))

    def show(run: Run, name: str, step: int, cleaner: tf.keras.Model) -> None:
        images = legitimate.images[validation.probe[:4]] / np.float32(255)
        noisy = noise(tf.constant(images), tf.constant(-1, tf.int64))
        panel = np.concatenate([images, np.clip(noisy, 0, 1), cleaner(noisy).numpy()], axis=2)
        run.log_images(name, step, {"validation: legitimate, noisy, cleaned": panel})

    content = [legitimate.images, source, drawn.probe, drawn.reference, drawn.same]
    content += [validation.probe, validation.reference, validation.same]
    return Lesson(legitimate.images[source], source, content, validate, about, show)
