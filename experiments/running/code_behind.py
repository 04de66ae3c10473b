"""The code behind a command: every definition of the project that it can reach.

Followed are names through imports, also those inside functions and those that a package gives away
lazily. A method is reached where its class is and something reached names an attribute like it;
all methods are where the class has a base from elsewhere, which may call any. A module that is only
imported, and of which nothing is used, is not.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import NamedTuple

from experiments.running.code_units import AS_COMMAND, LOOSE, Source, Unit

LEFT_OUT = (
    # What a run shows and where it writes.
    "experiments.drawing",
    "experiments.face_verification.monitoring",
    "experiments.face_verification.sentences",
    "experiments.running.closed_output",
    "experiments.running.json_files",
    "experiments.running.provenance",
    "experiments.running.result_labels",
    "experiments.running.results:csv_table",
    "experiments.running.results:markdown_table",
    "experiments.running.results:write_text",
    "experiments.running.run",
    "experiments.running.run_folder",
    "weights.atomic",
    "weights.errors",
    # How a command line is read. Defaults stand in settings and in the groups of flags, which stay.
    "experiments.flags.cli",
    "experiments.flags.command_line",
    "experiments.flags.file_flags",
    "experiments.flags.groups",
    "experiments.flags.parsers",
    "experiments.flags.run_flags",
    "experiments.flags.settings_flags",
    # How modules are imported.
    "experiments:",
    "experiments.running.quiet_import",
    "weights.lazy_names",
    # Says which results mean another thing, and decides none.
    "experiments.running.results_version",
)
"""Modules that cannot change a number: with what is below them, or after `:` one unit of them."""


class Name(NamedTuple):
    """A unit by where it stands."""

    module: str
    unit: str


class Code:
    """The project's code as it was at one time.

    Args:
      files: paths of all files, with `/`, from the project's folder.
      source: gives the definitions in a file by its path.
      left_out: as `LEFT_OUT`.
    """

    def __init__(
        self,
        files: Iterable[str],
        source: Callable[[str], Source],
        left_out: Iterable[str] = LEFT_OUT,
    ) -> None:
        self._paths = {_module(path): path for path in files if path.endswith(".py")}
        self._left_out = frozenset(left_out)
        self._read = source
        self._sources: dict[str, Source] = {}
        self._uses: dict[Name, set[Name]] = {}
        self._around: dict[str, list[Name]] = {}
        self._behind: dict[str, dict[Name, Unit]] = {}

    def __contains__(self, module: str) -> bool:
        return module in self._paths

    def path(self, module: str) -> str:
        """The file of a module."""
        return self._paths[module]

    def source(self, module: str) -> Source:
        """The definitions in a module."""
        if module not in self._sources:
            self._sources[module] = self._read(self._paths[module])
        return self._sources[module]

    def behind(self, command: str) -> dict[Name, Unit]:
        """Every unit that a module reaches which is run as a command.

        Args:
          command: the module's name.
        """
        if command not in self._behind:
            self._behind[command] = _Walk(self).units(Name(command, AS_COMMAND))
        return self._behind[command]

    def uses(self, name: Name) -> set[Name]:
        """The units that a unit names."""
        if name not in self._uses:
            unit = self.source(name.module).units[name.unit]
            self._uses[name] = {
                found for use in unit.uses for found in self.meant(name.module, use)
            }
        return self._uses[name]

    def meant(self, module: str, dotted: str) -> set[Name]:
        """What a name with attributes means inside a module; nothing where it is not ours."""
        source = self.source(module)
        first, *rest = dotted.split(".")
        found = {Name(module, first)} if first in source.units else set()
        for target in source.imports.get(first, ()):
            found |= self._located([*self._absolute(target, module), *rest], frozenset())
        return {name for name in found if not self._is_left_out(name)}

    def around(self, module: str) -> list[Name]:
        """Loose statements of a module and of the packages that it is in, which run before it."""
        if module not in self._around:
            parts = module.split(".")
            above = [".".join(parts[:length]) for length in range(1, len(parts) + 1)]
            names = [Name(each, LOOSE) for each in above if each in self]
            self._around[module] = [each for each in names if not self._is_left_out(each)]
        return self._around[module]

    def is_open(self, name: Name) -> bool:
        """Whether a class has a base that is not ours, directly or through others."""
        for base in self.source(name.module).units[name.unit].bases:
            ours = self.meant(name.module, base)
            if not ours or any(self.is_open(each) for each in ours if each != name):
                return True
        return False

    def _located(self, parts: list[str], passed: frozenset[tuple[str, ...]]) -> set[Name]:
        known = (n for n in range(len(parts), 0, -1) if ".".join(parts[:n]) in self)
        length = next(known, 0)
        if not length or tuple(parts) in passed:
            return set()
        module, rest = ".".join(parts[:length]), parts[length:]
        source = self.source(module)
        everything = {Name(module, unit) for unit in source.units if unit != AS_COMMAND}
        if not rest:
            return everything
        if rest[0] in source.units:
            return {Name(module, rest[0])}
        if rest[0] in source.inside or rest[0].startswith("__"):
            return {Name(module, LOOSE)}
        found = set()
        for target in source.imports.get(rest[0], ()):
            longer = [*self._absolute(target, module), *rest[1:]]
            found |= self._located(longer, passed | {tuple(parts)})
        return found if rest[0] in source.imports else everything

    def _absolute(self, target: str, module: str) -> list[str]:
        """The parts of what an import names, as seen from a module."""
        name = target.lstrip(".")
        dots = len(target) - len(name)
        if not dots:
            return name.split(".")
        above = module.split(".")
        inside = self.path(module).endswith("__init__.py")
        return [*above[: len(above) - dots + inside], *name.split(".")]

    def _is_left_out(self, name: Name) -> bool:
        if f"{name.module}:" in self._left_out or f"{name.module}:{name.unit}" in self._left_out:
            return True
        parts = name.module.split(".")
        return any(".".join(parts[:n]) in self._left_out for n in range(1, len(parts) + 1))


class _Walk:
    """Reaches units one after the other."""

    def __init__(self, code: Code) -> None:
        self._code = code
        self._reached: dict[Name, Unit] = {}
        self._mentioned: set[str] = set()
        self._methods: dict[str, set[Name]] = {}

    def units(self, start: Name) -> dict[Name, Unit]:
        waiting = [start]
        while waiting:
            name = waiting.pop()
            if name not in self._reached and name.unit in self._code.source(name.module).units:
                waiting += self._reach(name)
        return self._reached

    def _reach(self, name: Name) -> Iterator[Name]:
        """Note a unit; the ones that are reached through it."""
        source = self._code.source(name.module)
        unit = self._reached[name] = source.units[name.unit]
        yield from self._code.around(name.module)
        yield from self._code.uses(name)
        for mention in unit.mentions - self._mentioned:
            yield from self._methods.get(mention, ())
        self._mentioned |= unit.mentions
        methods = source.methods.get(name.unit, ())
        whole = bool(methods) and self._code.is_open(name)
        for method in methods:
            there = Name(name.module, f"{name.unit}.{method}")
            self._methods.setdefault(method, set()).add(there)
            if whole or method.startswith("__") or method in self._mentioned:
                yield there


@dataclasses.dataclass(frozen=True)
class Difference:
    """What has changed behind a command.

    Attributes:
      modules: how many it depends on.
      changed: names of the units that mean something else, by the path of their module; without any
        where the module is new.
    """

    modules: int
    changed: Mapping[str, tuple[str, ...]]


def difference(command: str, now: Code, then: Code) -> Difference:
    """What has changed in meaning behind a command, wherever the definitions stand.

    Args:
      command: the name of its module.
      now: the code that is asked about.
      then: the code before.
    """
    behind = now.behind(command)
    before = then.behind(command) if command in then else {}
    digests: dict[str, set[str]] = {}
    for name, unit in before.items():
        digests.setdefault(name.unit, set()).add(unit.digest)
    others: list[Name] = []
    reached: list[Name] = []
    for name, unit in behind.items():
        known = {before[name].digest} if name in before else digests.get(name.unit, set())
        if unit.digest in known | {""}:
            continue
        there = then.source(name.module).units.get(name.unit) if name.module in then else None
        (reached if there and there.digest == unit.digest else others).append(name)
    others += [name for name in before if _has_fallen_back(name, behind, now)]
    changed: dict[str, list[str]] = {}
    # What was there and is now used by something that has changed is not told again.
    for name in others or reached:
        changed.setdefault(name.module, []).append(name.unit)
    return Difference(
        len({name.module for name, unit in behind.items() if unit.digest}),
        {
            now.path(module): tuple(sorted(units)) if module in then else ()
            for module, units in sorted(changed.items())
        },
    )


def _has_fallen_back(name: Name, behind: Mapping[Name, Unit], now: Code) -> bool:
    """Whether a method is gone and a base of its class, which is still used, takes its place."""
    owner, dot, _ = name.unit.partition(".")
    holder = behind.get(Name(name.module, owner)) if dot else None
    return bool(holder and holder.bases) and name.unit not in now.source(name.module).units


BY_NAME = {"small": "vgg_face_small.h5"}
"""Files that are asked for by their name in `weights.registry`, and not by that of the file."""
_REGISTRY = Name("weights.registry", "KNOWN")


def files_of(behind: Mapping[Name, Unit], files: Iterable[str]) -> set[str]:
    """The files that a command can load unless its flags name others, by their names in its code.

    Args:
      behind: what the command reaches.
      files: paths.
    """
    patterns: set[str] = set()
    for name, unit in behind.items():
        if name != _REGISTRY:  # which lists every file in the world
            patterns |= unit.files | {BY_NAME[text] for text in unit.mentions & set(BY_NAME)}
    return {path for path in files if _matches(path.rpartition("/")[2], patterns)}


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _module(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
