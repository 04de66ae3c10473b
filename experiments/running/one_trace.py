"""Functions are compiled one after the other, whichever thread calls them first.

TensorFlow locks every `tf.function` by itself while it is traced. The gradient of one that several
threads share, a target or a critic, is built while their own functions are traced, and nothing is
locked then: the second thread meets a graph that the first is still building.
"""

from __future__ import annotations

import threading

import tensorflow as tf

_LOCK = threading.RLock()
"""Taken again by what is traced within a trace."""


def one_trace_at_a_time() -> None:
    """Let all `tf.function`s, also those that are there already, share one lock.

    It is held while they are traced, and not while they compute. TensorFlow has no public way to
    say so; a name that it gave up would be noticed by `test_functions_are_traced_one_by_one`.
    """
    kind = type(tf.function(lambda: None))
    setattr(kind, "_lock", property(lambda _: _LOCK, _keep))  # noqa: B010


def _keep(function: object, own: object) -> None:
    """What TensorFlow sets stays where it looks for it when it copies a function."""
    vars(function)["_lock"] = own
