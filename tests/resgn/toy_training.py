"""A loss and images for trainings of moments."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from resgn.losses import JointLoss, LossWeights
from resgn.training_set import TrainingSet


def embed(images: tf.Tensor) -> tf.Tensor:
    return tf.math.l2_normalize(tf.reduce_mean(images, axis=[1, 2]), -1)


def texture(images: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(tf.square(images), axis=[1, 2])


LOSS = JointLoss(LossWeights(1.0, 0.1, 0.1), texture, embed, 0.5)


def dataset(count: int = 10) -> TrainingSet:
    rng = np.random.default_rng(0)
    legitimate = rng.integers(60, 190, (5, 8, 8, 3), dtype=np.uint8)
    source = np.arange(count) % 5
    noise = 15 * rng.choice([-1, 1], (count, 8, 8, 3))
    adversarial = (legitimate[source] + noise).astype(np.uint8)
    images = tf.constant(legitimate, tf.float32) / 255.0
    return TrainingSet(
        adversarial, source, legitimate, texture(images).numpy(), embed(images).numpy()
    )
