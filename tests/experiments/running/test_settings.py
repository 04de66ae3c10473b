from __future__ import annotations

import dataclasses

import pytest

from experiments.running.settings import flat, part, replaced


@dataclasses.dataclass(frozen=True)
class Inner:
    width: int = 3
    seed: int = 0


@dataclasses.dataclass(frozen=True)
class Outer:
    name: str = "a"
    first: Inner = part(Inner(), prefix="first_", skip=("seed",))
    second: Inner = part(Inner(width=5), suffix="_twice")
    seed: int = 7


def test_every_value_has_one_name() -> None:
    assert flat(Outer()) == {
        "name": "a",
        "first_width": 3,
        "width_twice": 5,
        "seed_twice": 0,
        "seed": 7,
    }


def test_values_are_put_where_they_belong() -> None:
    found = replaced(Outer(), {"first_width": 8, "seed_twice": 2, "seed": 1})
    assert found == Outer("a", Inner(8, 0), Inner(5, 2), 1)
    assert replaced(Outer(), {}) == Outer()


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(ValueError, match="Outer has no first_seed, height"):
        replaced(Outer(), {"height": 1, "first_seed": 2})


def test_a_name_given_twice_is_refused() -> None:
    @dataclasses.dataclass(frozen=True)
    class Twice:
        width: int = 1
        inner: Inner = part(Inner())

    with pytest.raises(ValueError, match="two values named width"):
        flat(Twice())
