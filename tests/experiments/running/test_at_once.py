"""Values made at once: begun in order, taken once, errors where they are taken, ended when left."""

import contextlib
import os
import subprocess
import sys
import threading
import time

import pytest

from experiments.running.at_once import MOST, AtOnce, workers
from experiments.running.devices import ONE


def test_the_next_value_is_made_while_the_one_before_is_used():
    begun = threading.Event()

    def second():
        begun.set()
        return 2

    with AtOnce({"first": lambda: 1, "second": second}, 1) as made:
        assert made.take("first") == 1
        assert begun.wait(10), "nothing is made before it is asked for"
        assert made.take("second") == 2


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_values_are_begun_in_order_as_many_at_once_as_there_are_workers(threads):
    seen, running, lock = [], [0, 0], threading.Lock()
    all_at_work = threading.Barrier(threads)

    def maker(number):
        def make():
            with lock:
                seen.append(number)
                running[0] += 1
                running[1] = max(running)
            all_at_work.wait(20)
            with lock:
                running[0] -= 1
            return number

        return make

    with AtOnce({str(n): maker(n) for n in range(6)}, threads) as made:
        assert [made.take(str(n)) for n in (4, 0, 2, 1, 3, 5)] == [4, 0, 2, 1, 3, 5]
    assert running == [0, threads]
    if threads == 1:
        assert seen == list(range(6))
    assert sorted(seen) == list(range(6))


def test_without_a_thread_each_is_made_when_taken():
    seen = []
    makers = {name: lambda name=name: seen.append(name) or threading.get_ident() for name in "ab"}
    with AtOnce(makers, 0) as made:
        assert not seen
        assert made.take("b") == threading.get_ident()
        assert seen == ["b"]


@pytest.mark.parametrize("threads", [0, 1])
def test_a_value_is_handed_out_once(threads):
    with AtOnce({"a": lambda: 1}, threads) as made:
        made.take("a")
        with pytest.raises(KeyError, match="a"):
            made.take("a")
        with pytest.raises(KeyError, match="b"):
            made.take("b")


@pytest.mark.parametrize("threads", [0, 1, 2])
@pytest.mark.parametrize("error", [ValueError, IndexError, SystemExit])
def test_an_error_is_raised_where_the_value_is_taken(error, threads):
    def broken():
        raise error("no such loss")

    with AtOnce({"good": lambda: 1, "bad": broken, "after": lambda: 2}, threads) as made:
        assert made.take("good") == 1
        with pytest.raises(error, match="no such loss"):
            made.take("bad")
        assert made.take("after") == 2


def test_leaving_ends_what_is_being_made_and_begins_nothing_more():
    begun, ended, never = threading.Event(), threading.Event(), threading.Event()

    def endless():
        try:
            begun.set()
            while True:
                time.sleep(0.01)
        finally:
            ended.set()

    with contextlib.suppress(KeyboardInterrupt), AtOnce({"a": endless, "b": never.set}, 1):
        assert begun.wait(10)
        raise KeyboardInterrupt
    assert ended.is_set()
    assert not never.is_set()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("at once")]


def test_one_core_a_gpu_or_several_devices_do_one_thing_at_a_time(monkeypatch):
    class Several:
        name = "mirrored"

    for cores, expected in ((1, 0), (2, 2), (3, 3), (64, MOST)):
        monkeypatch.setattr("os.sched_getaffinity", lambda _, n=cores: set(range(n)))
        assert workers(ONE) == expected
    assert workers(Several()) == 0
    monkeypatch.setattr("tensorflow.config.list_physical_devices", lambda kind: [kind])
    assert workers(ONE) == 0


@pytest.mark.parametrize("chosen", [None, "2"])
def test_operations_take_one_core_each_unless_the_user_chose(chosen):
    """In a process of its own: TensorFlow takes it only before it has computed anything."""
    program = (
        "import tensorflow as tf; from experiments.running.at_once import one_core_for_each; "
        "one_core_for_each(); print(tf.config.threading.get_intra_op_parallelism_threads()); "
        "tf.zeros([]).numpy(); one_core_for_each()"
    )
    environment = {n: v for n, v in os.environ.items() if n != "TF_NUM_INTRAOP_THREADS"}
    environment |= {"TF_NUM_INTRAOP_THREADS": chosen} if chosen else {}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ("0" if chosen else "1")
