"""A result as a table of a page: what a template is given of it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase
from typing import Any

from experiments.running.results import MARK, Measurement, Row
from experiments.running.stored_results import StoredResult

LONG = 24
"""Rows; a longer table is folded."""


@dataclasses.dataclass(frozen=True)
class Table:
    """Some rows and columns of a result.

    Attributes:
      headings: of the columns, that of the rows' names first.
      rows: of each its name and its cells, see `cell`.
    """

    headings: tuple[str, ...]
    rows: tuple[dict[str, Any], ...]

    @property
    def long(self) -> bool:
        """Whether it is to be folded."""
        return len(self.rows) > LONG

    def beyond(self, shown: Table) -> str:
        """What it has more than a part of it that is shown: `All 12 rows and 9 columns`."""
        rows = f"{len(self.rows)} rows" if len(self.rows) > len(shown.rows) else ""
        more = len(self.headings) > len(shown.headings)
        columns = f"{len(self.headings) - 1} columns" if more else ""
        return f"All {' and '.join(filter(None, (rows, columns)))}"


def table(
    result: StoredResult,
    rows: Collection[str] = (),
    columns: Sequence[str] = (),
    kept: StoredResult | None = None,
) -> Table:
    """Draw a result.

    Args:
      result: the result.
      rows: patterns of names; all where none is there.
      columns: names; all where none is there. Rows that have none of them are left out.
      kept: of the same experiment, under the same conditions; its numbers stand beside.
    """
    there = dict.fromkeys(column for row in result.rows for column in row.columns)
    shown = [column for column in columns if column in there] or list(there)
    chosen = [row for row in result.rows if any(fnmatchcase(row.name, each) for each in rows)]
    beside = {row.name: row.columns for row in kept.rows} if kept else {}
    drawn = tuple(
        {
            "name": f"{row.name} {MARK}" if row.findings else row.name,
            "cells": [
                cell(row.columns.get(c), c in result.plain, beside.get(row.name, {}).get(c))
                for c in shown
            ],
        }
        for row in chosen or result.rows
        if not row.columns or not row.columns.keys().isdisjoint(shown)
    )
    return Table((result.first or result.experiment, *shown), drawn)


def cell(
    measurement: Measurement | None, plain: bool, kept: Measurement | None = None
) -> dict[str, str]:
    """A cell's text, its interval, the paper's and the kept number, and what it is sorted by.

    Args:
      measurement: None where there is none.
      plain: it is no rate.
      kept: to stand beside it.
    """
    if measurement is None or not math.isfinite(measurement.value):
        return dict.fromkeys(("text", "interval", "paper", "kept", "value"), "")
    text, interval, paper = measurement.texts(plain)
    beside = kept.texts(plain)[0] if kept and math.isfinite(kept.value) else ""
    value = repr(measurement.value)
    return {"text": text, "interval": interval, "paper": paper, "kept": beside, "value": value}


def findings(rows: Sequence[Row]) -> list[str]:
    """Why not to trust rows, a sentence each."""
    return [f"{row.name}: {finding}" for row in rows for finding in row.findings]
