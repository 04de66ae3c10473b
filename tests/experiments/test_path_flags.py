"""Every flag of every command that names a file or a folder knows `~`."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

import experiments
from experiments.__main__ import commands
from experiments.flags import groups
from experiments.flags.parsers import PathParser, PathsParser


@pytest.mark.parametrize("command", commands(Path(experiments.__file__).parent))
def test_flags_that_name_files_are_paths(command: str) -> None:
    module = importlib.import_module(f"experiments.{command}")
    for group in groups.with_needed([module.FLAGS]):
        for name in group.values:
            flag = group.values[name]
            named = name.endswith(("dir", "_weights", "encoder", "_file"))
            told = any(
                word in flag.help.lower().split()
                for word in ("file", "folder", "folder,", "folder.", "photograph", "wheel")
            )
            if flag.flag_type() == "string" and (named or told):
                is_path = isinstance(flag.parser, PathParser | PathsParser)
                assert is_path, (name, flag.help)
