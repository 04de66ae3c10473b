"""Flags of every kind: what is taken, and what is refused in one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from experiments.flags import groups
from experiments.flags.groups import FlagGroup
from experiments.flags.parsers import Interval
from weights.errors import InputError


def value(kind: str, argument: str, *settings: Any) -> Any:
    """What a flag of this kind makes of an argument."""
    group = FlagGroup()
    flag = getattr(group, kind)("parsers_test", None, "Of no use.", *settings)
    with groups.parsed([group], [f"--parsers_test={argument}"]):
        return flag.value


@pytest.mark.parametrize(
    ("text", "inside", "outside", "said"),
    [
        ("(0, 1]", [1e-9, 1.0], [0.0, -0.1, 1.1], "lie in (0, 1]"),
        ("[0, 0.5]", [0.0, 0.5], [-1e-9, 0.51], "lie in [0, 0.5]"),
        ("[0, 1)", [0.0, 0.99], [1.0], "lie in [0, 1)"),
        ("[0, inf)", [0.0, 1e300], [-1.0], "be 0 or more"),
        ("(0, inf)", [1e-300], [0.0], "be above 0"),
        ("(-inf, inf)", [-1e300, 0.0], [], "be a finite number"),
        ("(-inf, inf]", [0.0], [], "be a finite number"),
    ],
)
def test_intervals(text: str, inside: list[float], outside: list[float], said: str) -> None:
    interval = Interval(text)
    assert all(number in interval for number in inside)
    assert not any(
        number in interval for number in [*outside, float("nan"), float("inf"), -float("inf")]
    )
    assert str(interval) == said


def test_numbers() -> None:
    assert value("number", "0.25", "(0, 1]") == 0.25
    assert value("number", "-3") == -3.0
    assert value("numbers", "0.5,1e-3, 1", "(0, 1]") == [0.5, 1e-3, 1.0]
    assert value("numbers", "", "(0, 1]", True) == []


@pytest.mark.parametrize(
    ("kind", "argument", "message"),
    [
        ("number", "0", r"^--parsers_test=0: must lie in \(0, 1\]\. --help shows all flags\.$"),
        ("number", "-0.1", "must lie in"),
        ("number", "1.5", "must lie in"),
        ("number", "nan", "--parsers_test=nan: must lie in"),
        ("number", "inf", "must lie in"),
        ("number", "", "'' is no number"),
        ("number", "much", "'much' is no number"),
        ("number", "0,5", "'0,5' is no number"),
        ("numbers", "", "at least one number is needed"),
        ("numbers", "0.1,,0.2", "'' is no number"),
        ("numbers", "0.1,0", "must lie in"),
        ("numbers", "0.1,nan", "must lie in"),
        ("numbers", "0.1,inf", "must lie in"),
        ("numbers", "0.1,0.10", "a number stands there twice"),
        ("numbers", "0.1;0.2", "is no number"),
    ],
)
def test_numbers_that_cannot_be(kind: str, argument: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        value(kind, argument, "(0, 1]")


def test_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert value("path", "~/x y") == f"{tmp_path}/x y"
    assert value("path", "~") == str(tmp_path)
    assert value("path", "a/~/b") == "a/~/b"
    assert value("path", "./~x") == "./~x"
    group = FlagGroup()
    flag = group.paths("parsers_test", [], "Of no use.")
    with groups.parsed([group], ["--parsers_test=~/a,/b,~/c d"]):
        assert flag.value == [f"{tmp_path}/a", "/b", f"{tmp_path}/c d"]
    with groups.parsed([group], []):
        assert flag.value == []


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("", "--parsers_test=: names nothing; leave the flag out"),
        (" ", "names nothing"),
        ("~nobody_of_this_name/x", "no home folder is known"),
    ],
)
def test_paths_that_cannot_be(argument: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        value("path", argument)


def test_unknown_flags_and_choices_are_one_sentence() -> None:
    group = FlagGroup()
    group.choice("parsers_test", "a", ["a", "b"], "Of no use.")
    group.integer("parsers_count", 1, "Of no use.", 1)
    for argument, message in (
        ("--parsers_test=c", r"^--parsers_test=c: value should be one of <a\|b>\. --help"),
        (
            "--parsers_tset=a",
            "^Unknown command line flag 'parsers_tset'. Did you mean: parse",
        ),
        ("--parsers_count=0", "^--parsers_count=0: "),
        ("--parsers_count=1e3", "^--parsers_count=1e3: "),
    ):
        with (
            pytest.raises(InputError, match=message) as raised,
            groups.parsed([group], [argument]),
        ):
            pass
        assert "\n" not in str(raised.value)
