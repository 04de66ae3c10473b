"""What differs in anything has another fingerprint, what is built the same way has the same one."""

from __future__ import annotations

import enum
import functools
import threading
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from attacks.fingerprint import Fingerprint, NotComparableError


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Tagged(str):
    """Text with attributes."""

    def __new__(cls, text: str, **attributes: Any) -> Tagged:
        found = super().__new__(cls, text)
        vars(found).update(attributes)
        return found


class Plain:
    def __init__(self, **attributes: Any) -> None:
        vars(self).update(attributes)

    def method(self) -> None: ...

    def other(self) -> None: ...


class Slot:
    __slots__ = "first"

    def __init__(self, first: int) -> None:
        self.first = first


class Slots(Slot):
    __slots__ = ("__weakref__", "second", "unset")

    def __init__(self, first: int, second: int) -> None:
        super().__init__(first)
        self.second = second


def kinds() -> list[Any]:
    """Values of which no two are the same."""
    return [
        *({1.0, 2.0}, {1.0}, frozenset({1.0}), set(), frozenset()),
        *({"a": 1}, {"a": 2}, {"b": 1}, {"a": 1, "b": 1}, {}),
        *(types.MappingProxyType({"a": 1}), types.MappingProxyType({"a": 2})),
        *([1, 2], [2, 1], (1, 2), [[1], 2], [1, [2]], [], ()),
        *(slice(1, 5, 2), slice(0, 5, 2), slice(1, 6, 2), slice(1, 5)),
        *(range(1, 5, 2), range(0, 5, 2), range(1, 6, 2), range(1, 5)),
        *(np.dtype("f4"), np.dtype("f8"), tf.float32, tf.float64),
        *(np.zeros(2), np.ones(2), np.zeros(3), np.zeros([1, 2]), np.zeros([2, 1])),
        *(np.zeros(2, "f4"), np.zeros(2, "i8"), np.float64(0), np.float32(0), np.zeros([])),
        *(tf.zeros([2]), tf.ones([2]), tf.zeros([2, 1]), tf.zeros([2], tf.float64)),
        *(0.0, -0.0, 0, False, 0j, "0", b"0", None, float("nan")),
        *(Tagged("a"), Tagged("a", tag=1), Tagged("a", tag=2), Tagged("b", tag=1), "a"),
        *(Colour.RED, Colour.BLUE, Colour, Plain, types),
        *(Plain(), Plain(a=1), Plain(b=1), Plain(a=2), Plain(a=1, b=1), Plain(a=Plain())),
        *(Slot(1), Slot(2), Slots(1, 2), Slots(1, 3), Slots(3, 2)),
        *(Plain(a=1).method, Plain(a=2).method, Plain(a=1).other),
        *(functools.partial(len, 1), functools.partial(len, 2), functools.partial(abs, 1)),
        *(functools.partial(len, a=1), functools.partial(len), len, Plain.method),
    ]


def test_every_value_has_its_own() -> None:
    found = [Fingerprint().of(each) for each in kinds()]
    assert found == [Fingerprint().of(each) for each in kinds()]
    assert list(map(hash, found)) == [hash(Fingerprint().of(each)) for each in kinds()]
    for number, one in enumerate(found):
        same = [other for other, each in enumerate(found) if each == one]
        assert same == [number], [kinds()[other] for other in same]


def test_the_order_of_names_decides_nothing() -> None:
    assert Fingerprint().of(Plain(a=1, b=2)) == Fingerprint().of(Plain(b=2, a=1))
    assert Fingerprint().of({"a": 1, "b": 2}) == Fingerprint().of({"b": 2, "a": 1})


def held() -> tuple[Callable[[], Any], Callable[[Any], None], Callable[[], None]]:
    value: Any = 1

    def get() -> Any:
        return value

    def put(other: Any) -> None:
        nonlocal value
        value = other

    def drop() -> None:
        nonlocal value
        del value

    return get, put, drop


def test_functions_are_told_apart_by_defaults_and_by_what_they_close_over() -> None:
    def function(first: int = 1, *, second: int = 2) -> None: ...

    get, put, drop = held()
    seen = [Fingerprint().of(function), Fingerprint().of(get), Fingerprint().of(held()[0])]
    again = Fingerprint().of(function), Fingerprint().of(get)
    assert again == (seen[0], seen[1])
    function.__defaults__ = (3,)
    put(2)
    seen += [Fingerprint().of(function), Fingerprint().of(get)]
    function.__defaults__, function.__kwdefaults__ = (1,), {"second": 3}
    drop()
    seen += [Fingerprint().of(function), Fingerprint().of(get)]
    assert len(set(seen)) == len(seen)
    function.__kwdefaults__ = {"second": 2}
    put(1)
    assert (Fingerprint().of(function), Fingerprint().of(get)) == again


def circle(*, inner: bool) -> list[Any]:
    """A list that holds one that holds itself, or the first."""
    first: list[Any] = [1]
    second: list[Any] = []
    first.append(second)
    second.append(second if inner else first)
    return first


def test_what_holds_itself_comes_to_an_end() -> None:
    found = [Fingerprint().of(circle(inner=inner)) for inner in (False, True)]
    assert found[0] != found[1]
    assert found == [Fingerprint().of(circle(inner=inner)) for inner in (False, True)]
    twice = [1]  # held twice is no circle
    assert Fingerprint().of([twice, twice]) == Fingerprint().of([[1], [1]])


def test_data_is_left_out_wherever_it_is_held() -> None:
    def seen(data: np.ndarray, number: int) -> tuple[Any, Any]:
        value = Plain(own=data, deep=[{"a": data}], number=number)
        fingerprint = Fingerprint([data])
        return fingerprint.of(value), fingerprint.copied(value)

    (found, copy), (again, _), (other, _) = (
        seen(np.zeros(2), 1),
        seen(np.ones(3), 1),
        seen(np.zeros(2), 2),
    )
    assert found == again != other
    assert copy.number == 1
    for place in (copy.own, copy.deep[0]["a"]):
        assert "have to take it from *data" in repr(place)
        with pytest.raises(AttributeError, match=r"shape of <what tensors\(\) returns"):
            _ = place.shape


def test_a_copy_shares_what_is_known_by_identity_alone() -> None:
    variable, (get, put, _) = tf.Variable(1.0), held()
    value = Plain(variable=variable, module=types, get=get, kind=Plain, numbers=[1, [2]])
    fingerprint = Fingerprint()
    before = fingerprint.of(value)
    copy = fingerprint.copied(value)
    value.numbers[1].append(3)
    put(5)
    assert copy.numbers == [1, [2]]
    assert (copy.variable, copy.module, copy.kind) == (variable, types, Plain)
    assert copy.variable is variable
    assert copy.get is get
    assert Fingerprint().of(value) != before
    variable.assign(2.0)  # read anew by whatever was compiled
    put(1)
    value.numbers[1].pop()
    assert Fingerprint().of(value) == before


def test_what_cannot_be_compared_or_copied_says_so() -> None:
    for value, message in (
        (threading.Lock(), "a lock cannot be compared"),
        ((each for each in "ab"), "a generator cannot be compared"),
        (np.array([None, 1]), "an array of objects cannot be compared"),
    ):
        for wrapped in (value, [value], Plain(a={"b": value})):
            with pytest.raises(NotComparableError, match=message):
                Fingerprint().of(wrapped)

    class Stubborn(Plain):
        def __deepcopy__(self, memo: dict[int, Any]) -> Any:
            raise ValueError("there is one alone")

    with pytest.raises(NotComparableError, match="Stubborn cannot be copied: there is one alone"):
        Fingerprint().copied(Stubborn())

    @tf.function
    def traced(x: tf.Tensor) -> tf.Tensor:
        with pytest.raises(NotComparableError, match="a tensor without a value"):
            Fingerprint().of([x])
        return x

    traced(tf.zeros([2]))
