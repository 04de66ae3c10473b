"""Every command parses the flags that it reads, and all of them live in one process."""

from __future__ import annotations

import importlib
import re
import types

import pytest
from absl import flags

from experiments.__main__ import commands
from experiments.flags import verification_flags
from experiments.flags.groups import FlagGroup, parsed, with_needed

FEWER = {"verification": {verification_flags}}
"""Modules of flags of which a command takes a part."""


@pytest.mark.parametrize("name", commands())
def test_a_command_has_the_flags_that_it_reads(name: str) -> None:
    module = importlib.import_module(f"experiments.{name}")
    groups = with_needed([module.FLAGS])
    names = {flag for group in groups for flag in group.values}
    for value in vars(module).values():
        if isinstance(value, flags.FlagHolder):
            assert value.name in names
        if isinstance(value, types.ModuleType) and value not in FEWER.get(name, ()):
            group = getattr(value, "FLAGS", None)
            assert not isinstance(group, FlagGroup) or group in groups, value.__name__


def test_commands_of_both_papers_parse_beside_each_other() -> None:
    pair = [importlib.import_module(f"experiments.{name}") for name in ("table1", "mofa_attack")]
    for module in (*pair, *pair):
        with parsed([module.FLAGS], ["--preset=smoke"]) as rest:
            assert rest == ["python"]


LEANING = re.compile(
    r"^(Of|The same|It|Its|Those|These|Them|Also|How (it|they)|Adam's,)\b"
    r"|\b(the|of the) (next|previous|following|other) (one|ones|two|three|flag|flags)\b"
    r"|\b(above|below)\b|\bthree next\b"
)
"""What a text says that needs its neighbour; `--help` sorts by name."""


@pytest.mark.parametrize("name", commands())
def test_help_texts_stand_alone(name: str) -> None:
    module = importlib.import_module(f"experiments.{name}")
    for group in with_needed([module.FLAGS]):
        for flag in group.values:
            text = group.values[flag].help.split(">: ")[-1]
            assert not LEANING.search(text), (flag, text)
            assert text[0].isupper() or text.startswith("thresholds.json"), (flag, text)
            assert len(text.split()) > 1, (flag, text)
