"""The rooms import as the plan of the house says, and flags live in experiments/ alone."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("attacks", "detector", "experiments", "mofa", "resgn", "weights")
MAY_IMPORT = {
    "weights": set(),
    "attacks": set(),
    "resgn": {"weights"},
    "mofa": {"weights"},
    "detector": {"weights"},
    "experiments": set(ROOMS),
}


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_import_only_what_they_may(room: str) -> None:
    files = sorted((ROOT / room).rglob("*.py"))
    assert files
    for path in files:
        rooms = {name.split(".")[0] for name in imported(path)} & set(ROOMS)
        assert rooms <= MAY_IMPORT[room] | {room}, path


@pytest.mark.parametrize("room", [room for room in ROOMS if room != "experiments"])
def test_flags_live_in_experiments_alone(room: str) -> None:
    for path in (ROOT / room).rglob("*.py"):
        assert not {n for n in imported(path) if n.startswith("absl.flags") or n == "argparse"}, (
            path
        )


@pytest.mark.parametrize("room", [room for room in ROOMS if room != "experiments"])
def test_messages_name_parameters_and_no_flags(room: str) -> None:
    """The library does not know the command line; `experiments` adds the dashes."""
    for path in (ROOT / room).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found = re.findall(r"(?<!-)--[a-z_]+", node.value)
                assert not found or "pip " in node.value, (path, node.lineno, found)


def test_importing_weights_needs_no_tensorflow() -> None:
    program = """
        import sys, weights
        assert weights.registry.KNOWN and issubclass(weights.InputError, ValueError)
        print(*(name for name in ("tensorflow", "keras", "h5py") if name in sys.modules))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "\n"


def test_every_file_says_what_it_is() -> None:
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            assert ast.get_docstring(ast.parse(path.read_text("utf-8"))), path
