"""What a ResGN learns from, and the input pipeline that hands it out in batches."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np
import tensorflow as tf


class View(NamedTuple):
    """What a verification critic beside the target is told of legitimate images.

    Attributes:
      matrices: float32 `[N, 2, 3]`, how it sees each, see `resgn.warp.warp`.
      embeddings: float32 `[N, D]`, of the images so seen.
    """

    matrices: np.ndarray | tf.Tensor
    embeddings: np.ndarray | tf.Tensor


class Batch(NamedTuple):
    """One batch of `TrainingSet`.

    Attributes:
      adversarial: `[m, H, W, 3]`, uint8 as it comes, float32 in [0, 1] within a training step.
      legitimate: the images before the attack, the same shape and type.
      features: float32 `[m, F]`, the texture critic's view of `legitimate`.
      embeddings: float32 `[m, D]`, the target's view of `legitimate`.
      views: of each verification critic beside the target.
    """

    adversarial: tf.Tensor
    legitimate: tf.Tensor
    features: tf.Tensor
    embeddings: tf.Tensor
    views: tuple[View, ...] = ()

    def to_float(self) -> Batch:
        """8-bit images as float32 in [0, 1]."""
        return self._replace(
            adversarial=tf.cast(self.adversarial, tf.float32) / 255.0,
            legitimate=tf.cast(self.legitimate, tf.float32) / 255.0,
        )


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
      views: of each verification critic beside the target, a row for each of `legitimate`.
    """

    adversarial: np.ndarray
    source: np.ndarray
    legitimate: np.ndarray
    features: np.ndarray
    embeddings: np.ndarray
    views: tuple[View, ...] = ()

    def order(self, batch_size: int, seed: int, epoch: int) -> np.ndarray:
        """The rows of each batch of one epoch, int `[steps, batch_size]`.

        It depends on seed and epoch alone; a short rest is left out.
        """
        rows = np.random.default_rng([seed, epoch]).permutation(len(self.adversarial))
        steps = len(rows) // batch_size
        return np.sort(rows[: steps * batch_size].reshape(steps, batch_size), axis=1)

    def batches(
        self,
        batch_size: int,
        seed: int,
        epochs: range,
        part: tf.distribute.InputContext | None = None,
    ) -> tf.data.Dataset:
        """All batches of some epochs, prefetched, the next epoch's first while this one ends.

        The decoded, aligned and attacked images lie in memory (the paper's 4,000 are 307 MB each
        way), so that a step waits for a gather and never for the disk.

        Args:
          batch_size: of a step, over all replicas.
          seed: of the order.
          epochs: numbered from 0; training goes on anywhere and meets the same batches.
          part: which replicas the pipeline feeds; each takes its equal part of every batch, in
            turn. All of it by default.

        Returns:
          A data set of `Batch`.
        """
        part = part or tf.distribute.InputContext()
        replicas = part.num_replicas_in_sync
        fed = replicas // part.num_input_pipelines
        first = part.input_pipeline_id * fed
        rows = np.concatenate([self.order(batch_size, seed, epoch) for epoch in epochs])
        rows = rows.reshape(len(rows), replicas, batch_size // replicas)[:, first : first + fed]
        with tf.device("CPU:0"):  # a GPU's memory is for other things
            adversarial, source, legitimate, features, embeddings = map(
                tf.constant,
                (self.adversarial, self.source, self.legitimate, self.features, self.embeddings),
            )
            views = [View(*map(tf.constant, view)) for view in self.views]

        def take(row: tf.Tensor) -> Batch:
            image = tf.gather(source, row)
            return Batch(
                tf.gather(adversarial, row),
                tf.gather(legitimate, image),
                tf.gather(features, image),
                tf.gather(embeddings, image),
                tuple(View(*(tf.gather(part, image) for part in view)) for view in views),
            )

        each = rows.reshape(len(rows) * fed, batch_size // replicas)
        return (
            tf.data.Dataset.from_tensor_slices(each)
            .map(take, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
            .prefetch(tf.data.AUTOTUNE)
        )
