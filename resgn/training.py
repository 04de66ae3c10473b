"""Algorithm 1: train a ResGN on pairs of adversarial and legitimate images."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from resgn.batch_norm import recalibrate
from resgn.generator import GeneratorConfig, residual_generator
from resgn.losses import JointLoss
from resgn.schedules import SCHEDULES, Constant, Staircase, WarmCosine
from weights.atomic import atomic_path
from weights.errors import InputError

RECALIBRATION_IMAGES = 96
"""Training images over which the statistics of BatchNorm are measured before an evaluation."""


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """How a ResGN is trained. The defaults are the paper's (Section 4.2).

    Attributes:
      epochs: passes over the training set, N in Algorithm 1.
      batch_size: m in Algorithm 1.
      learning_rate: Adam's, at its highest.
      schedule: `staircase`, `cosine` or `constant`.
      decay: factor of the staircase, applied once after half of the epochs.
      warmup_steps: steps over which the cosine's rate rises to its height.
      average: decay of the running average of the weights that is evaluated and kept; 0 keeps the
        last weights themselves.
      clip_norm: longest gradient that is applied; 0 for no limit.
      evaluate_every: epochs between two looks at the held-out pairs.
      precision: Keras policy, `float32` or `mixed_bfloat16`.
      seed: of weights and order.
    """

    epochs: int = 1000
    batch_size: int = 16
    learning_rate: float = 1e-4
    schedule: str = "staircase"
    decay: float = 0.9
    warmup_steps: int = 0
    average: float = 0.0
    clip_norm: float = 0.0
    evaluate_every: int = 1
    precision: str = "float32"
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "evaluate_every"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name)}.")
        if not (self.learning_rate > 0 and math.isfinite(self.learning_rate)):
            raise InputError(f"learning_rate must be above 0, got {self.learning_rate}.")
        if self.schedule not in SCHEDULES:
            raise InputError(f"schedule must be one of {', '.join(SCHEDULES)}: {self.schedule!r}.")
        if not 0.0 <= self.average < 1.0:
            raise InputError(f"average must lie in [0, 1), got {self.average}.")


@dataclasses.dataclass(frozen=True)
class TrainingSet:
    """Adversarial images and the legitimate ones they were made of.

    The critics' view of a legitimate image never changes, so it is computed once for each image.

    Attributes:
      adversarial: uint8 `[M, H, W, 3]`.
      source: int `[M]`, row of each one's legitimate image in the arrays below.
      legitimate: uint8 `[I, H, W, 3]`.
      features: float32 `[I, F]`, texture critic; `[I, 0]` where it is not used.
      embeddings: float32 `[I, D]`, target network.
    """

    adversarial: np.ndarray
    source: np.ndarray
    legitimate: np.ndarray
    features: np.ndarray
    embeddings: np.ndarray

    def batches(self, batch_size: int, seed: int, epoch: int) -> Iterator[tuple[tf.Tensor, ...]]:
        """One epoch in an order that depends on seed and epoch alone; a short rest is left out.

        Yields adversarial and legitimate images (uint8), features and embeddings.
        """
        order = np.random.default_rng([seed, epoch]).permutation(len(self.adversarial))
        for start in range(0, len(order) - batch_size + 1, batch_size):
            rows = np.sort(order[start : start + batch_size])
            source = self.source[rows]
            yield (
                tf.constant(self.adversarial[rows]),
                tf.constant(self.legitimate[source]),
                tf.constant(self.features[source]),
                tf.constant(self.embeddings[source]),
            )


@dataclasses.dataclass(frozen=True)
class Progress:
    """What is known after an epoch.

    Attributes:
      epoch: from 1.
      step: optimiser steps so far.
      terms: mean of each weighted loss term over the epoch, and their sum as `total`.
      learning_rate: of the last step.
      images_per_second: of training alone.
      held_out: what `validate` returned, None where it was not asked.
    """

    epoch: int
    step: int
    terms: dict[str, float]
    learning_rate: float
    images_per_second: float
    held_out: dict[str, float] | None


class Trainer:
    """Trains one ResGN, resumably.

    After every epoch all that training needs lies in `folder`; a killed training continues there
    from its last epoch to the same weights. The weights that did best on the held-out pairs are
    kept as `best.h5`.

    Args:
      generator: the network's size.
      loss: Eq. 6 with its critics.
      config: how to train.
      folder: for checkpoints and weights.
    """

    def __init__(
        self, generator: GeneratorConfig, loss: JointLoss, config: TrainingConfig, folder: Path
    ) -> None:
        tf.keras.utils.set_random_seed(config.seed)
        self._loss, self._config, self._folder = loss, config, folder
        self.model = residual_generator(generator, config.precision)
        # Evaluation has a network of its own: averaged weights, statistics measured for them.
        self.averaged = residual_generator(generator, config.precision, batch_norm_momentum=0.0)
        self._variables = self.model.trainable_variables
        self._averages = self.averaged.trainable_variables
        for average, variable in zip(self._averages, self._variables, strict=True):
            average.assign(variable)
        self._epoch = tf.Variable(0, dtype=tf.int64)
        self._best = tf.Variable(-math.inf, dtype=tf.float64)
        self.traces = 0

    def train(
        self,
        data: TrainingSet,
        validate: Callable[[tf.keras.Model], dict[str, float]],
        report: Callable[[Progress], None] = lambda progress: None,
        on_step: Callable[[], None] = lambda: None,
    ) -> tf.keras.Model:
        """Train to the end and return the network that did best on the held-out pairs.

        Args:
          data: the training set.
          validate: from a network to rates in [0, 1] on held-out pairs; their mean ranks networks.
          report: called after each epoch.
          on_step: called after each step.

        Returns:
          The best network, frozen, with averaged weights and fitting statistics.

        Raises:
          InputError: fewer images than a batch, or a loss that is not finite.
        """
        config = self._config
        steps_per_epoch = len(data.adversarial) // config.batch_size
        if not steps_per_epoch:
            raise InputError(
                f"{len(data.adversarial)} training examples do not fill a batch of "
                f"{config.batch_size}: lower --batch_size or ask for more pairs."
            )
        step = self._compile(steps_per_epoch)
        checkpoint = tf.train.Checkpoint(
            model=self.model,
            averaged=self.averaged,
            optimizer=self._optimizer,
            epoch=self._epoch,
            best=self._best,
        )
        manager = tf.train.CheckpointManager(
            checkpoint, str(self._folder / "checkpoints"), max_to_keep=2
        )
        if manager.latest_checkpoint:
            checkpoint.restore(manager.latest_checkpoint).expect_partial()

        for epoch in range(int(self._epoch), config.epochs):
            sums: dict[str, float] = {}
            began = time.perf_counter()
            for batch in data.batches(config.batch_size, config.seed, epoch):
                terms = {name: float(value) for name, value in step(*batch).items()}
                self._check_finite(terms)
                for name, value in terms.items():
                    sums[name] = sums.get(name, 0.0) + value / steps_per_epoch
                on_step()
            seconds = time.perf_counter() - began
            held_out = None
            last = epoch + 1 == config.epochs
            if last or (epoch + 1) % config.evaluate_every == 0:
                self._recalibrate(data)
                held_out = validate(self.averaged)
                score = float(np.mean(list(held_out.values())))
                if score >= float(self._best):
                    self._best.assign(score)
                    with atomic_path(self._folder / "best.h5") as path:
                        self.averaged.save_weights(path)
            self._epoch.assign(epoch + 1)
            manager.save(checkpoint_number=epoch + 1)
            report(
                Progress(
                    epoch=epoch + 1,
                    step=int(self._optimizer.iterations),
                    terms={**sums, "total": sum(sums.values())},
                    learning_rate=float(self._optimizer.learning_rate),
                    images_per_second=steps_per_epoch * config.batch_size / seconds,
                    held_out=held_out,
                )
            )
        self.averaged.load_weights(self._folder / "best.h5")
        self.averaged.trainable = False
        return self.averaged

    def _schedule(self, steps_per_epoch: int) -> tf.keras.optimizers.schedules.LearningRateSchedule:
        config = self._config
        steps = steps_per_epoch * config.epochs
        if config.schedule == "cosine":
            return WarmCosine(config.learning_rate, config.warmup_steps, steps)
        if config.schedule == "staircase":
            return Staircase(config.learning_rate, config.decay, max(1, steps // 2))
        return Constant(config.learning_rate)

    def _compile(self, steps_per_epoch: int) -> Callable[..., dict[str, tf.Tensor]]:
        config = self._config
        self._optimizer = tf.keras.optimizers.Adam(
            self._schedule(steps_per_epoch),
            beta_1=0.9,
            global_clipnorm=config.clip_norm or None,
            jit_compile=False,
        )
        self._optimizer.build(self._variables)

        @tf.function
        def step(
            adversarial: tf.Tensor,
            legitimate: tf.Tensor,
            features: tf.Tensor,
            embeddings: tf.Tensor,
        ) -> dict[str, tf.Tensor]:
            self.traces += 1
            adversarial = tf.cast(adversarial, tf.float32) / 255.0
            legitimate = tf.cast(legitimate, tf.float32) / 255.0
            with tf.GradientTape() as tape:
                cleaned = self.model(adversarial, training=True)
                terms = self._loss(cleaned, legitimate, features, embeddings)
                terms = {name: tf.reduce_mean(term) for name, term in terms.items()}
                total = tf.add_n(list(terms.values()))
            gradients = tape.gradient(total, self._variables)
            self._optimizer.apply_gradients(zip(gradients, self._variables, strict=True))
            self._average()
            return terms

        return step

    def _average(self) -> None:
        # Early on the average follows quickly, so that the random start is soon forgotten.
        steps = tf.cast(self._optimizer.iterations, tf.float32)
        decay = tf.minimum(self._config.average, steps / (steps + 10.0))
        for average, variable in zip(self._averages, self._variables, strict=True):
            average.assign_sub((1.0 - decay) * (average - variable))

    def _recalibrate(self, data: TrainingSet) -> None:
        size = min(self._config.batch_size, len(data.adversarial))
        count = max(1, min(RECALIBRATION_IMAGES, len(data.adversarial)) // size)
        rows = np.random.default_rng(self._config.seed).permutation(len(data.adversarial))
        recalibrate(
            self.averaged,
            (
                tf.constant(data.adversarial[rows[i * size : (i + 1) * size]], tf.float32) / 255.0
                for i in range(count)
            ),
        )

    def _check_finite(self, terms: dict[str, float]) -> None:
        for name, value in terms.items():
            if not math.isfinite(value):
                raise InputError(
                    f"Training stopped at step {int(self._optimizer.iterations)}: the {name} loss "
                    f"became {value}. Lower --learning_rate or set --clip_norm."
                )
