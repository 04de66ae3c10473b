"""Names that are loaded when they are asked for."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = tmp_path / "lazy_toy"
    folder.mkdir()
    (folder / "__init__.py").write_text(
        "from weights.lazy_names import lazy_names\n"
        "HERE = 1\n"
        "__getattr__, __dir__ = lazy_names(__name__, "
        "{'Thing': 'things', 'other': 'things:Thing', 'tools': '', 'Lost': 'things'})\n"
    )
    (folder / "things.py").write_text("class Thing:\n    pass\n")
    (folder / "tools.py").write_text("tools = 'not this'\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("lazy_toy")
    for name in [n for n in sys.modules if n.split(".")[0] == "lazy_toy"]:
        del sys.modules[name]


def test_a_name_loads_its_module_and_no_other(package) -> None:
    assert "lazy_toy.things" not in sys.modules
    thing = package.Thing
    assert thing is sys.modules["lazy_toy.things"].Thing
    assert package.other is thing
    assert "lazy_toy.tools" not in sys.modules


def test_a_module_by_its_name(package) -> None:
    assert package.tools.__name__ == "lazy_toy.tools"


def test_listing_loads_nothing(package) -> None:
    listed = dir(package)
    assert listed == sorted(listed)
    assert {"HERE", "Thing", "other", "tools", "__name__"} <= set(listed)
    assert "lazy_toy.things" not in sys.modules


def test_what_is_not_there(package) -> None:
    with pytest.raises(AttributeError, match="module 'lazy_toy' has no attribute 'nothing'"):
        _ = package.nothing
    with pytest.raises(AttributeError, match=r"'lazy_toy\.things' has no attribute 'Lost'"):
        _ = package.Lost
