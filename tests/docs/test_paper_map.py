"""docs/paper_map.md names places and commands that are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "paper_map.md").read_text("utf-8")
PLACES = sorted(set(re.findall(r"`([\w/]+\.py): (\w+)`", TEXT)))


def rows(author: str) -> list[list[str]]:
    lines = [line for line in TEXT.splitlines() if line.startswith(f"| {author}, ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_both_papers_are_there() -> None:
    assert len(PLACES) > 25


@pytest.mark.parametrize(("file", "name"), PLACES)
def test_places_are_there(file: str, name: str) -> None:
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    defined = {getattr(node, "name", None) for node in tree.body}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            defined |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    assert name in defined


@pytest.mark.parametrize("author", ["Su", "Teng"])
def test_commands_are_there(author: str) -> None:
    for row in rows(author):
        for command in re.findall(r"`(\w+)", row[3]):
            assert (ROOT / "experiments" / f"{command}.py").exists(), command


@pytest.mark.parametrize(
    ("author", "equations", "tables", "figures"),
    [("Su", range(1, 7), (1, 2), (1, 2)), ("Teng", range(1, 9), (1, 2), (1, 3, 4, 5, 6))],
)
def test_nothing_is_missing(
    author: str, equations: range, tables: tuple[int, ...], figures: tuple[int, ...]
) -> None:
    named = " ".join(row[0] for row in rows(author))
    for kind, numbers in (("Eq.", equations), ("Table", tables), ("Figure", figures)):
        for number in numbers:
            assert re.search(rf"{re.escape(kind)} {number}(?!\d)", named), (kind, number)
    assert "Algorithm 1" in named
    # Whoever looks for a number finds code or a command behind it.
    assert all(row[2] or row[3] for row in rows(author))
