"""Measured rates with their intervals, and the tables drawn from them."""

from __future__ import annotations

import csv
import dataclasses
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from weights.atomic import atomic_path

Z95 = 1.959963984540054
"""97.5 % quantile of the normal distribution."""


MARK = "(!)"
"""Behind the name of a row with findings."""


@dataclasses.dataclass(frozen=True)
class Measurement:
    """A measured value with a 95 % interval.

    Attributes:
      value: a rate as a fraction, or another number; NaN where there is none, which JSON files hold
        as null and tables show as such.
      low: lower end of the interval; None where there is none.
      high: upper end.
      count: samples behind it.
      paper: the paper's figure, as a fraction; None where the paper has none.
    """

    value: float
    low: float | None
    high: float | None
    count: int
    paper: float | None = None

    def __post_init__(self) -> None:
        # What cannot be written cannot be read back either, and a run that goes on shows the same.
        if self.value is None or not math.isfinite(self.value):
            object.__setattr__(self, "value", math.nan)
        for end in ("low", "high"):
            there = getattr(self, end)
            if there is not None and not math.isfinite(there):
                object.__setattr__(self, end, None)

    @classmethod
    def rate(cls, outcomes: np.ndarray, paper: float | None = None) -> Measurement:
        """Share of true outcomes, bool `[N]`, with its Wilson interval."""
        count = int(np.size(outcomes))
        hits = int(np.count_nonzero(outcomes))
        low, high = wilson_interval(hits, count)
        return cls(hits / count, low, high, count, paper)

    @classmethod
    def mean(cls, values: np.ndarray, paper: float | None = None) -> Measurement:
        """Mean of numbers `[N]`, with the normal distribution's 95 % interval; one has none."""
        count, mean = len(values), float(np.mean(values))
        if count < 2:
            return cls.bare(mean, count, paper)
        half = Z95 * float(np.std(values, ddof=1)) / math.sqrt(count)
        return cls(mean, mean - half, mean + half, count, paper)

    @classmethod
    def bare(cls, value: float, count: int, paper: float | None = None) -> Measurement:
        """A value that has no interval."""
        return cls(float(value), None, None, count, paper)

    @classmethod
    def quartiles(cls, values: np.ndarray) -> Measurement:
        """Median of numbers `[N]`, with the quartiles as its ends: a spread, not an interval."""
        low, middle, high = (float(q) for q in np.quantile(values, [0.25, 0.5, 0.75]))
        return cls(middle, low, high, len(values))

    def texts(self, plain: bool) -> tuple[str, str, str]:
        """Value, interval and the paper's value as a table shows them, "" for what is not there.

        Args:
          plain: it is no rate, and is not turned into percent.
        """

        def shown(value: float | None) -> str:
            if value is None:
                return ""
            if not math.isfinite(value):
                return "none"
            if not plain:
                return f"{100 * value:.2f}"
            return f"{value:.4f}" if abs(value) < 10 else f"{value:.1f}"

        low, high = shown(self.low), shown(self.high)
        return shown(self.value), f"{low} to {high}" if low and high else "", shown(self.paper)


def wilson_interval(hits: int, count: int) -> tuple[float, float]:
    """95 % score interval of a rate (Wilson 1927), within [0, 1].

    Raises:
      ValueError: `count` is not positive or `hits` not in [0, count].
    """
    if count < 1 or not 0 <= hits <= count:
        raise ValueError(f"hits must lie in [0, count] with count > 0, got {hits} of {count}.")
    return wilson_of_share(hits / count, count)


def wilson_of_share(rate: float, count: float) -> tuple[float, float]:
    """The same of a rate in [0, 1] among so many independent samples, no whole number perhaps."""
    spread = Z95**2 / count
    centre = (rate + spread / 2) / (1 + spread)
    half = Z95 * math.sqrt(rate * (1 - rate) / count + spread / (4 * count)) / (1 + spread)
    # At the ends the bound is exact; rounding must not push it past the rate.
    low = 0.0 if rate == 0.0 else max(0.0, centre - half)
    high = 1.0 if rate == 1.0 else min(1.0, centre + half)
    return low, high


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of a table: a name and a measurement for each column.

    Attributes:
      name: of the row.
      columns: by name.
      findings: reasons not to trust the row, in sentences; a table marks it and prints them below.
    """

    name: str
    columns: dict[str, Measurement]
    findings: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The row as it stands in `result.json`; `findings` only where there are any."""
        data: dict[str, Any] = {"name": self.name}
        data |= {k: dataclasses.asdict(v) for k, v in self.columns.items()}
        return data | ({"findings": list(self.findings)} if self.findings else {})

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Row:
        """The inverse of `as_json`."""
        columns = {k: Measurement(**v) for k, v in data.items() if k not in ("name", "findings")}
        return cls(data["name"], columns, tuple(data.get("findings", ())))


def markdown_table(
    rows: list[Row],
    first: str,
    notes: str = "",
    plain: tuple[str, ...] = (),
    order: Sequence[str] = (),
) -> str:
    """Rates in percent with interval, the paper's figure in brackets behind.

    Columns named in `plain` are no rates and stand as they are; those named in `order` come first,
    in that order. A row with findings is marked and they are listed below.
    """
    there = dict.fromkeys(column for row in rows for column in row.columns)
    columns = list(dict.fromkeys([*(c for c in order if c in there), *there]))
    lines = [
        "| " + " | ".join([first, *columns]) + " |",
        "| " + " | ".join(["---"] * (len(columns) + 1)) + " |",
    ]
    for row in rows:
        cells = [_cell(row.columns[c], c in plain) if c in row.columns else "" for c in columns]
        name = f"{row.name} {MARK}" if row.findings else row.name
        lines.append("| " + " | ".join([name, *cells]) + " |")
    marked = [f"{MARK} {row.name}: {finding}" for row in rows for finding in row.findings]
    below = [notes] * bool(notes) + marked
    return "\n".join(lines) + "\n" + "".join(f"\n{paragraph}\n" for paragraph in below)


def _cell(measurement: Measurement, plain: bool) -> str:
    value, interval, paper = measurement.texts(plain)
    return value + (f" ({interval})" if interval else "") + (f" [{paper}]" if paper else "")


def csv_table(rows: list[Row]) -> str:
    """One line for each row and column: value, low, high, count, paper."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["row", "column", "value", "low", "high", "count", "paper"])
    for row in rows:
        for name, m in row.columns.items():
            value = None if math.isnan(m.value) else m.value
            writer.writerow([row.name, name, value, m.low, m.high, m.count, m.paper])
    return text.getvalue()


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    with atomic_path(path) as temporary:
        # Names of files may hold bytes that are no letters.
        temporary.write_text(text, "utf-8", errors="backslashreplace")


def write_array(path: Path, array: np.ndarray) -> None:
    """Write an array as `.npy`; the file is whole or absent."""
    with atomic_path(path) as temporary:
        np.save(temporary, array)
