"""What a ResGN learns from and is judged by in its training: attacked images, or noisy ones."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from experiments.face_verification.measured_noise import DRAWS, measured_noise
from experiments.face_verification.monitoring import log_panels
from experiments.face_verification.noisy_pairs import noisy_distances
from experiments.face_verification.verification_experiment import VerificationExperiment
from experiments.running.run import Run
from resgn.calibration import RocCurve
from resgn.smoothing import Denoiser, GaussianNoise
from resgn.smoothing.denoiser import WHITENING
from resgn.verification_set import COLUMNS

VALIDATION_DRAWS, VALIDATION_SEED = 2, 1
"""Noisy copies of each validation probe, and what seeds them."""


@dataclasses.dataclass(frozen=True, eq=False)
class Told:
    """What a trained network's file holds beside the network.

    Attributes:
      about: its attributes.
      beside: arrays, as further layers.
    """

    about: Mapping[str, str | int | float]
    beside: dict[str, dict[str, np.ndarray]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, eq=False)
class Lesson:
    """One training's data beside the legitimate images of the experiment.

    Attributes:
      shown: uint8 `[M, H, W, 3]`, what the network is shown, before noise.
      source: int `[M]`, the legitimate image that each should become.
      content: all arrays that decide what is learned.
      validate: from a network to rates in [0, 1] on held-out pairs.
      told: from the trained network to what its file says of all this.
      show: panels for TensorBoard: run, row, step, network.
    """

    shown: np.ndarray
    source: np.ndarray
    content: list[np.ndarray]
    validate: Callable[[tf.keras.Model], dict[str, float]]
    told: Callable[[tf.keras.Model], Told]
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
    told = Told({"threshold": train.threshold, "epsilon": epsilon})
    return Lesson(train.adversarial, train.probe, content, validate, lambda _: told, show)


def against_noise(experiment: VerificationExperiment, noise: GaussianNoise) -> Lesson:
    """Every image of the training pairs, under noise that is drawn anew in each step.

    Args:
      experiment: faces and target; nothing is attacked.
      noise: of the training.
    """
    legitimate = experiment.legitimate
    drawn = legitimate.learned_from
    source = np.unique(np.r_[drawn.probe, drawn.reference])
    validation = legitimate.parts["validation"]
    defended = functools.cache(experiment.defended)

    def validate(cleaner: tf.keras.Model) -> dict[str, float]:
        embed, seeds = defended(cleaner), (noise.seed, VALIDATION_SEED)
        found = noisy_distances(embed, legitimate, validation, noise.sigma, VALIDATION_DRAWS, seeds)
        curve = RocCurve.of(found.ravel(), np.repeat(validation.same, VALIDATION_DRAWS))
        return {"equal_rate": 1.0 - curve.equal_error_rate()}

    def told(cleaner: tf.keras.Model) -> Told:
        whitening, threshold = measured_noise(experiment, cleaner, noise)
        about = Denoiser.about(noise.sigma, threshold, DRAWS)
        return Told(about, {WHITENING: whitening.layer()})

    def show(run: Run, name: str, step: int, cleaner: tf.keras.Model) -> None:
        images = legitimate.images[validation.probe[:4]] / np.float32(255)
        noisy = noise(tf.constant(images), tf.constant(-1, tf.int64))
        panel = np.concatenate([images, np.clip(noisy, 0, 1), cleaner(noisy).numpy()], axis=2)
        run.log_images(name, step, {"validation: legitimate, noisy, cleaned": panel})

    content = [legitimate.images, source, drawn.probe, drawn.reference, drawn.same]
    content += [validation.probe, validation.reference, validation.same]
    return Lesson(legitimate.images[source], source, content, validate, told, show)
