"""Times pieces of code in turn, so that other work on the machine meets all of them alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from attacks import Criterion
from attacks.stochastic import Deterministic

Times = dict[str, tuple[Any, list[float], list[float]]]
"""For each row what it returned, and the seconds of each round on the clock and of the processor,
summed over the cores."""


def measure(rows: Mapping[str, Callable[[], Any]], rounds: int = 0) -> Times:
    """Time all rows in turn, after one run of each that may compile.

    Args:
      rows: by name, functions that end when their work is done.
      rounds: how often; 0 for as many as there are rows, so that each takes every place once.
    """
    names = list(rows)
    times: Times = {name: (rows[name](), [], []) for name in names}
    for number in range(rounds or len(names)):
        order = names[number % len(names) :] + names[: number % len(names)]
        for name in order if number % 2 == 0 else reversed(order):
            clock, processor = time.perf_counter(), time.process_time()
            rows[name]()
            times[name][1].append(time.perf_counter() - clock)
            times[name][2].append(time.process_time() - processor)
    return times


def medians(times: Times) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds of each row, on the clock and of the processor."""
    clock = {name: float(np.median(row[1])) for name, row in times.items()}
    processor = {name: float(np.median(row[2])) for name, row in times.items()}
    return clock, processor


def bare_gradients(
    network: Deterministic, criterion: Criterion, images: np.ndarray, steps: int
) -> Callable[[], np.ndarray]:
    """The floor of an attack: as many gradients as it takes steps, and nothing else.

    Args:
      network: from images to outputs.
      criterion: whose loss is differentiated.
      images: float32 `[N, H, W, 3]`.
      steps: gradients of each call.

    Returns:
      A function that computes them and gives back the images.
    """
    data, batch = criterion.tensors(), tf.constant(images)

    @tf.function
    def gradient(x: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = criterion.loss(network(x), *data)
        return tape.gradient(loss, x)

    def run() -> np.ndarray:
        for _ in range(steps):
            found = gradient(batch)
        found.numpy()
        return images

    return run
