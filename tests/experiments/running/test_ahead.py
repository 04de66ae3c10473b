"""Values made ahead: in order, handed out once, errors where they are taken, ended when left."""

import contextlib
import threading
import time

import pytest

from experiments.running.ahead import Ahead, worthwhile
from experiments.running.devices import ONE


def test_the_next_value_is_made_while_the_one_before_is_used():
    begun = threading.Event()

    def second():
        begun.set()
        return 2

    with Ahead({"first": lambda: 1, "second": second}) as made:
        assert made.take("first") == 1
        assert begun.wait(10), "nothing is made before it is asked for"
        assert made.take("second") == 2


def test_values_are_made_in_order_one_at_a_time():
    seen = []

    def maker(number):
        def make():
            seen.append(("begin", number))
            time.sleep(0.01)
            seen.append(("end", number))
            return number

        return make

    with Ahead({str(n): maker(n) for n in range(5)}) as made:
        assert [made.take(str(n)) for n in (4, 0, 2, 1, 3)] == [4, 0, 2, 1, 3]
    assert seen == [(what, n) for n in range(5) for what in ("begin", "end")]


def test_without_a_thread_each_is_made_when_taken():
    seen = []
    makers = {name: lambda name=name: seen.append(name) or threading.get_ident() for name in "ab"}
    with Ahead(makers, early=False) as made:
        assert not seen
        assert made.take("b") == threading.get_ident()
        assert seen == ["b"]


@pytest.mark.parametrize("early", [True, False])
def test_a_value_is_handed_out_once(early):
    with Ahead({"a": lambda: 1}, early) as made:
        made.take("a")
        with pytest.raises(KeyError, match="a"):
            made.take("a")
        with pytest.raises(KeyError, match="b"):
            made.take("b")


def test_an_error_is_raised_where_the_value_is_taken():
    def broken():
        raise ValueError("no such loss")

    with Ahead({"good": lambda: 1, "bad": broken, "after": lambda: 2}) as made:
        assert made.take("good") == 1
        with pytest.raises(ValueError, match="no such loss"):
            made.take("bad")
        with pytest.raises(ValueError, match="no such loss"):
            made.take("after")


def test_leaving_ends_what_is_being_made():
    begun, ended = threading.Event(), threading.Event()

    def endless():
        try:
            begun.set()
            while True:
                time.sleep(0.01)
        finally:
            ended.set()

    with contextlib.suppress(KeyboardInterrupt), Ahead({"endless": endless}):
        assert begun.wait(10)
        raise KeyboardInterrupt
    assert ended.is_set()
    assert not [thread for thread in threading.enumerate() if thread.name == "ahead"]


def test_one_core_or_several_devices_do_one_thing_at_a_time(monkeypatch):
    class Several:
        name = "mirrored"

    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    assert worthwhile(ONE)
    assert not worthwhile(Several())
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0})
    assert not worthwhile(ONE)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    monkeypatch.setattr("tensorflow.config.list_physical_devices", lambda kind: [kind])
    assert not worthwhile(ONE)
