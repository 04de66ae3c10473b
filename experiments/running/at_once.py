"""Rows of a table made in several threads at once.

A training step of a few images leaves a second core nearly idle, and so does all that TensorFlow
does in Python. Every row draws from seeds of its own, so that the results are those of one row
after the other.
"""

from __future__ import annotations

import collections
import contextlib
import ctypes
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

import tensorflow as tf

from experiments.running.cores import cores
from experiments.running.devices import Devices
from experiments.running.one_trace import one_trace_at_a_time

Value = TypeVar("Value")

MOST = 4
"""Threads; each holds what one training holds."""


def workers(devices: Devices) -> int:
    """Threads that are worth their while: as many as cores, and none for one core or a GPU.

    A GPU's memory is one training's, and several devices must all do the same at a time.
    """
    count = cores()
    if count == 1 or devices.name != "none" or tf.config.list_physical_devices("GPU"):
        return 0
    return min(count, MOST)


def one_core_for_each() -> None:
    """Let TensorFlow compute each operation on one core, as suits several threads of small steps.

    To be called before it computes anything; later it changes nothing. Whoever has set
    `TF_NUM_INTRAOP_THREADS` keeps what was set.
    """
    if "TF_NUM_INTRAOP_THREADS" not in os.environ:
        with contextlib.suppress(RuntimeError):
            tf.config.threading.set_intra_op_parallelism_threads(1)


class AtOnce(Generic[Value]):
    """Values by name, begun in the order given; leaving the `with` block ends what is being made.

        with AtOnce({"joint": joint, "pixel": pixel, "none": none}, 2) as made:
            made.take("joint")  # "pixel" was begun with it; whichever is there first begins "none"

    Args:
      makers: what makes each value.
      workers: threads that make them; with 0 each is made when it is taken.
    """

    def __init__(self, makers: Mapping[str, Callable[[], Value]], workers: int) -> None:
        self._left = {name: (maker, Future[Value]()) for name, maker in makers.items()}
        self._waiting = collections.deque(self._left.values())
        self._threads = [
            threading.Thread(target=self._make, name=f"at once {number}", daemon=True)
            for number in range(min(workers, len(makers)))
        ]

    def __enter__(self) -> AtOnce[Value]:
        if self._threads:
            one_trace_at_a_time()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._waiting.clear()
        _end(self._threads)

    def take(self, name: str) -> Value:
        """A value, once it is there; it is handed out once and not kept.

        Raises:
          KeyError: nothing makes one of this name, or it has been taken.
          BaseException: whatever its maker raised.
        """
        maker, made = self._left.pop(name)
        return made.result() if self._threads else maker()

    def _make(self) -> None:
        while True:
            try:
                maker, made = self._waiting.popleft()
            except IndexError:
                return
            try:
                value = maker()
            except BaseException as error:  # told where the value is taken
                made.set_exception(error)
            else:
                made.set_result(value)


def _end(threads: Sequence[threading.Thread]) -> None:
    """Raise SystemExit in threads at their next step of Python, and wait until they are gone.

    Of all exceptions it is the one that a thread which it reaches outside of everything ends by
    without a word.
    """
    for thread in threads:
        thread.join(0.1)  # most are about to end by themselves
    while alive := [thread for thread in threads if thread.is_alive()]:
        # Again and again: what is raised while an object is being deleted is lost.
        for thread in alive:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(thread.ident or 0), ctypes.py_object(SystemExit)
            )
        alive[0].join(1.0)
