"""Names of a package that are loaded when they are first asked for.

TensorFlow takes seconds to import; who lists a package or wants one small thing of it need not
wait.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any


def lazy_names(
    package: str, places: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """A package's `__getattr__` and `__dir__` (PEP 562).

    They belong behind `if not TYPE_CHECKING`: type checkers follow the imports that stand beside
    them, and take a name that is not there for a mistake.

    Args:
      package: its `__name__`.
      places: where each name is, below the package: `module`, `module:its name there`, or nothing
        for a module of this name.
    """

    def find(name: str) -> Any:
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, _, there = places[name].partition(":")
        found = importlib.import_module(f"{package}.{module or name}")
        return getattr(found, there or name) if module else found

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *places})

    return find, names
