"""One HTML page with every table and figure, to be opened in a browser or sent to somebody.

    python -m experiments.report                                             # make report
    python -m experiments.report --runs=runs --output=report.html

It begins with what became of the papers' claims. Then come the results that are kept in
`docs/results/` and those of every finished run under --runs, with the figures in the runs' folders.
The page needs no other file and no network; its tables can be sorted.
"""

from __future__ import annotations

import base64
import dataclasses
import io
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jinja2
from absl import logging
from PIL import Image

from experiments.flags import command_line, file_flags
from experiments.flags.groups import FlagGroup
from experiments.running import scorecard
from experiments.running.results import Measurement, write_text
from experiments.running.stored_results import FOLDER, StoredResult, read_all
from weights.errors import InputError

FLAGS = FlagGroup(file_flags.FLAGS)

TEMPLATE = Path(__file__).parent / "report.html"

_RUNS = FLAGS.path("runs", "runs", "Folder in which to look for finished runs.")
_KEPT = FLAGS.boolean("kept", True, "Show the results that are kept in docs/results/, too.")


DEFAULT_PATH = Path("runs") / "report.html"
FIGURES = ("*.png", "*.jpg")
LONG = 24
"""Rows; a longer table is folded below its figures."""
TITLES = {
    "verification": "How well a target verifies",
    "table1": "ResGN, Table 1",
    "attack_intensity": "ResGN, Table 2",
    "sweep": "ResGN, accuracy against intensity",
    "gallery": "ResGN, Figure 2",
    "train_texture_critic": "The texture critic",
    "adaptive": "Defences under attacks that know them",
    "train_mofa": "MoFA's encoder",
    "code_identity": "Who it is, from MoFA's codes alone",
    "render": "Rendered faces",
    "reconstruct": "MoFA's reconstructions",
    "train_identity": "Identity classifiers",
    "mofa_attack": "Attack on MoFA, Figures 1 and 3",
    "mofa_intensity": "Attack on MoFA, Figure 4",
    "mofa_sweep": "Attack on MoFA, Figure 5",
    "train_detector": "The detector",
    "detection": "Detection, Table 2 of the attack on MoFA",
    "defense": "Defence, Figure 6 of the attack on MoFA",
    "refined_defense": "Refining the code as a defence of MoFA",
    "benchmark_rendering": "Speed of the renderer",
    "benchmark_attacks": "Speed of the attacks",
}
"""Of each experiment, in the order of the page; others come last under their own name."""
LARGE = 400 << 10
"""Bytes of a figure; a larger one goes into the page as JPEG, at most `WIDTH` pixels wide."""
WIDTH = 1600


def main(arguments: list[str]) -> None:
    """Collect, draw, write."""
    del arguments
    path = file_flags.named_output(".html") or DEFAULT_PATH
    sections = list(kept_sections()) if _KEPT.value else []
    sections += list(run_sections(Path(_RUNS.value)))
    if not sections:
        raise InputError(
            f"No finished run under {_RUNS.value}; `make table1` makes one, or name another --runs."
        )
    order = [*TITLES, *sorted({section.result.experiment for section in sections})]
    sections.sort(key=lambda section: order.index(section.result.experiment))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, page(sections, scorecard.tables() if _KEPT.value else []))
    print(f"{path}: {len(sections)} tables")


@dataclasses.dataclass(frozen=True)
class Section:
    """A table with its figures.

    Attributes:
      title: above it.
      result: what it shows.
      figures: files to show below it.
    """

    title: str
    result: StoredResult
    figures: tuple[Path, ...] = ()


def kept_sections(folder: Path = FOLDER) -> Iterator[Section]:
    """The results that are kept, each with the figure of its name."""
    for name, result in read_all(folder).items():
        figures = sorted((folder.parent / "figures").glob(f"{name}.*"))
        yield Section(title(result, name), result, tuple(figures))


def run_sections(folder: Path) -> Iterator[Section]:
    """The finished runs below a folder, the oldest first; one that cannot be read is left out."""
    for path in sorted(folder.rglob("result.json")):
        try:
            result = StoredResult.read(path)
        except InputError as error:
            logging.warning("%s Left out.", error)
            continue
        figures = [file for pattern in FIGURES for file in sorted(path.parent.glob(pattern))]
        yield Section(title(result, str(path.parent.relative_to(folder))), result, tuple(figures))


def title(result: StoredResult, name: str) -> str:
    """What a table is, and which run it is of."""
    return f"{TITLES.get(result.experiment, result.experiment)} ({name})"


def page(sections: list[Section], claims: Sequence[scorecard.Table] = ()) -> str:
    """The page as text, what became of the papers' claims first."""
    template = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    ).from_string(TEMPLATE.read_text("utf-8"))
    drawn = [_drawn(number, section) for number, section in enumerate(sections)]
    return template.render(sections=drawn, claims=claims, headings=scorecard.HEADINGS)


def _drawn(number: int, section: Section) -> dict[str, Any]:
    """What the template is given of a section."""
    result = section.result
    columns = list(dict.fromkeys(c for row in result.rows for c in row.columns))
    found = [f"{row.name}: {finding}" for row in result.rows for finding in row.findings]
    return {
        "id": f"result-{number}",
        "title": section.title,
        "command": result.command,
        "facts": result.facts().replace("`", ""),
        "headings": [result.first or result.experiment, *columns],
        "rows": [
            {
                "name": row.name,
                "cells": [cell(row.columns.get(c), c in result.plain) for c in columns],
            }
            for row in result.rows
        ],
        "notes": [each for each in (result.notes, *found) if each],
        "folded": len(result.rows) > LONG,
        "figures": [{"name": path.name, "source": inline(path)} for path in section.figures],
    }


def cell(measurement: Measurement | None, plain: bool) -> dict[str, Any]:
    """A cell's text, its interval, the paper's number, and what it is sorted by."""
    if measurement is None or not math.isfinite(measurement.value):
        return {"text": "", "interval": "", "paper": "", "value": ""}
    text, interval, paper = measurement.texts(plain)
    return {"text": text, "interval": interval, "paper": paper, "value": repr(measurement.value)}


def inline(path: Path) -> str:
    """An image as a data URL."""
    data, kind = path.read_bytes(), {".png": "png", ".jpg": "jpeg"}[path.suffix]
    if len(data) > LARGE:
        with Image.open(path) as image:
            image.thumbnail((WIDTH, 100 * WIDTH))
            buffer = io.BytesIO()
            image.convert("RGB").save(buffer, "JPEG", quality=85)
        data, kind = buffer.getvalue(), "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


if __name__ == "__main__":
    command_line.run(main, FLAGS)
