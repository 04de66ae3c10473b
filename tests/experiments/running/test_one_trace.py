"""What is traced by several threads at once is traced one by one."""

from __future__ import annotations

import contextlib
import copy
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import tensorflow as tf

from experiments.running.one_trace import one_trace_at_a_time


def at_once(functions: list[Callable[[], object]]) -> list[object]:
    """What each gives or raises, called in threads."""
    found: list[object] = [None] * len(functions)

    def call(number: int) -> None:
        try:
            found[number] = functions[number]()
        except Exception as error:
            found[number] = error

    threads = [threading.Thread(target=call, args=(number,)) for number in range(len(functions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def sharing_a_network(patience: float) -> tuple[bool, list[object]]:
    """Two gradients through one compiled function, asked for at once.

    Whether both threads were seen building the function's own gradient together, where either waits
    up to `patience` seconds for the other, and what the two got.
    """
    together = threading.Barrier(2)
    met = []

    @tf.custom_gradient
    def square(x: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
        def slope(upstream: tf.Tensor) -> tf.Tensor:
            if threading.current_thread() is not threading.main_thread():
                with contextlib.suppress(threading.BrokenBarrierError):
                    met.append(together.wait(patience))
            return 2.0 * x * upstream

        return tf.square(x), slope

    network = tf.function(square, autograph=False)
    network(tf.constant(1.0))

    def training() -> float:
        @tf.function(autograph=False)
        def gradient(x: tf.Tensor) -> tf.Tensor:
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = network(x)
            return tape.gradient(y, x)

        return float(gradient(tf.constant(3.0)))

    found = at_once([training, training])
    return bool(met), found


def test_functions_are_traced_one_by_one() -> None:
    one_trace_at_a_time()
    inside: list[int] = []
    most = []

    def traced(x: tf.Tensor) -> tf.Tensor:
        inside.append(1)
        most.append(len(inside))
        time.sleep(0.1)
        inside.pop()
        return 2.0 * x

    functions = [tf.function(traced, autograph=False) for _ in range(3)]
    found = at_once([lambda f=f: float(f(tf.constant(2.0))) for f in functions])
    assert found == [4.0, 4.0, 4.0]
    assert most == [1, 1, 1]


def test_the_gradient_of_a_network_that_threads_share_is_built_once_at_a_time() -> None:
    one_trace_at_a_time()
    assert sharing_a_network(patience=0.5) == (False, [6.0, 6.0])


def test_without_it_two_threads_build_one_gradient_together() -> None:
    """In a process of its own, where nothing has been locked; else the lock has become needless."""
    script = (
        "from tests.experiments.running.test_one_trace import sharing_a_network\n"
        "print('together:', sharing_a_network(patience=60)[0])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "together: True" in done.stdout, done.stderr


def test_a_function_can_still_be_copied() -> None:
    one_trace_at_a_time()
    function = tf.function(lambda x: x + 1.0, autograph=False)
    assert float(copy.copy(function)(tf.constant(1.0))) == 2.0
