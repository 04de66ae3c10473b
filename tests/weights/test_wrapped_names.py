"""Prefixes before the names of tensors."""

from __future__ import annotations

import pytest

from weights.errors import InputError
from weights.wrapped_names import stored_names

NEEDED = ["conv.weight", "head.weight", "head.bias"]


@pytest.mark.parametrize(
    "prefix", ["", "module.", "model.", "_orig_mod.", "module._orig_mod.", "net.0.encoder."]
)
def test_one_prefix_before_all(prefix: str) -> None:
    names = ["step", *(f"{prefix}{name}" for name in NEEDED), f"{prefix}extra"]
    found = stored_names(names, NEEDED, "f.pt")
    assert found == {name: f"{prefix}{name}" for name in NEEDED}


def test_compiled_parts_have_their_word_in_the_middle() -> None:
    names = ["conv._orig_mod.weight", "head._orig_mod.weight", "head._orig_mod.bias"]
    assert stored_names(names, NEEDED, "f.pt") == dict(zip(NEEDED, names, strict=True))


def test_a_prefix_counts_only_where_it_fits() -> None:
    # `aux.` is of another network that ends alike; `x_conv.weight` has no dot before it.
    names = ["aux.conv.weight", "x_conv.weight", *(f"module.{name}" for name in NEEDED)]
    found = stored_names(names, NEEDED, "f.pt")
    assert found["conv.weight"] == "module.conv.weight"
    # The names as they are go before any prefix.
    both = [*(f"average.{name}" for name in NEEDED), *NEEDED]
    assert stored_names(both, NEEDED, "f.pt") == {name: name for name in NEEDED}


def test_what_is_missing_is_named_behind_the_prefix_that_brings_most() -> None:
    names = ["zzz.conv.weight", "module.conv.weight", "module.head.weight"]
    found = stored_names(names, NEEDED, "f.pt")
    assert found["head.bias"] == "module.head.bias"
    assert found["head.weight"] == "module.head.weight"
    assert stored_names(["other"], NEEDED, "f.pt") == {name: name for name in NEEDED}


def test_several_networks_are_no_answer() -> None:
    names = [f"{prefix}{name}" for prefix in ("teacher.", "student.") for name in NEEDED]
    with pytest.raises(InputError) as raised:
        stored_names(names, NEEDED, "f.pt")
    assert str(raised.value) == (
        "f.pt: holds several such networks, under student. and teacher.; save one of them alone."
    )
