"""Training of identity classifiers: softmax over people, the best epoch on people kept out."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from mofa.arrays import Array
from mofa.identity import (
    IdentityClassifier,
    IdentityConfig,
    balanced_threshold,
    build,
    pair_similarities,
)
from mofa.triplet_loss import triplet_loss
from weights import keras_h5
from weights.errors import InputError
from weights.training_checkpoint import restore_newest


@dataclasses.dataclass(frozen=True)
class IdentityTrainingConfig:
    """How a classifier is trained.

    Attributes:
      epochs: passes over the training faces.
      batch_size: faces a step.
      learning_rate: Adam's, falling to 0 along a cosine.
      triplet_weight: of the semi-hard triplet loss on unit embeddings (Schroff et al. 2015) beside
        the cross-entropy; 0 for none.
      precision: Keras policy of hidden layers.
      seed: of weights and batches.
    """

    epochs: int = 20
    batch_size: int = 64
    learning_rate: float = 1e-3
    triplet_weight: float = 0.0
    precision: str = "float32"
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise InputError(f"`{name}` must be at least 1, got {getattr(self, name)}.")
        if not (self.learning_rate > 0 and math.isfinite(self.learning_rate)):
            raise InputError(f"`learning_rate` must be above 0, got {self.learning_rate}.")
        if not 0.0 <= self.triplet_weight < float("inf"):
            raise InputError(f"`triplet_weight` must be 0 or more, got {self.triplet_weight}.")


@dataclasses.dataclass(frozen=True)
class IdentityFaces:
    """Faces to learn from or to measure on.

    Attributes:
      inputs: codes float32 [M, 257], or images uint8 [M, S, S, 3].
      people: int [M].
    """

    inputs: Array
    people: Array


@dataclasses.dataclass(frozen=True)
class IdentityProgress:
    """What is known after an epoch.

    Attributes:
      epoch: from 1.
      loss: mean over the epoch.
      accuracy: share of training faces whose person got the largest logit.
      held_out: balanced verification accuracy on people kept out.
    """

    epoch: int
    loss: float
    accuracy: float
    held_out: float


def train_identity(
    config: IdentityConfig,
    training: IdentityTrainingConfig,
    train: IdentityFaces,
    validation: IdentityFaces,
    folder: Path,
    report: Callable[[IdentityProgress], None] = lambda progress: None,
) -> IdentityClassifier:
    """Train, keep the epoch that verifies people kept out best, calibrate the threshold on them.

    After each epoch all that training needs lies in `folder`; a killed training goes on from there.

    Args:
      config: the classifier's size; `people` must be the number of people in `train`.
      training: how.
      train: faces to learn from.
      validation: faces of other people.
      folder: for checkpoints.
      report: called after each epoch.

    Returns:
      The classifier.

    Raises:
      InputError: fewer faces than a batch, or the loss is not finite.
    """
    known, labels = np.unique(train.people, return_inverse=True)
    if len(known) != config.people:
        raise ValueError(f"people must be {len(known)}, got {config.people}")
    steps = len(labels) // training.batch_size
    if not steps:
        raise InputError(
            f"{len(labels)} faces do not fill a batch of {training.batch_size}: lower "
            "`batch_size` or give more people."
        )
    tf.keras.utils.set_random_seed(training.seed)
    model = build(config, training.precision)
    rate = tf.keras.optimizers.schedules.CosineDecay(
        training.learning_rate, steps * training.epochs
    )
    optimizer = tf.keras.optimizers.Adam(rate, jit_compile=False)
    optimizer.build(model.trainable_variables)
    done, best = tf.Variable(0, dtype=tf.int64), tf.Variable(-1.0, dtype=tf.float64)
    checkpoint = tf.train.Checkpoint(model=model, optimizer=optimizer, done=done, best=best)
    manager = tf.train.CheckpointManager(checkpoint, str(folder / "checkpoints"), max_to_keep=2)
    restore_newest(checkpoint, folder / "checkpoints")
    step = _compile(model, optimizer, training.triplet_weight)
    kept = folder / "best.h5"
    embed = _compiled(lambda x: tf.math.l2_normalize(model(x, training=False)[0], axis=-1))

    def calibrated() -> tuple[float, float]:
        """Threshold and balanced accuracy on people kept out."""
        embeddings = _in_batches(embed, validation.inputs)
        return balanced_threshold(*pair_similarities(embeddings, validation.people))

    for epoch in range(int(done), training.epochs):
        order = np.random.default_rng([training.seed, epoch]).permutation(len(labels))
        losses, hits = [], []
        for number in range(steps):
            rows = np.sort(order[number * training.batch_size :][: training.batch_size])
            seed = tf.constant([training.seed, epoch * steps + number])
            loss, right = step(
                tf.constant(train.inputs[rows]), tf.constant(labels[rows], tf.int32), seed
            )
            losses.append(float(loss))
            hits.append(float(right))
            if not math.isfinite(losses[-1]):
                raise InputError(
                    f"Training stopped in epoch {epoch + 1}: the loss is not finite. Lower "
                    "`learning_rate`."
                )
        found = calibrated()[1]
        if found > float(best):
            best.assign(found)
            keras_h5.save_weights(model, kept)
        done.assign(epoch + 1)
        manager.save(checkpoint_number=epoch + 1)
        report(IdentityProgress(epoch + 1, float(np.mean(losses)), float(np.mean(hits)), found))
    keras_h5.load_weights(model, kept)
    return IdentityClassifier(model, config, calibrated()[0])


def embed_all(classifier: IdentityClassifier, inputs: Array) -> Array:
    """Unit embeddings float32 [M, D] of codes [M, 257] or uint8 images [M, S, S, 3]."""
    return _in_batches(_compiled(classifier.embed), inputs)


def _compiled(embed: Callable[[tf.Tensor], tf.Tensor]) -> Callable[[tf.Tensor], tf.Tensor]:
    return tf.function(lambda x: embed(_to_float(x)), autograph=False, reduce_retracing=True)


def _in_batches(embed: Callable[[tf.Tensor], tf.Tensor], inputs: Array) -> Array:
    return np.concatenate(
        [embed(tf.constant(inputs[i : i + 64])).numpy() for i in range(0, len(inputs), 64)]
    )


def _to_float(inputs: tf.Tensor) -> tf.Tensor:
    """8-bit images as float32 in [0, 1]; codes as they are."""
    if inputs.dtype == tf.uint8:
        return tf.cast(inputs, tf.float32) / 255.0
    return inputs


def _compile(
    model: tf.keras.Model, optimizer: tf.keras.optimizers.Optimizer, triplet_weight: float
) -> Callable[..., tuple[tf.Tensor, tf.Tensor]]:
    @tf.function(autograph=False)
    def step(inputs: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        x = _to_float(inputs)
        if x.shape.rank == 4:
            x = augment(x, seed)
        with tf.GradientTape() as tape:
            embedding, logits = model(x, training=True)
            loss = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
            )
            if triplet_weight:
                unit = tf.math.l2_normalize(embedding, axis=-1)
                loss += triplet_weight * triplet_loss(unit, labels, margin=0.2)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        right = tf.argmax(logits, -1, tf.int32) == labels
        return loss, tf.reduce_mean(tf.cast(right, tf.float32))

    return step


def augment(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Mirror half of the images, change brightness and contrast a little.

    Args:
      images: float32 [N, S, S, 3] in [0, 1].
      seed: int [2], stateless.
    """
    seeds = tf.random.experimental.stateless_split(seed, 3)
    shape = [tf.shape(images)[0], 1, 1, 1]
    flip = tf.random.stateless_uniform(shape, seeds[0]) < 0.5
    images = tf.where(flip, tf.reverse(images, [2]), images)
    gain = tf.random.stateless_uniform(shape, seeds[1], 0.8, 1.2)
    shift = tf.random.stateless_uniform(shape, seeds[2], -0.1, 0.1)
    return tf.clip_by_value(gain * images + shift, 0.0, 1.0)
