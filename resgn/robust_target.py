"""A face network made robust itself: fine-tuned on attacks, beside which a cleaner has to stand.

Croce et al. (2022) ask every defence in front of a network to be compared with a network that was
trained adversarially. Here a copy of the target learns to give an attacked image the embedding that
the frozen target gives the untouched one, which needs no labels: the loss of FARE (Schlarmann et
al. 2024), after TeCoA (Mao et al. 2023), with the same distance of the untouched image added.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

from resgn.cleaners.epochs import Report, train_epochs
from resgn.inference import for_inference
from resgn.saved_generator import about_target
from resgn.schedules import WarmCosine
from resgn.target import TARGETS, Target
from resgn.verification import squared_distance
from weights import keras_h5, made_for
from weights.errors import InputError

NETWORK = "robust_target"
"""What files of such networks say that they are."""

WARMUP_STEPS = 10

Adversary = Callable[[Target, tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]
"""From the network as it is, images `[m, H, W, 3]` in [0, 1], the embeddings `[m, D]` that they
should have and the step's number (int64, from 0) to the same images attacked. It is compiled into
the step; randomness is to be drawn statelessly from the step's number."""


@dataclasses.dataclass(frozen=True)
class RobustConfig:
    """How a target is fine-tuned.

    Attributes:
      epochs: passes over the training images.
      batch_size: images of each step; each is learned from twice, attacked and untouched.
      learning_rate: Adam's, at its highest; it falls along half a cosine.
      strength: of the attacks, as a multiple of the intensity that is to be withstood.
      seed: of the order.
    """

    epochs: int = 20
    batch_size: int = 32
    learning_rate: float = 1e-4
    strength: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise InputError(f"`robust_{name}` must be at least 1, got {getattr(self, name)}.")
        for name in ("learning_rate", "strength"):
            if not 0.0 < getattr(self, name) < float("inf"):
                raise InputError(
                    f"`robust_{name}` must be above 0 and finite, got {getattr(self, name)}."
                )


def trainable_copy(target: Target) -> Target:
    """The same network with weights of its own, which may be trained.

    BatchNorm is folded into the convolutions in front of it: its statistics stay those of the
    target, and what it was is learned as their weights.

    Raises:
      InputError: the target is no Keras network of known layers.
    """
    network = target.network_at(target.input_size)
    try:
        copied = for_inference(network)
    except (AttributeError, ValueError, NotImplementedError) as error:
        raise InputError(
            f"The target {target.name} cannot be fine-tuned, only {' and '.join(TARGETS)} can: "
            f"leave out the row {NETWORK}."
        ) from error
    copied.trainable = True
    return _around(target, copied)


def train_robust(
    target: Target,
    images: np.ndarray,
    embeddings: np.ndarray,
    adversary: Adversary,
    config: RobustConfig,
    folder: Path,
    report: Report = lambda epoch, losses: None,
) -> Target:
    """Fine-tune a copy of the target; a killed training goes on in `folder`.

    Args:
      target: frozen, and left as it is.
      images: to learn from, uint8 `[M, H, W, 3]`.
      embeddings: the target's of them, float32 `[M, D]`.
      adversary: makes the attacked images of each step.
      config: how to train.
      folder: for checkpoints.
      report: called after each epoch with the mean squared distances to the target's embeddings.

    Returns:
      The network after the last step, frozen.

    Raises:
      InputError: the target cannot be copied, or a loss is not finite.
    """
    robust = trainable_copy(target)
    network = network_of(robust)
    size = min(config.batch_size, len(images))
    steps = config.epochs * (len(images) // size)
    rate = WarmCosine(config.learning_rate, WARMUP_STEPS, steps)
    optimizer = tf.keras.optimizers.Adam(rate, jit_compile=False)
    optimizer.build(network.trainable_variables)

    @tf.function
    def step(batch: tf.Tensor, wanted: tf.Tensor) -> dict[str, tf.Tensor]:
        untouched = tf.cast(batch, tf.float32) / 255.0
        number = tf.cast(optimizer.iterations, tf.int64)
        attacked = tf.stop_gradient(adversary(robust, untouched, wanted, number))
        with tf.GradientTape() as tape:
            found = robust(tf.concat([attacked, untouched], 0))
            distances = squared_distance(found, tf.concat([wanted, wanted], 0))
            of_attacked, of_untouched = (tf.reduce_mean(half) for half in tf.split(distances, 2))
            loss = of_attacked + of_untouched
        gradients = tape.gradient(loss, network.trainable_variables)
        optimizer.apply_gradients(zip(gradients, network.trainable_variables, strict=True))
        return {"attacked": of_attacked, "untouched": of_untouched}

    def batches(epoch: int) -> Iterator[tuple[tf.Tensor, ...]]:
        order = np.random.default_rng([config.seed, epoch]).permutation(len(images))
        for start in range(0, len(images) - size + 1, size):
            rows = np.sort(order[start : start + size])
            yield tf.constant(images[rows]), tf.constant(embeddings[rows])

    state = tf.train.Checkpoint(model=network, optimizer=optimizer)
    train_epochs(config.epochs, batches, step, state, folder, report)
    network.trainable = False
    return robust


def network_of(robust: Target) -> tf.keras.Model:
    """The network that was copied."""
    return robust.network_at(robust.input_size)


def save_robust(
    robust: Target,
    target: Target,
    path: str | os.PathLike[str],
    about: Mapping[str, str | int | float] | None = None,
) -> None:
    """Write the weights as a Keras `.h5` that says which target they were; whole or not at all.

    Args:
      robust: what `train_robust` gave.
      target: that it was trained from.
      path: the file; it is replaced if it exists.
      about: what else the file should say, such as `threshold`.

    Raises:
      OSError: the file cannot be written.
    """
    attributes = {"network": NETWORK} | about_target(target) | dict(about or {})
    keras_h5.save_weights(network_of(robust), path, attributes)


def load_robust(path: str | os.PathLike[str], target: Target) -> Target:
    """Read a file of `save_robust`.

    Args:
      path: the file.
      target: that it was trained from.

    Returns:
      The robust network, frozen; it gives embeddings of images as the target does.

    Raises:
      InputError: the file is missing, damaged, of another network, or of another target.
    """
    if keras_h5.read_attributes(path).get("network") != NETWORK:
        raise InputError(f"{path}: not a robust target that this project saved.")
    wanted = made_for.read(Path(path)).get("target")
    if wanted is not None and (target.content is None or wanted.digest != target.content.digest):
        raise InputError(
            f"{path}: was fine-tuned from {wanted.name}, not from "
            f"{target.content.name if target.content else target.name}."
        )
    robust = trainable_copy(target)
    network = network_of(robust)
    keras_h5.load_weights(network, path)
    network.trainable = False
    return robust


def _around(target: Target, network: tf.keras.Model) -> Target:
    return dataclasses.replace(target, network_at=lambda size: network, content=None, _networks={})
