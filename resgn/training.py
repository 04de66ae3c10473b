"""Algorithm 1: train a ResGN on pairs of adversarial and legitimate images."""

from __future__ import annotations

import contextlib
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
from resgn.saved_generator import SavedGenerator
from resgn.schedules import SCHEDULES, Constant, Staircase, WarmCosine
from resgn.training_set import Batch, TrainingSet
from weights import keras_h5
from weights.errors import InputError
from weights.training_checkpoint import checkpoints

RECALIBRATION_IMAGES = 96
"""Training images over which the statistics of BatchNorm are measured before an evaluation."""

CHECK_EVERY = 16
"""Steps between two looks at the losses: each look waits for the device."""

Adversary = Callable[[tf.keras.Model, Batch, tf.Tensor], tf.Tensor]
"""Adversarial training: from the network as it is, a batch (float32) and the step's number (int64,
from 0) to the images `[m, H, W, 3]` in [0, 1] to train on in place of `batch.adversarial`. It is
compiled into the step; randomness is to be drawn statelessly from the step's number."""

Noise = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
"""Noise on what the network is shown: from a replica's images `[n, H, W, 3]` and a number (int64:
the step's, from 0, or a negative one where no step is taken) to as many, which may leave [0, 1]. It
is drawn statelessly from the number."""


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """How a ResGN is trained. The defaults are the paper's (Section 4.2).

    Attributes:
      epochs: passes over the training set, N in Algorithm 1.
      batch_size: m in Algorithm 1, over all devices and machines together.
      learning_rate: Adam's, at its highest.
      schedule: `staircase`, `cosine` or `constant`.
      decay: factor of the staircase, applied once after half of the epochs.
      warmup_steps: steps over which the cosine's rate rises to its height.
      average: decay of the running average of the weights that is evaluated and kept; 0 keeps the
        last weights themselves.
      clip_norm: longest gradient that is applied; 0 for no limit.
      evaluate_every: epochs between two looks at the held-out pairs.
      precision: Keras policy, `float32`, `mixed_bfloat16`, or `mixed_float16` (the loss is then
        scaled, and a step whose gradients overflow is left out).
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
                raise InputError(f"`{name}` must be at least 1, got {getattr(self, name)}.")
        if not (self.learning_rate > 0 and math.isfinite(self.learning_rate)):
            raise InputError(f"`learning_rate` must be above 0, got {self.learning_rate}.")
        if self.schedule not in SCHEDULES:
            raise InputError(f"`schedule` must be of {', '.join(SCHEDULES)}: {self.schedule!r}.")
        if not 0.0 <= self.average < 1.0:
            raise InputError(f"`average` must lie in [0, 1), got {self.average}.")
        if not 0.0 < self.decay <= 1.0:
            raise InputError(f"`decay` must lie in (0, 1], got {self.decay}.")
        for name in ("warmup_steps", "clip_norm"):
            if not 0.0 <= getattr(self, name) < math.inf:
                raise InputError(f"`{name}` must be 0 or more, got {getattr(self, name)}.")


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
    """Trains one ResGN, resumably, on one device or many.

    After every epoch all that training needs lies in `folder`; a killed training continues there
    from its last epoch to the same weights. The weights that did best on the held-out pairs are
    kept as `best.h5`.

    Under a strategy every batch is shared out over the replicas in equal parts. Gradients,
    BatchNorm statistics and reported losses are those of the whole batch, so that the number of
    devices changes how fast one trains and not what. Of several machines, which must share
    `folder`, only the chief writes there; one that comes back goes on from the chief's last epoch.

    Args:
      generator: the network's size.
      loss: Eq. 6 with its critics. Under a strategy they should have been built in its scope.
      config: how to train.
      folder: for checkpoints and weights.
      strategy: of `tf.distribute`; one device by default.
      jit: compile gradients with XLA; one replica only.
      adversary: makes the images to train on anew in every step.
      noise: laid over the images anew in every step, and over those by which BatchNorm's statistics
        are measured.

    Raises:
      InputError: the batch cannot be shared out equally, or `jit` with several replicas.
    """

    def __init__(
        self,
        generator: GeneratorConfig,
        loss: JointLoss,
        config: TrainingConfig,
        folder: Path,
        strategy: tf.distribute.Strategy | None = None,
        jit: bool = False,
        adversary: Adversary | None = None,
        noise: Noise | None = None,
    ) -> None:
        self._strategy = strategy or tf.distribute.get_strategy()
        self._replicas = self._strategy.num_replicas_in_sync
        if config.batch_size % self._replicas:
            raise InputError(
                f"`batch_size={config.batch_size}` cannot be shared out over {self._replicas} "
                "devices: give a multiple of their number."
            )
        if jit and self._replicas > 1:
            raise InputError("`jit` works on one device only; leave it out or use one device.")
        tf.keras.utils.set_random_seed(config.seed)
        self._loss, self._config, self._folder = loss, config, folder
        self._jit, self._adversary, self._noise = jit, adversary, noise
        self._chief = self._strategy.extended.should_checkpoint
        with self._strategy.scope():
            # Statistics of the whole batch; on one device Keras' fused kernel has them anyway.
            self.model = residual_generator(
                generator, config.precision, synchronized=self._replicas > 1
            )
        # Evaluation has a network of its own: averaged weights, statistics measured for them. Each
        # machine has one copy, and all copies are equal.
        self.averaged = residual_generator(generator, config.precision, batch_norm_momentum=0.0)
        self._forward = tf.function(lambda images: self.averaged(images, training=True))
        self._variables = self.model.trainable_variables
        self._averages = self.averaged.trainable_variables
        for average, variable in zip(self._averages, self._variables, strict=True):
            average.assign(variable)
        self._generator = generator
        self._epoch = tf.Variable(0, dtype=tf.int64)
        self._best = tf.Variable(-math.inf, dtype=tf.float64)
        self.traces = 0

    def start_from(self, trained: SavedGenerator) -> None:
        """Begin with a trained network instead of random weights.

        A training that goes on from its own checkpoint is not touched by it.

        Args:
          trained: of the same size.

        Raises:
          InputError: it has another size.
        """
        if trained.config != self._generator:
            raise InputError(
                f"The ResGN to start from is a {trained.config}, and a {self._generator} is to be "
                "trained: give the same size."
            )
        for model in (self.model, self.averaged):
            model.set_weights(trained.model.get_weights())

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
            On several machines it must give the same on each.
          report: called after each epoch.
          on_step: called after each step.

        Returns:
          The best network, frozen, with averaged weights and fitting statistics.

        Raises:
          InputError: fewer images than a batch, a loss that is not finite, or machines that find
            different checkpoints in `folder`.
        """
        config = self._config
        steps_per_epoch = len(data.adversarial) // config.batch_size
        if not steps_per_epoch:
            raise InputError(
                f"{len(data.adversarial)} training examples do not fill a batch of "
                f"{config.batch_size}: lower `batch_size` or ask for more pairs."
            )
        step = self._compile(steps_per_epoch)
        with self._checkpoints() as manager:
            epochs = range(int(self._epoch), config.epochs)
            batches = self._pipeline(data, epochs)
            for epoch in epochs:
                losses = _Losses(self._loss.weights.active(), epoch * steps_per_epoch)
                began = time.perf_counter()
                for _ in range(steps_per_epoch):
                    losses.add(step(next(batches)))
                    on_step()
                terms = losses.means()
                seconds = time.perf_counter() - began
                held_out = None
                last = epoch + 1 == config.epochs
                if last or (epoch + 1) % config.evaluate_every == 0:
                    held_out = self._evaluate(data, validate)
                self._epoch.assign(epoch + 1)
                manager.save(checkpoint_number=epoch + 1)
                report(
                    Progress(
                        epoch=epoch + 1,
                        step=(epoch + 1) * steps_per_epoch,
                        terms={**terms, "total": sum(terms.values())},
                        learning_rate=float(self._optimizer.learning_rate.numpy()),
                        images_per_second=steps_per_epoch * config.batch_size / seconds,
                        held_out=held_out,
                    )
                )
        keras_h5.load_weights(self.averaged, self._folder / "best.h5")
        self.averaged.trainable = False
        return self.averaged

    def _pipeline(self, data: TrainingSet, epochs: range) -> Iterator[Batch]:
        if not epochs:
            return iter(())
        config = self._config

        def batches(part: tf.distribute.InputContext) -> tf.data.Dataset:
            return data.batches(config.batch_size, config.seed, epochs, part)

        return iter(self._strategy.distribute_datasets_from_function(batches))

    def _checkpoints(self) -> contextlib.AbstractContextManager[tf.train.CheckpointManager]:
        """Restore the last checkpoint, give the place for new ones."""
        checkpoint = tf.train.Checkpoint(
            model=self.model,
            averaged=self.averaged,
            optimizer=self._optimizer,
            epoch=self._epoch,
            best=self._best,
        )
        return checkpoints(checkpoint, self._folder / "checkpoints", self._epoch, self._strategy)

    def _evaluate(
        self, data: TrainingSet, validate: Callable[[tf.keras.Model], dict[str, float]]
    ) -> dict[str, float]:
        """Rates on held-out pairs; the best network so far is kept."""
        self._recalibrate(data)
        held_out = validate(self.averaged)
        score = float(np.mean(list(held_out.values())))
        if score >= float(self._best):
            self._best.assign(score)
            if self._chief:
                keras_h5.save_weights(self.averaged, self._folder / "best.h5")
        return held_out

    def _schedule(self, steps_per_epoch: int) -> tf.keras.optimizers.schedules.LearningRateSchedule:
        config = self._config
        steps = steps_per_epoch * config.epochs
        if config.schedule == "cosine":
            return WarmCosine(config.learning_rate, config.warmup_steps, steps)
        if config.schedule == "staircase":
            return Staircase(config.learning_rate, config.decay, (steps + 1) // 2)
        return Constant(config.learning_rate)

    def _compile(self, steps_per_epoch: int) -> Callable[[Batch], tf.Tensor]:
        config = self._config
        with self._strategy.scope():
            self._optimizer = tf.keras.optimizers.Adam(
                self._schedule(steps_per_epoch),
                beta_1=0.9,
                global_clipnorm=config.clip_norm or None,
                jit_compile=False,
            )
            if config.precision == "mixed_float16":
                self._optimizer = tf.keras.mixed_precision.LossScaleOptimizer(self._optimizer)
            self._optimizer.build(self._variables)
        gradients_and_losses = self._gradients_and_losses
        if self._jit:
            gradients_and_losses = tf.function(gradients_and_losses, jit_compile=True)

        def replica_step(batch: Batch) -> tf.Tensor:
            gradients, losses = gradients_and_losses(batch)
            # Sums the gradients over all replicas before it clips and applies them.
            self._optimizer.apply_gradients(zip(gradients, self._variables, strict=True))
            return losses

        @tf.function
        def step(batch: Batch) -> tf.Tensor:
            self.traces += 1
            losses = self._strategy.run(replica_step, args=(batch,))
            self._average()
            return self._strategy.reduce(tf.distribute.ReduceOp.SUM, losses, axis=None)

        return step

    def _gradients_and_losses(self, batch: Batch) -> tuple[list[tf.Tensor], tf.Tensor]:
        """One replica's share of the gradients, and of the mean weighted loss terms `[T]`."""
        batch = batch.to_float()
        images = batch.adversarial
        step = tf.cast(self._optimizer.iterations, tf.int64)
        if self._adversary is not None:
            images = tf.stop_gradient(self._adversary(self.model, batch, step))
        if self._noise is not None:
            images = self._noise(images, step)
        with tf.GradientTape() as tape:
            cleaned = self.model(images, training=True)
            terms = self._loss(
                cleaned, batch.legitimate, batch.features, batch.embeddings, batch.views
            )
            # Of the whole batch: the replicas' shares add up to its mean.
            losses = tf.stack(
                [tf.reduce_sum(term) / self._config.batch_size for term in terms.values()]
            )
            total = tf.reduce_sum(losses)
            if self._scaled:
                total = self._optimizer.get_scaled_loss(total)
        gradients = tape.gradient(total, self._variables)
        if self._scaled:
            gradients = self._optimizer.get_unscaled_gradients(gradients)
        return gradients, losses

    @property
    def _scaled(self) -> bool:
        return isinstance(self._optimizer, tf.keras.mixed_precision.LossScaleOptimizer)

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

        def shown(number: int) -> tf.Tensor:
            chosen = rows[number * size : (number + 1) * size]
            images = tf.constant(data.adversarial[chosen], tf.float32) / 255.0
            noise = self._noise or (lambda images, _: images)
            return noise(images, tf.constant(-1 - number, tf.int64))

        recalibrate(self.averaged, map(shown, range(count)), self._forward)


class _Losses:
    """The loss terms of an epoch, left on the device for some steps so that none waits for them."""

    def __init__(self, names: tuple[str, ...], steps_before: int) -> None:
        self._names, self._steps_before = names, steps_before
        self._pending: list[tf.Tensor] = []
        self._seen: list[np.ndarray] = []

    def add(self, terms: tf.Tensor) -> None:
        """Take the terms `[T]` of one step.

        Raises:
          InputError: one of the last `CHECK_EVERY` steps was not finite.
        """
        self._pending.append(terms)
        if len(self._pending) == CHECK_EVERY:
            self._look()

    def means(self) -> dict[str, float]:
        """The mean of each term; like `add` it stops at what is not finite."""
        self._look()
        means = np.mean(self._seen, axis=0, dtype=np.float64)
        return {name: float(mean) for name, mean in zip(self._names, means, strict=True)}

    def _look(self) -> None:
        for values in tf.stack(self._pending).numpy() if self._pending else ():
            self._seen.append(values)
            for name, value in zip(self._names, values, strict=True):
                if not math.isfinite(value):
                    raise InputError(
                        f"Training stopped at step {self._steps_before + len(self._seen)}: the "
                        f"{name} loss became {value}. Lower `learning_rate` or set `clip_norm`."
                    )
        self._pending.clear()
