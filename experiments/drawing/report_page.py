"""The report: results and figures in the papers' order, as one HTML page."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
from absl import logging

from experiments.drawing.inline_image import KINDS, InlineImage
from experiments.drawing.result_table import findings, table
from experiments.drawing.shared_notes import SharedNotes
from experiments.running import scorecard
from experiments.running.catalogue import GROUPS, SECTIONS, Group
from experiments.running.stored_results import StoredResult

LONG = 700
"""Characters of a note; a longer one is folded."""
TEMPLATE = Path(__file__).parents[1] / "report.html"


@dataclasses.dataclass(frozen=True)
class Entry:
    """A result with its figures, or figures alone.

    Attributes:
      group: under which heading it stands.
      title: what it is of; the folder of a run of one's own.
      result: what was measured; None for figures alone.
      figures: files.
      mine: a run of one's own; otherwise it is kept with the project.
    """

    group: Group
    title: str
    result: StoredResult | None = None
    figures: tuple[Path, ...] = ()
    mine: bool = False

    @property
    def conditions(self) -> tuple[str, str]:
        """What two results have in common whose numbers may stand side by side."""
        assert self.result
        return self.result.experiment, self.result.notes


def page(entries: Sequence[Entry], claims: Sequence[scorecard.Table] = ()) -> str:
    """The page as text, what became of the papers' claims first.

    Args:
      entries: what it shows; of one's own runs the newest first.
      claims: tables of the scorecard.
    """
    template = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    ).from_string(TEMPLATE.read_text("utf-8"))
    kept = {entry.result.name for entry in entries if entry.result and not entry.mine}
    return template.render(
        sections=list(_sections(entries)),
        claims=[_claims(part, kept) for part in claims],
        headings=scorecard.HEADINGS,
        mine=any(entry.mine for entry in entries),
    )


def _claims(part: scorecard.Table, kept: set[str]) -> dict[str, Any]:
    """A part of the scorecard: its verdicts counted, its rows with the tables that they rest on."""
    counts = Counter(row["verdict"] for row in part.rows if row["verdict"])
    said = [f"{counts[verdict]} {verdict}" for verdict in scorecard.VERDICTS if counts[verdict]]
    return {
        "heading": part.heading,
        "counts": f"{counts.total()} claims: {', '.join(said)}" if said else "",
        "rows": [
            {"cells": row, "link": f"result-{claim.result}" if claim.result in kept else ""}
            for claim, row in zip(part.claims, part.rows, strict=True)
        ],
    }


def _sections(entries: Sequence[Entry]) -> Iterator[dict[str, Any]]:
    """Each section that has anything, its groups in the catalogue's order, unknown ones last."""
    order = [group.key for group in GROUPS]
    order += sorted({entry.group.key for entry in entries} - set(order))
    beside: dict[tuple[str, str], list[StoredResult]] = {}
    for entry in entries:
        if entry.result and not entry.mine:
            beside.setdefault(entry.conditions, []).append(entry.result)
    for section, heading in SECTIONS.items():
        inside = [entry for entry in entries if entry.group.section == section]
        members = [[entry for entry in inside if entry.group.key == key] for key in order]
        notes = SharedNotes.of([e.result.notes for each in members for e in each if e.result])
        drawing = _Drawing(section, notes, beside)
        groups = [drawing.group(each) for each in members if each]
        shared = [each.rstrip(";").replace("`", "") for each in notes.shared]
        if groups:
            yield {"key": section, "heading": heading, "groups": groups, "notes": shared}


@dataclasses.dataclass(frozen=True)
class _Drawing:
    """What the template is given of a section's groups.

    Attributes:
      section: its name.
      notes: what several of its tables say.
      kept: kept results by their conditions.
    """

    section: str
    notes: SharedNotes
    kept: Mapping[tuple[str, str], Sequence[StoredResult]]

    def group(self, entries: Sequence[Entry]) -> dict[str, Any]:
        """The main results open and beside them the newest of one's own, all others folded."""
        group = entries[0].group
        named = {e.result.name: e for e in entries if e.result and not e.mine}
        main = [named.pop(name) for name in group.main if name in named]
        if not main and named:
            main = [named.pop(next(iter(named)))]
        mine = [entry for entry in entries if entry.mine]
        order = [*group.captions]
        alone = [path for entry in entries if entry.result is None for path in entry.figures]
        alone.sort(key=lambda path: order.index(path.stem) if path.stem in order else len(order))
        shown = [self.entry(each, chosen=True) for each in [*main, *mine[:1]]]
        figures = [figure(path, group, group.title) for path in alone]
        if shown:  # beside the first table
            shown[0]["figures"] += figures
            figures = []
        return {
            "key": group.key,
            "title": group.title,
            "about": group.about,
            "open": shown,
            "figures": figures,
            "folded": [self.entry(each) for each in [*named.values(), *mine[1:]]],
        }

    def _beside(self, entry: Entry) -> StoredResult | None:
        """The kept result of the same rows that was measured as a run of one's own was.

        Notes do not say everything: of several with the same ones the command tells, and where it
        does not, none is shown.
        """
        assert entry.result
        names = {row.name for row in entry.result.rows}
        found = [
            each
            for each in self.kept.get(entry.conditions, ())
            if names & {row.name for row in each.rows}
        ]
        if len(found) > 1:
            found = [each for each in found if _told(each) == _told(entry.result)]
        return found[0] if len(found) == 1 else None

    def entry(self, entry: Entry, chosen: bool = False) -> dict[str, Any]:
        """A result.

        Args:
          entry: which.
          chosen: the group's rows and columns come first, and all of them are folded.
        """
        result, group = entry.result, entry.group
        assert result
        beside = self._beside(entry) if entry.mine and result.notes else None
        whole = table(result, kept=beside)
        short = table(result, group.rows, group.columns, beside) if chosen else whole
        note, shared = self.notes.split(result.notes)
        about = f"{group.title}, {'your run ' * entry.mine}{entry.title}"
        return {
            "id": f"run-{quote(entry.title, '', errors='backslashreplace')}"
            if entry.mine
            else f"result-{result.name}",
            "title": entry.title,
            "mine": entry.mine,
            "beside": beside.name if beside else "",
            "command": result.command,
            "facts": result.facts().replace("`", ""),
            "table": short,
            "all": whole if short != whole else None,
            "source": group.source,
            "note": note.replace("`", ""),
            "long": len(note) > LONG,
            "shared": [{"number": n, "link": f"{self.section}-note-{n}"} for n in shared],
            "findings": findings(result.rows),
            "figures": [figure(path, group, about, entry.mine) for path in entry.figures],
        }


def _told(result: StoredResult) -> list[str]:
    """A command's flags in alphabetical order, whatever started it."""
    return sorted(word for word in result.command.split() if word.startswith("--"))


def figure(path: Path, group: Group, about: str, mine: bool = False) -> dict[str, Any]:
    """A figure.

    Args:
      path: of the file.
      group: may have a caption for it.
      about: what is said instead of it where it cannot be seen.
      mine: of a run of one's own, which may have several; they are told apart by their names.
    """
    caption = path.stem if mine else group.captions.get(path.stem, "")
    alt = f"{about}, {path.stem}" if mine else caption or about
    return {"image": InlineImage.read(path), "alt": alt, "caption": caption}


def readable(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Those pictures that can be shown; what a run that was killed left half-written is not."""
    return tuple(path for path in paths if _is_readable(path))


def _is_readable(path: Path) -> bool:
    if path.suffix not in KINDS or path.name.startswith("."):
        return False
    try:
        InlineImage.check(path)
    except (OSError, ValueError) as error:
        logging.warning("%s cannot be read (%s) and is left out.", path, error)
        return False
    return True
