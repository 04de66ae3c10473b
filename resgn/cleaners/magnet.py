"""MagNet's reformer (Meng and Chen 2017): an autoencoder that knows normal images only.

What it was taught to reproduce it reproduces; a perturbation is no part of that. It never sees an
attack. The authors' autoencoders are for MNIST and CIFAR-10; the structure for faces is ours.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import tensorflow as tf

from resgn.cleaners.base import Cleaner
from resgn.cleaners.epochs import Report, shuffled, train_epochs
from weights.errors import InputError

layers = tf.keras.layers

ACTIVITY_WEIGHT = 1e-9
"""Of the hidden layers' squared activities, as in the authors' code."""


@dataclasses.dataclass(frozen=True)
class MagNetConfig:
    """Size and training of a reformer. Noise, epochs and batch size are the authors' (on MNIST).

    Attributes:
      maps: feature maps of every hidden convolution.
      pools: halvings of the resolution, each followed by a convolution; the decoder mirrors them.
      noise: standard deviation of the noise in training, in the unit of images in [0, 1].
      epochs: passes over the training set.
      batch_size: images a step.
      learning_rate: Adam's.
      precision: Keras policy of the hidden layers.
      seed: of weights, order and noise.
    """

    maps: int = 32
    pools: int = 1
    noise: float = 0.1
    epochs: int = 100
    batch_size: int = 256
    learning_rate: float = 1e-3
    precision: str = "float32"
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("maps", "epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise InputError(f"MagNet: `{name}` must be at least 1, got {getattr(self, name)}.")
        if self.pools < 0 or not 0.0 <= self.noise < float("inf"):
            raise InputError(
                f"MagNet: pools and noise must be 0 or more, got {self.pools} and {self.noise}."
            )
        if not 0.0 < self.learning_rate < float("inf"):
            raise InputError(f"MagNet: `learning_rate` must be above 0, got {self.learning_rate}.")


def reformer(maps: int = 32, pools: int = 1, precision: str = "float32") -> tf.keras.Model:
    """From images `[N, H, W, 3]` in [0, 1], sides multiples of 2^pools, to the same shape."""
    policy = tf.keras.mixed_precision.Policy(precision)

    def convolution(x: tf.Tensor) -> tf.Tensor:
        return layers.Conv2D(
            maps,
            3,
            padding="same",
            activation="relu",
            activity_regularizer=tf.keras.regularizers.L2(ACTIVITY_WEIGHT),
            dtype=policy,
        )(x)

    images = layers.Input((None, None, 3), dtype=tf.float32)
    x = convolution(images)
    for _ in range(pools):
        x = convolution(layers.MaxPooling2D(2, dtype=policy)(x))
    for _ in range(pools):
        x = layers.UpSampling2D(2, dtype=policy)(convolution(x))
    x = layers.Conv2D(3, 3, padding="same", dtype=policy)(convolution(x))
    return tf.keras.Model(
        images, layers.Activation("sigmoid", dtype=tf.float32)(x), name="magnet_reformer"
    )


def train_magnet(
    legitimate: np.ndarray,
    config: MagNetConfig,
    folder: Path,
    report: Report = lambda epoch, losses: None,
) -> Cleaner:
    """Train on legitimate images, noise added: `mean |AE(clip(x + noise)) - x|^2`.

    Args:
      legitimate: uint8 `[M, H, W, 3]`, sides multiples of `2 ** config.pools`.
      config: size and training.
      folder: for checkpoints; a killed training goes on there.
      report: called after each epoch.

    Raises:
      InputError: sides that the pooling does not divide, or a loss that is not finite.
    """
    if any(side % 2**config.pools for side in legitimate.shape[1:3]):
        raise InputError(
            f"MagNet with {config.pools} pools needs sides that are multiples of "
            f"{2**config.pools}, got {legitimate.shape[1:3]}."
        )
    tf.keras.utils.set_random_seed(config.seed)
    model = reformer(config.maps, config.pools, config.precision)
    optimizer = tf.keras.optimizers.Adam(config.learning_rate, jit_compile=False)
    optimizer.build(model.trainable_variables)

    @tf.function
    def step(original: tf.Tensor) -> dict[str, tf.Tensor]:
        original = tf.cast(original, tf.float32) / 255.0
        seed = tf.stack([config.seed, tf.cast(optimizer.iterations, tf.int32)])
        noise = tf.random.stateless_normal(tf.shape(original), seed, stddev=config.noise)
        noisy = tf.clip_by_value(original + noise, 0.0, 1.0)
        with tf.GradientTape() as tape:
            reformed = model(noisy, training=True)
            error = tf.reduce_mean(tf.math.squared_difference(reformed, original))
            loss = error + tf.add_n([tf.cast(each, tf.float32) for each in model.losses])
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return {"reconstruction": error}

    train_epochs(
        config.epochs,
        lambda epoch: shuffled((legitimate,), config.batch_size, config.seed, epoch),
        step,
        tf.train.Checkpoint(model=model, optimizer=optimizer),
        folder,
        report,
    )
    model.trainable = False
    return Cleaner.of_model("magnet", model)
