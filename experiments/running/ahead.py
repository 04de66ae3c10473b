"""What a table's next rows need, made in a thread of its own while a row is measured.

A training step of a few images leaves a second core nearly idle, and so does what TensorFlow does
in Python between two trainings. Everything is made in order and from seeds of its own, so that the
results are those of one row after the other.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Generic, TypeVar

import tensorflow as tf

from experiments.running.devices import Devices

Value = TypeVar("Value")


def worthwhile(devices: Devices) -> bool:
    """Whether two things at once are done sooner here: on several cores, without a GPU.

    A GPU's memory is one training's, and several devices must all do the same at a time.
    """
    several = len(os.sched_getaffinity(0)) > 1
    return several and devices.name == "none" and not tf.config.list_physical_devices("GPU")


class Ahead(Generic[Value]):
    """Values by name, made in the order given; leaving the `with` block ends what is being made.

        with Ahead({"joint": train_joint, "pixel": train_pixel}) as trained:
            measure(trained.take("joint"))  # while the next one is trained

    Args:
      makers: what makes each value.
      early: make them in a thread of its own; otherwise each is made when it is taken.
    """

    def __init__(self, makers: Mapping[str, Callable[[], Value]], early: bool = True) -> None:
        self._makers, self._early = dict(makers), early
        self._made: dict[str, Value] = {}
        self._failed: BaseException | None = None
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._make, name="ahead", daemon=True)

    def __enter__(self) -> Ahead[Value]:
        if self._early and self._makers:
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._thread.ident is not None:
            _end(self._thread)

    def take(self, name: str) -> Value:
        """A value, once it is there; it is handed out once and not kept.

        Raises:
          KeyError: nothing makes one of this name, or it has been taken.
          Exception: whatever its maker, or that of one before it, raised.
        """
        maker = self._makers.pop(name)
        if self._thread.ident is None:
            return maker()
        with self._changed:
            self._changed.wait_for(lambda: name in self._made or self._failed is not None)
            if name not in self._made and self._failed is not None:
                raise self._failed
            return self._made.pop(name)

    def _make(self) -> None:
        try:
            for name, maker in list(self._makers.items()):
                value = maker()
                with self._changed:
                    self._made[name] = value
                    self._changed.notify_all()
        except _Ended:
            pass
        except BaseException as error:  # raised where the value is taken
            with self._changed:
                self._failed = error
                self._changed.notify_all()


class _Ended(BaseException):
    """What a thread is ended by, as a program is by Ctrl-C."""


def _end(thread: threading.Thread) -> None:
    """Raise `_Ended` in a thread at its next step of Python, and wait until it is gone."""
    while thread.is_alive():
        # Again and again: what is raised while an object is being deleted is lost.
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread.ident or 0), ctypes.py_object(_Ended)
        )
        thread.join(1.0)
