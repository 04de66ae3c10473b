"""How old each stored result is: what has changed behind its command since it was measured.

Where git and the whole history are at hand this is worked out anew; elsewhere, the pages keep what
they say.
"""

from __future__ import annotations

import dataclasses
import functools
import re
import subprocess
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from experiments.running.code_behind import Code, Difference, difference, files_of
from experiments.running.code_units import LOOSE, Source, read
from experiments.running.git_history import History
from experiments.running.stored_results import FOLDER, StoredResult
from weights.errors import InputError

ROOT = FOLDER.parents[1]
ROOMS = ("attacks", "benchmarks", "detector", "experiments", "mofa", "resgn", "weights")
_DATA = (".h5", ".json")
_PATTERNS = [f"{room}/*{ending}" for room in ROOMS for ending in (".py", *_DATA)]

_LOST = "its commit is not in this history"
_OUTSIDE = "measured outside git"
_UNKNOWN = "not known"
_UNCHANGED = "unchanged since."
_MOST_MODULES, _MOST_UNITS = 15, 4
_PAGE_LINE = re.compile(r"^Code and weights: (.*)$", re.MULTILINE)
_INDEX_COMMIT = re.compile(r"as of commit `([0-9a-f]+)`")
_INDEX_ROW = re.compile(r"^\| \[(\w+)\]\(\w+\.md\) \|.* \| ([^|]*) \|$", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Age:
    """How old a result is, in words.

    Attributes:
      short: for a column.
      sentence: for its page.
    """

    short: str = _UNKNOWN
    sentence: str = f"{_UNKNOWN}."

    @property
    def unchanged(self) -> bool:
        """Whether nothing that it depends on has changed."""
        return self.sentence == _UNCHANGED


@dataclasses.dataclass(frozen=True)
class Ages:
    """How old all results are.

    Attributes:
      commit: as of which one; None where it is not known.
      of: by the name of the result.
    """

    commit: str | None
    of: Mapping[str, Age]

    def __getitem__(self, name: str) -> Age:
        return self.of.get(name, Age())


def ages(
    results: Mapping[str, StoredResult], commit: str | None = None, root: Path = ROOT
) -> Ages | None:
    """How old results are as of a commit.

    Args:
      results: by name.
      commit: by default the last one that changed code or weights.
      root: the project's folder.

    Returns:
      None where there is no git, no repository of the project's own, no whole history, or in it no
      such commit.
    """
    try:
        with History(root) as history:
            known = history.last(_PATTERNS) if commit is None else history.commit(commit)
            if known is None:
                return None
            project = _Project(history, known)
            return Ages(known[:12], {name: project.age(each) for name, each in results.items()})
    except (OSError, subprocess.SubprocessError):
        return None


def kept_ages(folder: Path = FOLDER) -> Ages:
    """What the pages say of it.

    Args:
      folder: of the pages.
    """
    index = folder / "README.md"
    text = index.read_text("utf-8") if index.is_file() else ""
    commit = _INDEX_COMMIT.search(text)
    found = {}
    for name, short in _INDEX_ROW.findall(text):
        page = folder / f"{name}.md"
        line = _PAGE_LINE.search(page.read_text("utf-8")) if page.is_file() else None
        if line:
            found[name] = Age(short, line[1])
    return Ages(commit[1] if commit else None, found)


def page_line(age: Age) -> str:
    """What a result's page says of it."""
    return f"Code and weights: {age.sentence}"


def command_module(result: StoredResult) -> str:
    """The module that is a result's command.

    Raises:
      InputError: it names none.
    """
    words = result.command.split()
    if words[1:2] != ["-m"] or len(words) < 3:
        raise InputError(f"{result.name}: `{result.command}` is no command of the project.")
    return words[2]


class _Project:
    """The project as of one commit, beside what it was at others."""

    def __init__(self, history: History, commit: str) -> None:
        self._history = history
        self._files = history.files(commit)
        self._now = self._code(self._files)

    def age(self, result: StoredResult) -> Age:
        """How old one result is."""
        if result.commit is None:
            return Age(_OUTSIDE, f"{_OUTSIDE}.")
        commit = self._history.commit(result.commit.rstrip("+"))
        if commit is None:
            return Age(_LOST, f"{_LOST}.")
        command = command_module(result)
        if command not in self._now:
            return Age("its command is gone", "its command is gone.")
        before = self._history.files(commit)
        loaded = files_of(self._now.behind(command), self._data)
        files = sorted(path for path in loaded if before.get(path) != self._files[path])
        return worded(difference(command, self._now, self._then(commit)), files)

    @functools.cached_property
    def _data(self) -> list[str]:
        rooms = tuple(f"{room}/" for room in ROOMS)
        return [p for p in self._files if p.startswith(rooms) and p.endswith(_DATA)]

    @functools.cache  # noqa: B019 - as long as the project
    def _then(self, commit: str) -> Code:
        return self._code(self._history.files(commit))

    def _code(self, files: Mapping[str, str]) -> Code:
        ours = [path for path in files if path.partition("/")[0] in ROOMS]
        return Code(ours, self._reader(files))

    def _reader(self, files: Mapping[str, str]) -> Callable[[str], Source]:
        return lambda path: self._source(files[path])

    @functools.cache  # noqa: B019 - as long as the project
    def _source(self, content: str) -> Source:
        return read(self._history.content(content).decode("utf-8"))


def worded(found: Difference, files: list[str]) -> Age:
    """A difference in words.

    Args:
      found: in the code.
      files: that differ, by path.
    """
    count, names = len(found.changed), ", ".join(f"`{Path(path).name}`" for path in files)
    short = f"{count} of {found.modules}"
    if not count and not files:
        return Age(short, _UNCHANGED)
    if files:
        short += f", {len(files)} file{'s' * (len(files) > 1)}"
    parts = []
    if count:
        shown = count <= _MOST_MODULES
        what = _each(found.changed) if shown else _by_room(found.changed)
        parts.append(f"changed in meaning since, {count} of {found.modules} modules: {what}")
    if files:
        parts.append(f"files that it can load and that changed since: {names}")
    return Age(short, "; ".join(parts) + ".")


def _each(changed: Mapping[str, tuple[str, ...]]) -> str:
    texts = []
    for path, units in changed.items():
        shown = ["its statements" if unit == LOOSE else unit for unit in units]
        more = len(shown) - _MOST_UNITS
        if more > 0:
            shown = [*shown[:_MOST_UNITS], f"{more} more"]
        said = ", ".join(f"`{unit}`" if " " not in unit else unit for unit in shown)
        texts.append(f"`{path}` ({said or 'new'})")
    return ", ".join(texts)


def _by_room(changed: Mapping[str, tuple[str, ...]]) -> str:
    rooms = Counter(path.partition("/")[0] for path in changed)
    return ", ".join(f"{count} in `{room}/`" for room, count in sorted(rooms.items()))
