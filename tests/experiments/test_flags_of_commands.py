"""Every command parses the flags that it reads, and all of them live in one process."""

from __future__ import annotations

import importlib
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
