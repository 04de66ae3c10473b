"""APE-GAN (Shen et al. 2017): a generator taught to undo perturbations, with a discriminator.

Layers, losses and optimiser follow the authors' code, whose numbers (0.02 times the adversarial
and 0.9 times the root mean squared error, two generator steps for each of the discriminator) are
not those of the paper; they made it "different from paper" on purpose.
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


@dataclasses.dataclass(frozen=True)
class ApeGanConfig:
    """Size and training of an APE-GAN. The defaults are the authors' (on MNIST).

    Attributes:
      maps: feature maps of the generator's and the discriminator's first convolution.
      epochs: passes over the training set.
      batch_size: examples a step.
      learning_rate: Adam's, with beta_1 = 0.5.
      adversarial_weight: of the generator's cross-entropy.
      content_weight: of the generator's root mean squared error, on the scale [-1, 1].
      generator_steps: for each step of the discriminator.
      precision: Keras policy of the hidden layers.
      seed: of weights and order.
    """

    maps: int = 64
    epochs: int = 2
    batch_size: int = 64
    learning_rate: float = 2e-4
    adversarial_weight: float = 0.02
    content_weight: float = 0.9
    generator_steps: int = 2
    precision: str = "float32"
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("maps", "epochs", "batch_size", "generator_steps"):
            if getattr(self, name) < 1:
                raise InputError(f"APE-GAN: `{name}` must be at least 1: {getattr(self, name)}.")
        if not 0.0 < self.learning_rate < float("inf"):
            raise InputError(f"APE-GAN: `learning_rate` must be above 0, got {self.learning_rate}.")


def generator(maps: int = 64, precision: str = "float32") -> tf.keras.Model:
    """From images `[N, H, W, 3]` in [0, 1], H and W multiples of 4, to the same shape and range."""
    policy = tf.keras.mixed_precision.Policy(precision)
    images = layers.Input((None, None, 3), dtype=tf.float32)
    x = layers.Rescaling(2.0, offset=-1.0, dtype=tf.float32)(images)
    for count in (maps, 2 * maps):
        x = layers.Conv2D(count, 5, strides=2, padding="same", dtype=policy)(x)
        x = layers.LeakyReLU(0.2, dtype=policy)(_normalized(x, policy))
    x = layers.Conv2DTranspose(maps, 5, strides=2, padding="same", dtype=policy)(x)
    x = layers.ReLU(dtype=policy)(_normalized(x, policy))
    x = layers.Conv2DTranspose(3, 5, strides=2, padding="same", dtype=policy)(x)
    x = layers.Activation("tanh", dtype=tf.float32)(x)
    return tf.keras.Model(
        images, layers.Rescaling(0.5, offset=0.5, dtype=tf.float32)(x), name="apegan"
    )


def discriminator(maps: int = 64, precision: str = "float32") -> tf.keras.Model:
    """From images `[N, H, W, 3]` in [0, 1] to logits `[N]`: is it a legitimate image?"""
    policy = tf.keras.mixed_precision.Policy(precision)
    images = layers.Input((None, None, 3), dtype=tf.float32)
    x = layers.Rescaling(2.0, offset=-1.0, dtype=tf.float32)(images)
    for number, count in enumerate((maps, 2 * maps, 4 * maps)):
        x = layers.Conv2D(count, 5, strides=2, padding="same", dtype=policy)(x)
        if number:
            x = _normalized(x, policy)
        x = layers.LeakyReLU(0.2, dtype=policy)(x)
    # The original's linear layer on all positions binds it to one image size; a linear layer on
    # each position, averaged, does not.
    x = layers.Conv2D(1, 1, dtype=tf.float32)(x)
    return tf.keras.Model(images, tf.reduce_mean(x, axis=[1, 2, 3]), name="discriminator")


def _normalized(x: tf.Tensor, policy: tf.keras.mixed_precision.Policy) -> tf.Tensor:
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, dtype=policy)(x)


def content_loss(cleaned: tf.Tensor, legitimate: tf.Tensor) -> tf.Tensor:
    """Root mean squared error on the scale [-1, 1] over a whole batch in [0, 1], a scalar."""
    return 2.0 * tf.sqrt(tf.reduce_mean(tf.math.squared_difference(cleaned, legitimate)) + 1e-12)


def cross_entropy(logits: tf.Tensor, label: float) -> tf.Tensor:
    """Mean binary cross-entropy of logits `[N]` against one label."""
    return tf.reduce_mean(
        tf.nn.sigmoid_cross_entropy_with_logits(tf.fill(tf.shape(logits), label), logits)
    )


def train_apegan(
    adversarial: np.ndarray,
    legitimate: np.ndarray,
    config: ApeGanConfig,
    folder: Path,
    report: Report = lambda epoch, losses: None,
) -> Cleaner:
    """Train on adversarial images and the legitimate ones they were made of.

    Args:
      adversarial: uint8 `[M, H, W, 3]`, H and W multiples of 4.
      legitimate: uint8, the same shape.
      config: size and training.
      folder: for checkpoints; a killed training goes on there.
      report: called after each epoch.

    Raises:
      InputError: sides that are no multiples of 4, or a loss that is not finite.
    """
    if adversarial.shape[1] % 4 or adversarial.shape[2] % 4:
        raise InputError(
            f"APE-GAN needs sides that are multiples of 4, got {adversarial.shape[1:3]}."
        )
    tf.keras.utils.set_random_seed(config.seed)
    cleaner = generator(config.maps, config.precision)
    critic = discriminator(config.maps, config.precision)
    optimizers = {}
    for name, model in (("generator", cleaner), ("discriminator", critic)):
        optimizers[name] = tf.keras.optimizers.Adam(
            config.learning_rate, beta_1=0.5, jit_compile=False
        )
        optimizers[name].build(model.trainable_variables)

    def apply(name: str, model: tf.keras.Model, tape: tf.GradientTape, loss: tf.Tensor) -> None:
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizers[name].apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    @tf.function
    def step(attacked: tf.Tensor, original: tf.Tensor) -> dict[str, tf.Tensor]:
        attacked = tf.cast(attacked, tf.float32) / 255.0
        original = tf.cast(original, tf.float32) / 255.0
        cleaned = cleaner(attacked, training=True)
        with tf.GradientTape() as tape:
            judged = cross_entropy(critic(original, training=True), 1.0)
            judged += cross_entropy(critic(cleaned, training=True), 0.0)
        apply("discriminator", critic, tape, judged)
        for _ in range(config.generator_steps):
            with tf.GradientTape() as tape:
                cleaned = cleaner(attacked, training=True)
                content = content_loss(cleaned, original)
                fooled = cross_entropy(critic(cleaned, training=True), 1.0)
                loss = config.content_weight * content + config.adversarial_weight * fooled
            apply("generator", cleaner, tape, loss)
        return {"content": content, "adversarial": fooled, "discriminator": judged}

    train_epochs(
        config.epochs,
        lambda epoch: shuffled((adversarial, legitimate), config.batch_size, config.seed, epoch),
        step,
        tf.train.Checkpoint(generator=cleaner, discriminator=critic, **_named(optimizers)),
        folder,
        report,
    )
    cleaner.trainable = False
    return Cleaner.of_model("apegan", cleaner)


def _named(
    optimizers: dict[str, tf.keras.optimizers.Optimizer],
) -> dict[str, tf.keras.optimizers.Optimizer]:
    return {f"{name}_optimizer": optimizer for name, optimizer in optimizers.items()}
