"""What the rooms show of themselves."""

from __future__ import annotations

import ast
import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

import detector
import mofa
import resgn
from mofa.face_renderer import Camera

ROOT = Path(__file__).parents[1]


ROOMS = [resgn, mofa, detector]


@pytest.mark.parametrize("room", ROOMS)
def test_every_name_is_there_and_is_the_one_of_its_module(room) -> None:
    for name in room.__all__:
        found = getattr(room, name)
        assert name in dir(room)
        home = getattr(found, "__module__", found.__name__)
        assert home.split(".")[0] == room.__name__
        if home != found.__name__:
            assert getattr(importlib.import_module(home), found.__name__) is found
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = room.nothing


@pytest.mark.parametrize("room", ROOMS)
def test_type_checkers_are_told_of_the_same_things(room) -> None:
    """They follow the imports under `if TYPE_CHECKING`, which nothing runs."""
    (block,) = (
        each
        for each in ast.parse(Path(room.__file__).read_text("utf-8")).body
        if isinstance(each, ast.If) and ast.unparse(each.test) == "TYPE_CHECKING"
    )
    told = {
        (alias.asname or alias.name): (each.module, alias.name)
        for each in block.body
        for alias in each.names
    }
    assert sorted(told) == sorted(room.__all__)
    for name, (module, there) in told.items():
        home = importlib.import_module(module)
        found = getattr(home, there, None) or importlib.import_module(f"{module}.{there}")
        assert getattr(room, name) is found


@pytest.mark.parametrize("room", ROOMS)
def test_a_star_brings_all_names_and_no_others(room) -> None:
    names: dict[str, object] = {}
    exec(f"from {room.__name__} import *", names)
    assert set(names) - {"__builtins__"} == set(room.__all__)


def test_they_are_what_they_are_called() -> None:
    assert mofa.Camera is Camera
    assert mofa.encoder.load.__module__ == "mofa.encoder"
    assert mofa.read_model.__module__ == "mofa.face_model_files.reading"


def test_importing_a_room_needs_no_tensorflow() -> None:
    program = "import sys, resgn, mofa, detector; dir(resgn); print('tensorflow' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False\n"
