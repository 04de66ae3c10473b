"""What strategy and input pipeline cost in a training of ResGN.

    python -m benchmarks.training

Three ways to train the laptop preset's network on random images, in turns within one process, so
that other load on the machine hits all of them: on one device without a strategy, the same under
`mirrored`, and with a single batch that is handed out again and again in place of the pipeline. The
loss is the pixel term alone: with critics a step is longer and the differences are smaller still.
The median time from one step to the next is reported with its quartiles, and the ratios.
"""

from __future__ import annotations

import dataclasses
import tempfile
import time
from pathlib import Path

import numpy as np
import tensorflow as tf
from absl import app, flags

from experiments import presets
from experiments.strategy import ONE, Devices, devices
from resgn.generator import GeneratorConfig
from resgn.losses import JointLoss, LossWeights
from resgn.training import Trainer, TrainingConfig
from resgn.training_set import TrainingSet

_ROUNDS = flags.DEFINE_integer("rounds", 4, "Times each of the ways is trained.", 1)
_STEPS = flags.DEFINE_integer("steps", 60, "Steps of each training.", 20)

SIDE = 160
WARM_UP = 10
"""First steps of each training, which compile and fill the pipeline; they are not counted."""


class OneBatch(TrainingSet):
    """A training set whose first batch comes again and again."""

    def batches(
        self,
        batch_size: int,
        seed: int,
        epochs: range,
        part: tf.distribute.InputContext | None = None,
    ) -> tf.data.Dataset:
        """The same batch for ever, which nothing has to make."""
        return super().batches(batch_size, seed, epochs, part).take(1).cache().repeat()


def main(argv: list[str]) -> None:
    """Print the table."""
    del argv
    batch_size = presets.LAPTOP["batch_size"]
    count = batch_size * _STEPS.value
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (count, SIDE, SIDE, 3), dtype=np.uint8)
    nothing = np.zeros((count, 0), np.float32)
    data = TrainingSet(images, np.arange(count), images, nothing, nothing)
    again = OneBatch(**{f.name: getattr(data, f.name) for f in dataclasses.fields(data)})
    ways = {
        "no strategy": (data, ONE),
        "mirrored on one device": (data, devices("mirrored")),
        "no strategy, one batch repeated": (again, ONE),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(_ROUNDS.value):
        for name, (examples, way) in ways.items():
            seconds[name] += times(examples, way, batch_size)
    plain = float(np.median(seconds["no strategy"]))
    print(f"| a batch of {batch_size} at {SIDE}x{SIDE} | ms a step | to no strategy |")
    print("|---|---|---|")
    for name, values in seconds.items():
        low, median, high = 1e3 * np.quantile(values, [0.25, 0.5, 0.75])
        print(f"| {name} | {median:.1f} ({low:.1f}-{high:.1f}) | {median / plain / 1e3:.3f} |")


def times(data: TrainingSet, way: Devices, batch_size: int) -> list[float]:
    """Seconds from each step to the next in one training."""
    generator = GeneratorConfig(
        **{f.name: presets.LAPTOP[f.name] for f in dataclasses.fields(GeneratorConfig)}
    )
    config = TrainingConfig(epochs=1, batch_size=batch_size)
    loss = JointLoss(LossWeights(1.0, 0.0, 0.0), tf.identity, tf.identity, 1.0)
    clock: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(generator, loss, config, Path(folder), way.strategy)
        trainer.train(
            data, lambda model: {"none": 0.0}, on_step=lambda: clock.append(time.perf_counter())
        )
    return np.diff(clock)[WARM_UP:].tolist()


if __name__ == "__main__":
    app.run(main)
