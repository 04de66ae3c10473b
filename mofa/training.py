"""Training MoFA's encoder: on rendered faces, whose codes are known, on photographs, or on both."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import tensorflow as tf

from mofa.losses import AutoencoderLoss, CodeLoss
from weights.errors import InputError
from weights.training_checkpoint import checkpoints

OPTIMIZERS = ("adadelta", "adam")
SCHEDULES = ("constant", "cosine")


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """How an encoder is trained. The defaults are MoFA's (Teng 2021, Section 4.1).

    Attributes:
      iterations: steps.
      batch_size: photographs in a step.
      rendered_batch_size: rendered faces in a step.
      optimizer: `adadelta` or `adam`.
      learning_rate: at its highest.
      schedule: `constant`, or `cosine` down to zero after a short rise.
      clip_norm: longest gradient that is applied; 0 for no limit.
      precision: Keras policy of the hidden layers, `float32` or `mixed_bfloat16`.
      checkpoint_every: steps between two checkpoints and reports.
      seed: of weights and batches.
    """

    iterations: int = 200_000
    batch_size: int = 5
    rendered_batch_size: int = 0
    optimizer: str = "adadelta"
    learning_rate: float = 0.1
    schedule: str = "constant"
    clip_norm: float = 0.0
    precision: str = "float32"
    checkpoint_every: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("iterations", "checkpoint_every"):
            if getattr(self, name) < 1:
                raise InputError(f"`{name}` must be at least 1, got {getattr(self, name)}.")
        for name in ("batch_size", "rendered_batch_size", "clip_norm"):
            if not 0 <= getattr(self, name) < math.inf:
                raise InputError(f"`{name}` must be 0 or more, got {getattr(self, name)}.")
        if not self.batch_size + self.rendered_batch_size:
            raise InputError("a step needs photographs, rendered faces, or both.")
        if not (self.learning_rate > 0 and math.isfinite(self.learning_rate)):
            raise InputError(f"`learning_rate` must be above 0, got {self.learning_rate}.")
        for name, allowed in (("optimizer", OPTIMIZERS), ("schedule", SCHEDULES)):
            if getattr(self, name) not in allowed:
                raise InputError(
                    f"`{name}` must be one of {', '.join(allowed)}: {getattr(self, name)!r}."
                )


class Batches(Protocol):
    """A source of batches that depend on their number and the seed alone."""

    def batches(self, batch_size: int, seed: int, first: int = 0) -> Iterator[tuple[Any, ...]]:
        """See `Photographs.batches` and `RelitFaces.batches`."""


@dataclasses.dataclass(frozen=True)
class Progress:
    """What is known at a report.

    Attributes:
      step: steps so far.
      terms: mean of each weighted loss term since the last report, and their sum as `total`.
      learning_rate: of the last step.
      images_per_second: since the last report.
    """

    step: int
    terms: dict[str, float]
    learning_rate: float
    images_per_second: float


class _SinceReport:
    """Means of the terms, and the speed, since the last report."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}
        self._steps, self._began = 0, time.perf_counter()

    def add(self, terms: dict[str, float]) -> None:
        """One step's."""
        self._steps += 1
        for name, value in terms.items():
            self._sums[name] = self._sums.get(name, 0.0) + value

    def progress(self, step: int, learning_rate: float, images: int) -> Progress:
        """What to report; `images` of a step."""
        means = {name: value / self._steps for name, value in self._sums.items()}
        return Progress(
            step=step,
            terms={**means, "total": sum(means.values())},
            learning_rate=learning_rate,
            images_per_second=self._steps * images / (time.perf_counter() - self._began),
        )


class Trainer:
    """Trains one encoder, resumably, on one device or many.

    Every `checkpoint_every` steps all that training needs lies in `folder`; a killed training
    continues from there to the same weights.

    Under a strategy the photographs and the rendered faces of a batch are shared out over the
    replicas in equal parts; gradients, BatchNorm statistics and reported terms are those of the
    whole batch. Of several machines, which must share `folder`, only the chief writes there.

    Args:
      model: of `encoder.build` or `encoder.load`, trainable; under a strategy made in its scope and
        synchronized.
      config: how to train.
      folder: for checkpoints.
      autoencoder_loss: for photographs; None without.
      code_loss: for rendered faces; None without.
      strategy: of `tf.distribute`; one device by default.

    Raises:
      InputError: a batch cannot be shared out equally.
    """

    def __init__(
        self,
        model: tf.keras.Model,
        config: TrainingConfig,
        folder: Path,
        autoencoder_loss: AutoencoderLoss | None = None,
        code_loss: CodeLoss | None = None,
        strategy: tf.distribute.Strategy | None = None,
    ) -> None:
        if (config.batch_size > 0) != (autoencoder_loss is not None) or (
            config.rendered_batch_size > 0
        ) != (code_loss is not None):
            raise ValueError("a loss is needed for each kind of batch, and for no other")
        self.model, self._config, self._folder = model, config, folder
        self._autoencoder_loss, self._code_loss = autoencoder_loss, code_loss
        self._strategy = strategy or tf.distribute.get_strategy()
        self._replicas = self._strategy.num_replicas_in_sync
        for name in ("batch_size", "rendered_batch_size"):
            if getattr(config, name) % self._replicas:
                raise InputError(
                    f"`{name}={getattr(config, name)}` cannot be shared out over "
                    f"{self._replicas} devices: give a multiple of their number."
                )
        with self._strategy.scope():
            self._optimizer = self._make_optimizer()
            self._optimizer.build(model.trainable_variables)
        self._step = tf.Variable(0, dtype=tf.int64, trainable=False)
        self.traces = 0

    def train(
        self,
        photographs: Batches | None = None,
        rendered: Batches | None = None,
        report: Callable[[Progress], None] = lambda progress: None,
        on_step: Callable[[int], None] = lambda step: None,
    ) -> tf.keras.Model:
        """Train to the end.

        Args:
          photographs: yields (images, landmarks).
          rendered: yields (images, codes).
          report: called every `checkpoint_every` steps.
          on_step: called after each step with the number of steps so far.

        Returns:
          The model.

        Raises:
          InputError: a term of the loss is not finite; it says which and when.
        """
        config = self._config
        checkpoint = tf.train.Checkpoint(
            model=self.model, optimizer=self._optimizer, step=self._step
        )
        folder = self._folder / "checkpoints"
        with checkpoints(checkpoint, folder, self._step, self._strategy) as manager:
            first = int(self._step)
            on_step(first)
            streams = []
            if photographs is not None and config.batch_size:
                streams.append(photographs.batches(config.batch_size, config.seed, first))
            if rendered is not None and config.rendered_batch_size:
                streams.append(rendered.batches(config.rendered_batch_size, config.seed + 1, first))
            since = _SinceReport()
            train_step = self._compile()
            for number in range(first, config.iterations):
                batch = [self._part(tensor) for each in streams for tensor in next(each)]
                terms = {name: float(value) for name, value in train_step(*batch).items()}
                self._check_finite(number + 1, terms)
                since.add(terms)
                self._step.assign(number + 1)
                on_step(number + 1)
                if (number + 1) % config.checkpoint_every and number + 1 < config.iterations:
                    continue
                manager.save(checkpoint_number=number + 1)
                rate = float(self._optimizer.learning_rate.numpy())
                images = config.batch_size + config.rendered_batch_size
                report(since.progress(number + 1, rate, images))
                since = _SinceReport()
        return self.model

    def _part(self, tensor: tf.Tensor) -> Any:
        """Each replica's part of `[N, ...]`, of which every machine has the whole."""
        if self._replicas == 1:
            return tensor
        parts = tf.split(tensor, self._replicas)
        return self._strategy.experimental_distribute_values_from_function(
            lambda context: parts[context.replica_id_in_sync_group]
        )

    def _compile(self) -> Callable[..., dict[str, tf.Tensor]]:
        variables = self.model.trainable_variables

        names: list[str] = []

        def replica_step(*batch: tf.Tensor) -> tf.Tensor:
            pairs = [batch[i : i + 2] for i in range(0, len(batch), 2)]
            losses = [loss for loss in (self._autoencoder_loss, self._code_loss) if loss]
            with tf.GradientTape() as tape:
                code = self.model(tf.concat([images for images, _ in pairs], 0), training=True)
                parts = tf.split(code, [images.shape[0] for images, _ in pairs])
                terms: dict[str, tf.Tensor] = {}
                for loss, part, (images, truth) in zip(losses, parts, pairs, strict=True):
                    if isinstance(loss, AutoencoderLoss):
                        terms |= loss(part, images, truth)
                    else:
                        terms |= loss(part, truth)
                # The replicas' shares add up to the mean over the whole batch.
                shares = tf.stack(list(terms.values())) / self._replicas
                total = tf.reduce_sum(shares)
            gradients = tape.gradient(total, variables)
            self._optimizer.apply_gradients(zip(gradients, variables, strict=True))
            names[:] = terms
            return shares

        @tf.function(autograph=False)
        def step(*batch: tf.Tensor) -> dict[str, tf.Tensor]:
            self.traces += 1
            shares = self._strategy.run(replica_step, args=batch)
            whole = self._strategy.reduce(tf.distribute.ReduceOp.SUM, shares, axis=None)
            return dict(zip(names, tf.unstack(whole), strict=True))

        return step

    def _make_optimizer(self) -> tf.keras.optimizers.Optimizer:
        config = self._config
        rate: Any = config.learning_rate
        if config.schedule == "cosine":
            warmup = min(100, config.iterations // 10)
            rate = tf.keras.optimizers.schedules.CosineDecay(
                0.0,
                max(1, config.iterations - warmup),
                warmup_target=config.learning_rate,
                warmup_steps=warmup,
            )
        kind = {
            "adadelta": tf.keras.optimizers.Adadelta,
            "adam": tf.keras.optimizers.Adam,
        }[config.optimizer]
        return kind(rate, global_clipnorm=config.clip_norm or None, jit_compile=False)

    def _check_finite(self, step: int, terms: dict[str, float]) -> None:
        for name, value in terms.items():
            if not math.isfinite(value):
                raise InputError(
                    f"Training stopped at step {step}: the {name} loss became {value}. Lower "
                    "`learning_rate` or set `clip_norm`."
                )
