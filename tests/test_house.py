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


# The house inside. Every folder of experiments/ imports only what lies below it.
INSIDE = ("running", "drawing", "protocol", "flags", "command")
PROTOCOLS = ("face_autoencoder", "face_verification")
MOST_LINES, MOST_LINES_OF_A_COMMAND = 420, 250


def modules() -> dict[str, Path]:
    """Every file of the rooms by the name under which it is imported."""
    found = {}
    for room in (*ROOMS, "benchmarks"):
        for path in sorted((ROOT / room).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            found[name.removesuffix(".__init__")] = path
    return found


MODULES = modules()
COMMANDS = [name for name, path in MODULES.items() if path.parent == ROOT / "experiments"]


def at_import(name: str) -> set[str]:
    """The modules of ours that a module names when it is imported.

    What stands under TYPE_CHECKING counts, too: two files that need each other's types are one
    thing in two places. What a function imports does not.
    """
    found: set[str] = set()

    def look(body: list[ast.stmt]) -> None:
        for node in body:
            if isinstance(node, ast.Import):
                found.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    whole = f"{node.module}.{alias.name}"
                    found.add(whole if whole in MODULES else node.module)
            elif isinstance(node, ast.If | ast.Try | ast.With):
                look([*node.body, *getattr(node, "orelse", [])])

    look(ast.parse(MODULES[name].read_text("utf-8")).body)
    return found & set(MODULES) - {name}


def circles(graph: dict[str, set[str]]) -> list[set[str]]:
    """Groups of modules each of which leads to every other one."""
    reached = {name: set(others) for name, others in graph.items()}
    waiting = list(graph)
    while waiting:
        name = waiting.pop()
        more = set().union(*(reached[other] for other in reached[name])) - reached[name]
        if more:
            reached[name] |= more
            waiting = list(graph)
    groups = {
        frozenset(other for other in reached[name] if name in reached[other]) for name in graph
    }
    return [set(group) for group in groups if group]


def test_a_circle_is_found() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [{"a", "b", "c"}]


def test_there_is_no_circle_of_imports() -> None:
    assert circles({name: at_import(name) for name in MODULES}) == []


def rank(name: str) -> int:
    """How high a module of experiments/ lies; a room lies below all of them."""
    room, *inside = name.split(".")
    if room != "experiments" or not inside:
        return -1
    folder = inside[0] if len(inside) > 1 or MODULES[name].name == "__init__.py" else "command"
    return INSIDE.index("protocol" if folder in PROTOCOLS else folder)


@pytest.mark.parametrize("name", [n for n in MODULES if n.startswith("experiments.")])
def test_nothing_in_experiments_looks_back(name: str) -> None:
    """Command, flags, protocol, drawing, running, rooms: each imports what stands further on."""
    for other in at_import(name):
        assert rank(other) <= rank(name), other
        if rank(name) == INSIDE.index("protocol") == rank(other):
            assert name.split(".")[1] == other.split(".")[1], "the protocols know nothing together"


@pytest.mark.parametrize("name", MODULES)
def test_commands_are_imported_by_nobody(name: str) -> None:
    named = imported(MODULES[name]) & set(COMMANDS) - {"experiments", name}
    assert not named


def test_commands_are_short_and_no_file_is_long() -> None:
    for name, path in MODULES.items():
        lines = len(path.read_text("utf-8").splitlines())
        assert lines <= (MOST_LINES_OF_A_COMMAND if name in COMMANDS else MOST_LINES), name


@pytest.mark.parametrize("name", MODULES)
def test_flags_are_read_by_commands_and_flags_alone(name: str) -> None:
    may = name in COMMANDS or name.startswith("experiments.flags")
    if not may and not name.startswith("benchmarks"):
        named = imported(MODULES[name])
        assert not {n for n in named if n.startswith(("absl.flags", "absl.app", "argparse"))}
        assert not {n for n in named if n.startswith("experiments.flags")}


@pytest.mark.parametrize("name", MODULES)
def test_private_names_stay_in_their_file(name: str) -> None:
    tree = ast.parse(MODULES[name].read_text("utf-8"))
    files: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                ours = node.module.split(".")[0] in (*ROOMS, "benchmarks")
                assert not (ours and private(alias.name)), alias.name
                if f"{node.module}.{alias.name}" in MODULES:
                    files.add(alias.asname or alias.name)
        elif isinstance(node, ast.Import):
            files |= {alias.asname or alias.name for alias in node.names if alias.name in MODULES}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and private(node.attr):
            assert ast.unparse(node.value) not in files, (node.lineno, node.attr)


def private(name: str) -> bool:
    """`_name`, but not `__name__`."""
    return name.startswith("_") and not name.startswith("__")
