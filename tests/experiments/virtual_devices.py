"""Trains on one and on two virtual devices: `python -m tests.experiments.virtual_devices FILE`."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf

from experiments.strategy import ONE, devices
from resgn.training import Trainer, TrainingConfig
from tests.experiments.toy_training import GENERATOR, LOSS, train
from weights.errors import InputError


def main(file: Path) -> None:
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    two = devices("mirrored")
    found: dict[str, object] = {"replicas": two.strategy.num_replicas_in_sync}
    for precision in ("float32", "mixed_float16"):
        with tempfile.TemporaryDirectory() as folder:
            alone = train(Path(folder) / "one", ONE, precision=precision)
            together = train(Path(folder) / "two", two, precision=precision)
        found[precision] = {
            "weights": max(
                float(np.abs(a - b).max())
                for a, b in zip(alone.weights, together.weights, strict=True)
            ),
            "terms": float(np.abs(alone.terms() / together.terms() - 1.0).max()),
            "traces": together.traces,
            "finite": bool(np.isfinite(together.terms()).all()),
        }

    refused = []
    for batch_size, jit in ((3, False), (4, True)):
        config = TrainingConfig(batch_size=batch_size)
        try:
            Trainer(GENERATOR, LOSS, config, file.parent, two.strategy, jit)
        except InputError as error:
            refused.append(str(error))
    found["refused"] = refused
    seen: list[str] = []

    def work(rows: np.ndarray) -> np.ndarray:
        placed = tf.constant(rows) * 2
        seen.append(placed.device[-5:])
        return placed.numpy()

    found["shared"] = two.share(work, np.arange(7)).tolist()
    found["devices"] = sorted(seen)
    squares = two.shared(tf.square)(tf.range(5))
    found["squares"] = squares.numpy().tolist()
    found["everyone"] = [two.everyone(True), two.everyone(False)]
    file.write_text(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
