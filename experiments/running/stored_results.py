"""Results of runs as they are kept: what was measured, by which command, when nothing else is left.

`docs/results/` holds one JSON file for each run that RESULTS.md reports. It is the run's
`result.json` without paths of the machine that it ran on.
"""

from __future__ import annotations

import dataclasses
import json
import re
import shlex
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from experiments.running.json_files import write_json
from experiments.running.results import Row, markdown_table
from weights.errors import InputError

FOLDER = Path(__file__).parents[2] / "docs" / "results"

_DROPPED = ("output", "output_dir", "resume")
_NAME = re.compile(r"[a-z0-9_]+")


@dataclasses.dataclass(frozen=True)
class StoredResult:
    """One finished run.

    Attributes:
      name: under which it is kept.
      experiment: which entry point.
      command: as one would type it, paths of data left out.
      commit: of the project; None outside git.
      seed: of all randomness.
      seconds: that it took, all its parts together.
      device: that computed.
      precision: `float32`, `mixed_bfloat16` or `mixed_float16`.
      first: heading of the column of names.
      notes: what stands below the table.
      plain: columns that are no rates.
      rows: what was measured.
    """

    name: str
    experiment: str
    command: str
    commit: str | None
    seed: int
    seconds: float
    device: str
    precision: str
    first: str
    notes: str
    plain: tuple[str, ...]
    rows: tuple[Row, ...]

    @classmethod
    def read(cls, path: Path, name: str | None = None) -> StoredResult:
        """Read a `result.json`.

        Args:
          path: the file.
          name: under which it is to be kept; that of the file by default.

        Raises:
          InputError: it is missing, damaged, or no result.
        """
        try:
            data = json.loads(path.read_text("utf-8"))
            table = data.get("table", {})
            return cls(
                name=name or path.stem,
                experiment=str(data["experiment"]),
                command=without_paths(str(data["command"])),
                commit=data["commit"],
                seed=int(data["seed"]),
                seconds=float(data["seconds"]),
                device=str(data["device"]),
                precision=str(data["precision"]),
                first=str(table.get("first", "")),
                notes=str(table.get("notes", "")),
                plain=tuple(table.get("plain", ())),
                rows=tuple(Row.from_json(row) for row in data["rows"]),
            )
        except OSError as error:
            raise InputError(f"{path}: {error.strerror or error}.") from error
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"{path} is no result of a run: {error!r}.") from error

    def write(self, folder: Path = FOLDER) -> Path:
        """Keep it as `<name>.json`; returns the file.

        Raises:
          InputError: the name has other characters than a to z, 0 to 9 and _.
        """
        if not _NAME.fullmatch(self.name):
            raise InputError(f"--name takes a to z, 0 to 9 and _; got {self.name!r}.")
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.name}.json"
        write_json(path, self.as_json())
        return path

    def as_json(self) -> dict[str, Any]:
        """The inverse of `read`: what stands in the file, which has the name."""
        data: dict[str, Any] = dataclasses.asdict(self)
        table = {key: data.pop(key) for key in ("first", "notes", "plain")}
        del data["name"]
        return data | {"table": table, "rows": [row.as_json() for row in self.rows]}

    def chosen(self, rows: Collection[str], columns: Sequence[str]) -> list[Row]:
        """Some rows and columns, in the order of `columns`; all where nothing is named.

        Raises:
          InputError: a name is unknown.
        """
        names = [row.name for row in self.rows]
        known = {column for row in self.rows for column in row.columns}
        for asked, there in ((rows, names), (columns, known)):
            missing = [name for name in asked if name not in there]
            if missing:
                raise InputError(f"{self.name} has no {', '.join(missing)}.")
        result = []
        for row in self.rows:
            if rows and row.name not in rows:
                continue
            cells = {c: row.columns[c] for c in columns or row.columns if c in row.columns}
            result.append(dataclasses.replace(row, columns=cells))
        return result

    def table(
        self, rows: Collection[str] = (), columns: Sequence[str] = (), notes: str = ""
    ) -> str:
        """The table alone, see `chosen`, with notes below it."""
        first = self.first or self.experiment
        return markdown_table(self.chosen(rows, columns), first, notes, self.plain, columns)

    def markdown(self, rows: Collection[str] = (), columns: Sequence[str] = ()) -> str:
        """The table with what it came from above it and its notes below, see `chosen`."""
        return f"{self.provenance()}\n\n{self.table(rows, columns, self.notes)}"

    def provenance(self) -> str:
        """Command and `facts`, in a line of Markdown."""
        return f"`{self.command}`, {self.facts()}."

    def facts(self) -> str:
        """Seed, arithmetic, commit, time and machine; the commit as Markdown's code."""
        commit = f"commit `{self.commit}`" if self.commit else "outside git"
        precision = self.precision.replace("_", " ")
        took = f"{duration(self.seconds)} on {self.device}"
        return f"seed {self.seed}, {precision}, {commit}, {took}"


def read_all(folder: Path = FOLDER) -> dict[str, StoredResult]:
    """Every result that is kept, by name."""
    return {path.stem: StoredResult.read(path) for path in sorted(folder.glob("*.json"))}


def without_paths(command: str) -> str:
    """A command without paths of the machine, and without flags that decide no result."""
    kept = []
    for word in shlex.split(command):
        name, equals, value = word.removeprefix("--").partition("=")
        if name.removeprefix("no") in _DROPPED:
            continue
        if equals and ("/" in value or "\\" in value):
            kept.append(f"--{name}=...")
        else:
            kept.append(shlex.quote(word) if "/" not in word else "...")
    return " ".join(kept)


def duration(seconds: float) -> str:
    """`42 s`, `7 min 5 s` or `2 h 3 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
