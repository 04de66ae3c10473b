"""Training the default texture critic: softmax over people, resumable after every epoch."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from resgn.texture_critic import CriticConfig, augment, identity_classifier
from weights.errors import InputError
from weights.training_checkpoint import restore_newest

DROPOUT = 0.3
"""Behind fc7, in training alone."""


@dataclasses.dataclass(frozen=True)
class CriticTrainingConfig:
    """How a texture critic is trained. The defaults are those of `weights/vgg_face_small.h5`.

    Attributes:
      epochs: passes over the training faces.
      batch_size: faces a step.
      learning_rate: Adam's, falling to 0 along a cosine.
      seed: of weights, batches and their changes.
    """

    epochs: int = 8
    batch_size: int = 32
    learning_rate: float = 1e-3
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("epochs", 1), ("batch_size", 2)):
            if getattr(self, name) < least:
                raise InputError(f"`{name}` must be at least {least}, got {getattr(self, name)}.")
        if not (self.learning_rate > 0 and math.isfinite(self.learning_rate)):
            raise InputError(f"`learning_rate` must be above 0, got {self.learning_rate}.")


@dataclasses.dataclass(frozen=True)
class CriticProgress:
    """What is known after an epoch.

    Attributes:
      epoch: from 1.
      step: optimiser steps so far.
      loss: cross-entropy, the mean over the epoch.
      accuracy: share of faces, changed as in training, whose person got the largest logit.
      learning_rate: of the last step.
      images_per_second: over the epoch.
    """

    epoch: int
    step: int
    loss: float
    accuracy: float
    learning_rate: float
    images_per_second: float


class CriticTrainer:
    """Trains one texture critic.

    After every epoch all that training needs lies in `folder`; a killed training continues there
    from its last epoch to the same weights.

    Attributes:
      model: of `identity_classifier`.

    Args:
      size: of the critic.
      config: how to train.
      people: number of people to tell apart.
      folder: for checkpoints.
    """

    def __init__(
        self, size: CriticConfig, config: CriticTrainingConfig, people: int, folder: Path
    ) -> None:
        tf.keras.utils.set_random_seed(config.seed)
        self.model = identity_classifier(size, people)
        self._size, self._config, self._folder = size, config, folder
        self._epoch = tf.Variable(0, dtype=tf.int64, trainable=False)

    def train(
        self,
        images: NDArray[np.uint8],
        people: NDArray[Any],
        rows: NDArray[np.integer],
        report: Callable[[CriticProgress], None] = lambda progress: None,
        on_step: Callable[[int], None] = lambda step: None,
    ) -> tf.keras.Model:
        """Train to the end.

        Args:
          images: uint8 `[M, H, W, 3]`.
          people: int `[M]`, whose each is.
          rows: int `[N]`, the faces to learn from.
          report: called after each epoch.
          on_step: called with the number of steps so far, at first with that of an earlier part.

        Returns:
          The classifier.

        Raises:
          InputError: fewer faces than a batch, or a loss that is not finite.
        """
        config = self._config
        labels = np.unique(people[rows], return_inverse=True)[1]
        steps = len(rows) // config.batch_size
        if not steps:
            raise InputError(
                f"{len(rows)} training images do not fill a batch of {config.batch_size}: lower "
                "`batch_size` or give more images."
            )
        rate = tf.keras.optimizers.schedules.CosineDecay(
            config.learning_rate, steps * config.epochs
        )
        optimizer = tf.keras.optimizers.Adam(rate, jit_compile=False)
        optimizer.build(self.model.trainable_variables)
        checkpoint = tf.train.Checkpoint(model=self.model, optimizer=optimizer, epoch=self._epoch)
        folder = self._folder / "checkpoints"
        manager = tf.train.CheckpointManager(checkpoint, str(folder), max_to_keep=2)
        restore_newest(checkpoint, folder)
        train_step = self._compile(optimizer)
        on_step(int(optimizer.iterations))
        for epoch in range(int(self._epoch), config.epochs):
            losses, hits, began = [], [], time.perf_counter()
            for number, chosen in enumerate(self._batches(len(rows), epoch), epoch * steps):
                loss, right = train_step(
                    tf.constant(images[rows[chosen]]),
                    tf.constant(labels[chosen], tf.int32),
                    tf.constant([config.seed, number]),
                )
                losses.append(float(loss))
                hits.append(float(right))
                if not math.isfinite(losses[-1]):
                    raise InputError(
                        f"Training stopped at step {number + 1}: the loss became {losses[-1]}. "
                        "Lower `learning_rate`."
                    )
                on_step(number + 1)
            self._epoch.assign(epoch + 1)
            manager.save(checkpoint_number=epoch + 1)
            report(
                CriticProgress(
                    epoch=epoch + 1,
                    step=(epoch + 1) * steps,
                    loss=float(np.mean(losses)),
                    accuracy=float(np.mean(hits)),
                    learning_rate=float(rate((epoch + 1) * steps - 1)),
                    images_per_second=steps * config.batch_size / (time.perf_counter() - began),
                )
            )
        self.model.trainable = False
        return self.model

    def _batches(self, count: int, epoch: int) -> Iterator[NDArray[np.integer]]:
        """One epoch in an order that depends on seed and epoch alone; a short rest is left out."""
        size = self._config.batch_size
        order = np.random.default_rng([self._config.seed, epoch]).permutation(count)
        for start in range(0, count - size + 1, size):
            yield order[start : start + size]

    def _compile(
        self, optimizer: tf.keras.optimizers.Optimizer
    ) -> Callable[..., tuple[tf.Tensor, tf.Tensor]]:
        model, side = self.model, self._size.input_size
        features = tf.keras.Model(model.input, model.get_layer("fc7_relu").output)
        classify = model.get_layer("fc8")

        @tf.function(autograph=False)
        def step(
            images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor
        ) -> tuple[tf.Tensor, tf.Tensor]:
            seeds = tf.random.experimental.stateless_split(seed, 2)
            x = augment(tf.cast(images, tf.float32) / 255.0, seeds[0])
            x = tf.image.resize(x, [side, side])  # as vgg_face itself does
            with tf.GradientTape() as tape:
                seen = features(x, training=True)
                # Keras' own layer would draw anew from the beginning when a training goes on.
                logits = classify(tf.nn.experimental.stateless_dropout(seen, DROPOUT, seeds[1]))
                loss = tf.reduce_mean(
                    tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
                )
            gradients = tape.gradient(loss, model.trainable_variables)
            optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
            right = tf.argmax(logits, -1, tf.int32) == labels
            return loss, tf.reduce_mean(tf.cast(right, tf.float32))

        return step
