"""One device or many: `tf.distribute`, GPU memory, and how work is shared out."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

from experiments.running.cluster import Cluster, wait_for_all

STRATEGIES = ("none", "mirrored", "multi_worker")

LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
    tf.errors.FailedPreconditionError,
)
"""What TensorFlow raises on a machine when another one is gone."""

WAIT = 600.0
"""Seconds to wait for other machines."""
_JOINING = 300.0

RESTARTS = 100
_COUNT = "RESGN_RESTARTS"
_PAUSE = 2.0


@dataclasses.dataclass(frozen=True, eq=False)
class Devices:
    """What a run computes on.

    Attributes:
      name: one of `STRATEGIES`.
      strategy: of `tf.distribute`. Networks that many devices use are built in its scope.
    """

    name: str
    strategy: tf.distribute.Strategy

    @property
    def chief(self) -> bool:
        """Whether this process is the one that writes checkpoints, weights, logs and results."""
        return bool(self.strategy.extended.should_checkpoint)

    @property
    def workers(self) -> int:
        """Processes that take part."""
        if self.name != "multi_worker":
            return 1
        return self.strategy.num_replicas_in_sync // len(self._local)

    @property
    def _local(self) -> tuple[str, ...]:
        return tuple(self.strategy.extended.worker_devices)

    def facts(self) -> dict[str, Any]:
        """What belongs into `result.json`."""
        return {"strategy": self.name, "replicas": self.strategy.num_replicas_in_sync}

    def share(self, work: Callable[[np.ndarray], np.ndarray], rows: np.ndarray) -> np.ndarray:
        """Share out rows over all devices of all machines.

        Args:
          work: from numbers of rows, int `[n]`, to an array `[n, ...]`; it runs once on each
            device, on those of one machine at the same time.
          rows: all of them, int `[N]`; at least one.

        Returns:
          `[N, ...]`, in the order of the rows, the same on every machine.
        """
        shares = self.strategy.num_replicas_in_sync
        if shares == 1:
            return work(rows)
        # Equal shares, as gathering wants them: a few rows are worked on twice.
        size = -(-len(rows) // shares)
        parts = np.resize(rows, (shares, size))
        first = self._first_replica()

        def on(device: str, number: int) -> np.ndarray:
            with tf.device(device):
                return work(parts[first + number])

        with ThreadPoolExecutor(len(self._local)) as pool:
            done = np.concatenate(list(pool.map(on, self._local, range(len(self._local)))))
        return self._gathered(done)[: len(rows)]

    def shared(self, embed: Callable[[tf.Tensor], tf.Tensor]) -> Callable[[tf.Tensor], tf.Tensor]:
        """The same function of a batch, `[N, ...]` to `[N, ...]`, shared out over all devices."""
        if self.strategy.num_replicas_in_sync == 1:
            return embed
        return lambda batch: tf.constant(
            self.share(lambda rows: embed(tf.gather(batch, rows)).numpy(), np.arange(len(batch)))
        )

    def everyone(self, here: bool) -> bool:
        """Whether something holds on every machine; all must ask together.

        What one machine reads from a cache and another has to make would leave them waiting for
        each other.
        """
        return bool(self._gathered(np.array([here], np.int32)).all())

    def alike(self, digest: bytes) -> bool:
        """Whether every machine has the same, a few bytes; all must ask together."""
        gathered = self._gathered(np.frombuffer(digest, np.uint8)[np.newaxis])
        return bool((gathered == gathered[0]).all())

    def _first_replica(self) -> int:
        """The number of this machine's first device among all."""
        numbers = self.strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(context.replica_id_in_sync_group)
        )
        return int(self.strategy.experimental_local_results(numbers)[0])

    def _gathered(self, part: np.ndarray) -> np.ndarray:
        """The parts `[n, ...]` of all machines, one behind the other."""
        if self.workers == 1:
            return part
        # Collectives know few types, and every type is bytes.
        row = part[:1].tobytes()
        padding = -len(row) % 4
        data = np.frombuffer(np.ascontiguousarray(part).tobytes(), np.uint8).reshape(len(part), -1)
        words = tf.constant(np.pad(data, ((0, 0), (0, padding))).view(np.int32))
        own = self.strategy.experimental_distribute_values_from_function(lambda _: words)
        gathered = self.strategy.gather(own, axis=0).numpy()
        # Each machine's part comes once from each of its devices.
        gathered = gathered.reshape(self.workers, len(self._local), len(part), -1)[:, 0]
        every = gathered.view(np.uint8)[..., : len(row)].tobytes()
        return np.frombuffer(every, part.dtype).reshape(-1, *part.shape[1:])


ONE = Devices("none", tf.distribute.get_strategy())
"""One device."""


def devices(name: str, wait: float = WAIT) -> Devices:
    """The devices of a strategy.

    Args:
      name: one of `STRATEGIES`.
      wait: seconds to wait for other machines at most.

    Raises:
      InputError: `TF_CONFIG` is missing or malformed, or some machine does not come.
    """
    grow_memory()
    if name == "mirrored":
        return Devices(name, tf.distribute.MirroredStrategy(_logical_devices()))
    if name == "multi_worker":
        wait_for_all(Cluster.of(os.environ.get("TF_CONFIG")), wait)
        return Devices(name, _joined())
    return ONE


def _joined() -> tf.distribute.Strategy:
    """TensorFlow's cluster, once all machines are there."""
    # One that goes away now leaves the others inside TensorFlow, where no Python runs: signals
    # then end this process without it.
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, _JOINING)
    try:
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    finally:  # also for a process that starts again, which keeps its timers
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGINT, before)
    # TensorFlow swallows SIGTERM from here on; a training may end at any time.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    return strategy


def grow_memory() -> None:
    """Let TensorFlow take a GPU's memory as it needs it instead of all at once."""
    # TensorFlow refuses where the GPUs are in use already, which then have their memory.
    with contextlib.suppress(RuntimeError):
        for gpu in tf.config.list_physical_devices("GPU"):
            tf.config.experimental.set_memory_growth(gpu, True)


def _logical_devices() -> list[str]:
    """Every GPU, or where there is none, every (virtual) CPU."""
    found = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return [device.name for device in found]


def restarting(
    main: Callable[[list[str]], None], several: Callable[[], bool]
) -> Callable[[list[str]], None]:
    """`main` that starts itself anew with `--resume` when another machine is lost.

    TensorFlow cannot take a machine back into a running cluster. So every process leaves the
    broken one, waits in a new one until all are there, and goes on from the last checkpoint.

    Args:
      main: of an entry point.
      several: whether it runs on several machines; asked when something is lost.
    """

    def guarded(argv: list[str]) -> None:
        try:
            main(argv)
        except LOST as error:
            restarts = int(os.environ.get(_COUNT, "0"))
            if not several() or restarts >= RESTARTS:
                raise
            reason = str(error.message).strip().splitlines()
            logging.warning(
                "Another machine is lost (%s); starting again from the last checkpoint.",
                reason[-1][:200] if reason else type(error).__name__,
            )
            start_again(restarts + 1)

    return guarded


def start_again(restarts: int) -> None:
    """Replace this process by a new one with the same arguments and `--resume`."""
    sys.stdout.flush()
    sys.stderr.flush()
    time.sleep(_PAUSE)
    arguments = [a for a in sys.orig_argv[1:] if a not in ("--resume", "--resume=true")]
    os.environ[_COUNT] = str(restarts)
    os.execv(sys.executable, [sys.executable, *arguments, "--resume"])
