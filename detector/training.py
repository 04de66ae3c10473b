"""Training a detector on normal images alone (Teng 2021, Eq. 2 and Section 4.1).

What it is to learn from them is a `Lesson`: to reconstruct them, as in the paper, or another one.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
import tensorflow as tf

from detector.images import Images
from detector.scores import reconstruction_norms
from weights.errors import InputError
from weights.training_checkpoint import restore_newest

CHOICES = {
    "optimizer": ("sgd", "adam"),
    "loss": ("norm", "squared"),
    "schedule": ("halved", "cosine"),
}
"""The values that settings have which are names."""


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """How a detector is trained. The defaults are the paper's.

    Attributes:
      epochs: passes over the training set.
      batch_size: images a step.
      optimizer: `sgd`, stochastic gradient descent, or `adam`.
      loss: of an image's error, `norm`, its Euclidean norm (Eq. 2), or `squared`, that squared; for
        `Reconstruction` alone.
      schedule: `halved` every few epochs, or `cosine`, from the learning rate to 0.
      learning_rate: at the beginning.
      momentum: of stochastic gradient descent.
      halve_every: epochs after which the learning rate is halved.
      mirror: show half of the images mirrored; not in the paper.
      seed: of the order of images.
    """

    epochs: int = 30
    batch_size: int = 128
    optimizer: str = "sgd"
    loss: str = "norm"
    schedule: str = "halved"
    learning_rate: float = 0.1
    momentum: float = 0.9
    halve_every: int = 10
    mirror: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "halve_every"):
            if getattr(self, name) < 1:
                raise InputError(f"`{name}` must be at least 1, got {getattr(self, name)}.")
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                raise InputError(
                    f"`{name}` must be {' or '.join(known)}, got {getattr(self, name)!r}."
                )
        if not (self.learning_rate > 0 and math.isfinite(self.learning_rate)):
            raise InputError(f"`learning_rate` must be above 0, got {self.learning_rate}.")
        if not 0.0 <= self.momentum < 1.0:
            raise InputError(f"`momentum` must lie in [0, 1), got {self.momentum}.")

    def rate(self, step: int, steps_per_epoch: int) -> float:
        """The learning rate of a step, counted from 0."""
        if self.schedule == "cosine":
            done = step / (self.epochs * steps_per_epoch)
            return self.learning_rate * 0.5 * (1.0 + math.cos(math.pi * done))
        return self.learning_rate * 0.5 ** (step // steps_per_epoch // self.halve_every)


@dataclasses.dataclass(frozen=True)
class Progress:
    """What is known after an epoch.

    Attributes:
      epoch: from 1.
      step: optimiser steps so far.
      loss: the mean of what the lesson watches over the epoch's training images: Eq. 2, say.
      held_out: the same over the held-out images; None where there are none.
      learning_rate: of the epoch's first step.
      images_per_second: of training alone.
    """

    epoch: int
    step: int
    loss: float
    held_out: float | None
    learning_rate: float
    images_per_second: float


class Lesson(Protocol):
    """What a detector is to learn from normal images.

    Attributes:
      watched: what `losses` gives is called, for messages.
    """

    watched: str

    def shown(self, batch: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """What is looked at of images uint8 `[N, H, W, 3]`: uint8 `[N, ...]`."""

    def losses(self, model: tf.keras.Model, shown: tf.Tensor, training: bool) -> tf.Tensor:
        """What is watched, float32 `[N]`, of what `shown` gave, float32 in [0, 1]."""

    def minimised(self, losses: tf.Tensor) -> tf.Tensor:
        """What training minimises, a scalar, from what is watched `[N]`."""


class Reconstruction:
    """To reconstruct the images (Eq. 2).

    Args:
      loss: of an image's error, see `TrainingConfig`.
    """

    watched = "reconstruction loss"

    def __init__(self, loss: str = "norm") -> None:
        self._loss = loss

    def shown(self, batch: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The images."""
        del rng
        return batch

    def losses(self, model: tf.keras.Model, shown: tf.Tensor, training: bool) -> tf.Tensor:
        """The Euclidean norms of the errors."""
        return reconstruction_norms(shown, model(shown, training=training))["l2"]

    def minimised(self, losses: tf.Tensor) -> tf.Tensor:
        """Their mean, or that of their squares."""
        return tf.reduce_mean(tf.square(losses) if self._loss == "squared" else losses)


class Trainer:
    """Trains one detector, resumably.

    After every epoch all that training needs lies in `folder`; a killed training continues there
    from its last epoch to the same weights. The last epoch's weights are the result.

    Args:
      model: of `autoencoder`, with the weights to start from.
      config: how to train.
      folder: for checkpoints.
      lesson: what is to be learned; to reconstruct by default.
    """

    def __init__(
        self,
        model: tf.keras.Model,
        config: TrainingConfig,
        folder: Path,
        lesson: Lesson | None = None,
    ) -> None:
        self.model, self._config, self._folder = model, config, folder
        self._lesson = lesson or Reconstruction(config.loss)
        self._variables = self.model.trainable_variables
        self._optimizer = _optimizer(config)
        self._optimizer.build(self._variables)
        self._epoch = tf.Variable(0, dtype=tf.int64, trainable=False)
        self.traces = 0
        self._step = tf.function(self._traced_step, autograph=False)
        self._judge = tf.function(self._watched, autograph=False)

    @property
    def steps_done(self) -> int:
        """Optimiser steps so far, those before a continuation included."""
        return int(self._optimizer.iterations)

    def train(
        self,
        images: Images,
        held_out: Images | None = None,
        report: Callable[[Progress], None] = lambda progress: None,
        on_step: Callable[[], None] = lambda: None,
    ) -> tf.keras.Model:
        """Train to the end.

        Args:
          images: normal images.
          held_out: others, to watch the loss on; they decide nothing.
          report: called after each epoch.
          on_step: called after each step.

        Returns:
          The network, frozen.

        Raises:
          InputError: fewer images than a batch, or a loss that is not finite.
        """
        config = self._config
        steps = len(images) // config.batch_size
        if not steps:
            raise InputError(
                f"{len(images)} training images do not fill a batch of {config.batch_size}: lower "
                "`batch_size` or give more images."
            )
        checkpoint = tf.train.Checkpoint(
            model=self.model, optimizer=self._optimizer, epoch=self._epoch
        )
        manager = tf.train.CheckpointManager(
            checkpoint, str(self._folder / "checkpoints"), max_to_keep=2
        )
        restore_newest(checkpoint, self._folder / "checkpoints")
        for epoch in range(int(self._epoch), config.epochs):
            total, began = 0.0, time.perf_counter()
            for number, batch in enumerate(self._batches(images, epoch), epoch * steps):
                self._optimizer.learning_rate.assign(config.rate(number, steps))
                loss = float(self._step(batch))
                if not math.isfinite(loss):
                    raise InputError(
                        f"Training stopped at step {int(self._optimizer.iterations)}: the "
                        f"{self._lesson.watched} became {loss}. Lower `learning_rate`."
                    )
                total += loss
                on_step()
            seconds = time.perf_counter() - began
            self._epoch.assign(epoch + 1)
            manager.save(checkpoint_number=epoch + 1)
            report(
                Progress(
                    epoch=epoch + 1,
                    step=int(self._optimizer.iterations),
                    loss=total / steps,
                    held_out=None if held_out is None else self._mean(held_out),
                    learning_rate=config.rate(epoch * steps, steps),
                    images_per_second=steps * config.batch_size / seconds,
                )
            )
        self.model.trainable = False
        return self.model

    def _batches(self, images: Images, epoch: int) -> Iterator[tf.Tensor]:
        """One epoch in an order that depends on seed and epoch alone; a short rest is left out."""
        size = self._config.batch_size
        rng = np.random.default_rng([self._config.seed, epoch])
        order = rng.permutation(len(images))
        for start in range(0, len(order) - size + 1, size):
            batch = np.array(images[np.sort(order[start : start + size])])
            if self._config.mirror:
                mirrored = rng.random(size) < 0.5
                batch[mirrored] = batch[mirrored, :, ::-1]
            yield tf.constant(self._lesson.shown(batch, rng), tf.uint8)

    def _traced_step(self, batch: tf.Tensor) -> tf.Tensor:
        self.traces += 1
        shown = tf.cast(batch, tf.float32) / 255.0
        with tf.GradientTape() as tape:
            losses = self._lesson.losses(self.model, shown, training=True)
            loss = self._lesson.minimised(losses)
        gradients = tape.gradient(loss, self._variables)
        self._optimizer.apply_gradients(zip(gradients, self._variables, strict=True))
        return tf.reduce_mean(losses)

    def _watched(self, batch: tf.Tensor) -> tf.Tensor:
        shown = tf.cast(batch, tf.float32) / 255.0
        return self._lesson.losses(self.model, shown, training=False)

    def _mean(self, images: Images) -> float:
        size = min(self._config.batch_size, len(images))
        rng = np.random.default_rng(self._config.seed)  # of every epoch the same
        found = []
        for start in range(0, len(images), size):
            # A short rest is filled up with its last image: one shape, one trace.
            rows = np.arange(start, start + size)
            batch = self._lesson.shown(images[np.minimum(rows, len(images) - 1)], rng)
            found.append(self._judge(tf.constant(batch, tf.uint8)).numpy()[: len(images) - start])
        return float(np.mean(np.concatenate(found)))


def _optimizer(config: TrainingConfig) -> tf.keras.optimizers.Optimizer:
    if config.optimizer == "adam":
        return tf.keras.optimizers.Adam(config.learning_rate, jit_compile=False)
    return tf.keras.optimizers.SGD(
        config.learning_rate, momentum=config.momentum, jit_compile=False
    )
