"""What strategy and input pipeline cost in a training of ResGN.

    python -m benchmarks.training

Three ways to train the laptop preset's network on random images: on one device without a strategy,
the same under `mirrored`, and with a single batch that is handed out again and again in place of
the pipeline. They take turns step by step within one process, so that other load on the machine
hits all of them. The loss is the pixel term alone: with critics a step is longer and the
differences are smaller still. The median of a step is reported with its quartiles; beside the time
on the clock stands the processor's time summed over the cores, which other work on the machine
inflates less. A ratio is the median over the rounds of turns.
"""

from __future__ import annotations

import dataclasses
import functools
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import tensorflow as tf

from experiments.face_verification.settings import VerificationSettings
from experiments.flags import command_line
from experiments.flags.groups import FlagGroup
from experiments.running.devices import ONE, Devices, devices
from resgn.losses import JointLoss, LossWeights
from resgn.training import Trainer, TrainingConfig
from resgn.training_set import TrainingSet

FLAGS = FlagGroup()

_STEPS = FLAGS.integer("steps", 100, "Steps of each training.", 20)

SIDE = 160
WARM_UP = 10
"""First steps of each training, which compile and fill the pipeline, are not counted, nor is what
follows the last."""


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
    batch_size = VerificationSettings.laptop().training.batch_size
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
    turns = Turns(len(ways))
    with ThreadPoolExecutor(len(ways)) as pool:
        waiting = [
            pool.submit(train, *way, batch_size, functools.partial(turns.next, number))
            for number, way in enumerate(ways.values())
        ]
        turns.begin()
        for each in waiting:
            each.result()
    measured = [
        np.array(times)[WARM_UP:-1] for times in turns.times
    ]  # [steps, clock and processor]
    print(f"| a batch of {batch_size} at {SIDE}x{SIDE} | ms a step | processor | ratios |")
    print("|---|---|---|---|")
    for name, times in zip(ways, measured, strict=True):
        low, median, high = 1e3 * np.quantile(times, [0.25, 0.5, 0.75], axis=0)
        clock, processor = np.median(times / measured[0], axis=0)
        print(
            f"| {name} | {median[0]:.1f} ({low[0]:.1f}-{high[0]:.1f}) | "
            f"{median[1]:.1f} ({low[1]:.1f}-{high[1]:.1f}) | {clock:.3f}, {processor:.3f} |"
        )


class Turns:
    """Lets threads take turns, and keeps the time that each turn took.

    Attributes:
      times: for each thread its turns, each as seconds on the clock and of the processor.
    """

    def __init__(self, threads: int) -> None:
        self.times: list[list[tuple[float, float]]] = [[] for _ in range(threads)]
        self._began = (0.0, 0.0)
        self._turn = [threading.Semaphore(0) for _ in range(threads)]

    def begin(self) -> None:
        """Give the first thread its turn."""
        self._turn[0].release()

    def next(self, number: int, first: bool = False, last: bool = False) -> None:
        """End a thread's turn and wait for its next one; `first` only waits, `last` only ends."""
        if not first:
            now = (time.perf_counter(), time.process_time())
            self.times[number].append((now[0] - self._began[0], now[1] - self._began[1]))
            self._turn[(number + 1) % len(self._turn)].release()
        if not last:
            self._turn[number].acquire()
            self._began = (time.perf_counter(), time.process_time())


def train(data: TrainingSet, way: Devices, batch_size: int, turn: Callable[..., None]) -> None:
    """One training, which ends its turn after each step."""
    turn(first=True)
    generator = VerificationSettings.laptop().generator
    config = TrainingConfig(epochs=1, batch_size=batch_size)
    loss = JointLoss(LossWeights(1.0, 0.0, 0.0), tf.identity, tf.identity, 1.0)
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(generator, loss, config, Path(folder), way.strategy)
        trainer.train(data, lambda model: {"none": 0.0}, on_step=turn)
    turn(last=True)


if __name__ == "__main__":
    command_line.run(main, FLAGS)
