from __future__ import annotations

import ast

import pytest

from tests.experiments.command import ROOT, run


def entry_points() -> list[str]:
    """Files of experiments/ that can be run."""
    files = sorted((ROOT / "experiments").glob("[a-z]*.py"))
    return [file.stem for file in files if "    cli.run(" in file.read_text("utf-8")]


def test_there_are_entry_points() -> None:
    assert {"table1", "verification", "render", "weights", "convert_weights"} <= set(entry_points())


@pytest.mark.parametrize("name", entry_points())
def test_help_begins_with_what_the_command_does(name: str) -> None:
    done = run(name, "--helpshort")
    source = (ROOT / "experiments" / f"{name}.py").read_text("utf-8")
    summary = (ast.get_docstring(ast.parse(source)) or "").splitlines()[0]
    assert done.stdout.startswith(summary)
    assert "Traceback" not in done.stderr
