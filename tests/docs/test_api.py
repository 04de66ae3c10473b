"""The code in docs/api.md runs, block after block, and the names in it are exported."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "api.md").read_text("utf-8")


def test_the_page_runs(tmp_path: Path) -> None:
    program = "\n".join(re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL))
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("room", ["attacks", "detector", "mofa", "resgn", "weights"])
def test_a_room_has_what_it_names(room: str) -> None:
    module = importlib.import_module(room)
    assert module.__all__
    assert list(module.__all__) == sorted(module.__all__, key=lambda n: (not n.isupper(), n))
    for name in module.__all__:
        assert getattr(module, name) is not None
    with pytest.raises(AttributeError, match="nothing_of_this_name"):
        module.nothing_of_this_name  # noqa: B018


def test_every_line_on_smoothing_names_what_is_exported() -> None:
    (section,) = re.findall(r"^## `resgn\.smoothing`.*?(?=^## )", TEXT, re.MULTILINE | re.DOTALL)
    first = re.findall(r"^\| `([A-Za-z_]+)\(", section, re.MULTILINE)
    assert len(first) == 5
    assert set(first) <= set(importlib.import_module("resgn.smoothing").__all__)


@pytest.mark.parametrize("room", ["attacks", "detector", "mofa", "resgn"])
def test_what_the_page_names_is_exported(room: str) -> None:
    section = re.split(r"^## ", TEXT, flags=re.MULTILINE)
    (text,) = [part for part in section if part.startswith(f"`{room}`")]
    prose = re.sub(r"```python.*?```", "", text, flags=re.DOTALL)
    names = set(re.findall(r"`([A-Za-z_]+)", prose)) - {room, "orl", "lfw", "celeba", "folder"}
    names -= {
        "facenet",
        "dlib",
        "uint",
        "attack",
        "perturbed",
        "result",
        "success",
        "success_",
        "make",
    }
    assert names <= set(importlib.import_module(room).__all__), names
