"""One HTML page with every table and figure, to be opened in a browser or sent to somebody.

    python -m experiments.report                                             # make report
    python -m experiments.report --runs=runs --output=report.html

It begins with what became of the papers' claims. A section for each paper follows, one for what
goes beyond both, and one for speed and checks: the results that are kept in `docs/results/`, and
beside them those of every finished run under --runs. The main result of each table is open, its
further seeds, data and networks are folded. The page needs no other file and no network.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from absl import logging

from experiments.drawing.inline_image import KINDS
from experiments.drawing.report_page import Entry, page, readable
from experiments.flags import command_line, file_flags
from experiments.flags.groups import FlagGroup
from experiments.running import scorecard
from experiments.running.catalogue import group_of, group_of_figure
from experiments.running.result_labels import label
from experiments.running.results import write_text
from experiments.running.stored_results import FOLDER, StoredResult, read_all
from weights.errors import InputError

FLAGS = FlagGroup(file_flags.FLAGS)

_RUNS = FLAGS.path("runs", "runs", "Folder in which to look for finished runs.")
_KEPT = FLAGS.boolean("kept", True, "Show the results that are kept in docs/results/, too.")

DEFAULT_PATH = Path("runs") / "report.html"
FIGURES = tuple(f"*{ending}" for ending in KINDS)


def main(arguments: list[str]) -> None:
    """Collect, draw, write."""
    del arguments
    path = file_flags.named_output(".html") or DEFAULT_PATH
    entries = [*(kept_entries() if _KEPT.value else ()), *run_entries(Path(_RUNS.value))]
    if not entries:
        raise InputError(
            f"No finished run under {_RUNS.value}; `make table1` makes one, or name another --runs."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    # A wheel holds neither the results that are kept nor what is said of them.
    claims = scorecard.tables() if _KEPT.value and scorecard.CLAIMS.is_file() else []
    write_text(path, page(entries, claims))
    print(f"{path}: {sum(entry.result is not None for entry in entries)} tables")


def kept_entries(folder: Path = FOLDER) -> Iterator[Entry]:
    """The results that are kept, each with the figure of its name, and figures without a result."""
    results = read_all(folder)
    found = readable(sorted((folder.parent / "figures").glob("*.*")))
    figures = {path.stem: path for path in found}
    for name, result in results.items():
        group = group_of(result.experiment, name)
        shown = (figures.pop(name),) if name in figures else ()
        yield Entry(group, label(result) or result.device, result, shown)
    for name, path in figures.items():
        yield Entry(group_of_figure(name), name, figures=(path,))


def run_entries(folder: Path) -> Iterator[Entry]:
    """The finished runs below a folder, the newest first; one that cannot be read is left out."""
    for path in sorted(folder.rglob("result.json"), key=lambda path: (-_written(path), path)):
        try:
            result = StoredResult.read(path)
        except InputError as error:
            logging.warning("%s Left out.", error)
            continue
        figures = readable(file for kind in FIGURES for file in sorted(path.parent.glob(kind)))
        title = str(path.parent.relative_to(folder))
        yield Entry(group_of(result.experiment), title, result, figures, mine=True)


def _written(path: Path) -> float:
    """When a file was written; 0 where it is gone, of which reading it says more."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


if __name__ == "__main__":
    command_line.run(main, FLAGS)
