"""A small training for processes of their own: `python -m tests.experiments.toy_training`."""

from __future__ import annotations

import dataclasses
import os
import signal
from pathlib import Path

import numpy as np
import tensorflow as tf

from experiments.flags import command_line, strategy_flags
from experiments.flags.groups import FlagGroup
from experiments.flags.run_flags import OUTPUT_DIR
from experiments.flags.strategy_flags import chosen_devices, restarting
from experiments.running.devices import Devices
from resgn.generator import GeneratorConfig
from resgn.training import Noise, Progress, Trainer, TrainingConfig
from tests.resgn.toy_training import LOSS, dataset

FLAGS = FlagGroup(strategy_flags.FLAGS)

_DIE_AT = FLAGS.integer("die_at", None, "Step at which the process kills itself, once.")

GENERATOR = GeneratorConfig(1, 8, 3, 3, 1)
CONFIG = TrainingConfig(
    epochs=3, batch_size=4, learning_rate=1e-3, schedule="constant", average=0.5, seed=7
)


@dataclasses.dataclass
class Outcome:
    """What a training left behind."""

    weights: list[np.ndarray]
    reports: list[Progress]
    traces: int

    def terms(self) -> np.ndarray:
        """The reported losses, `[epochs, terms]`."""
        return np.array([list(report.terms.values()) for report in self.reports])


def train(
    folder: Path,
    devices: Devices,
    die_at: int | None = None,
    precision: str = "float32",
    noise: Noise | None = None,
) -> Outcome:
    """Train on these devices; `die_at` is a step at which this process kills itself, once."""
    config = dataclasses.replace(CONFIG, precision=precision)
    trainer = Trainer(GENERATOR, LOSS, config, folder, devices.strategy, noise=noise)
    data, steps = dataset(), 0
    died = folder / "died"

    def on_step() -> None:
        nonlocal steps
        steps += 1
        if steps == die_at and not died.exists():
            died.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    def validate(model: tf.keras.Model) -> dict[str, float]:
        cleaned = devices.shared(lambda images: model(images, training=False))
        error = cleaned(tf.constant(data.adversarial / np.float32(255))).numpy()
        return {"cleaned": -float(np.mean(np.square(error)))}

    reports: list[Progress] = []
    model = trainer.train(data, validate, reports.append, on_step)
    return Outcome(model.get_weights(), reports, trainer.traces)


def main(_: list[str]) -> None:
    folder = Path(OUTPUT_DIR.value)
    devices = chosen_devices()
    outcome = train(folder, devices, _DIE_AT.value)
    writer = "chief" if devices.chief else "worker"
    np.savez(folder / f"{writer}.npz", *outcome.weights)


if __name__ == "__main__":
    command_line.run(restarting(main), FLAGS)
