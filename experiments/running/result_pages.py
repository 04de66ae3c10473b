"""Markdown that holds results: the tables between a page's comments, and a page for each result."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from experiments.running import scorecard
from experiments.running.result_ages import Age, Ages, kept_ages, page_line
from experiments.running.stored_results import FOLDER, StoredResult
from weights.errors import InputError

ROOT = FOLDER.parents[1]
INDEX = FOLDER / "README.md"

_SCORECARD = re.compile(r"<!-- scorecard(?:: (?P<part>\w+))? -->\n.*?<!-- end -->", re.DOTALL)
_BLOCK = re.compile(r"<!-- result: (?P<what>[^\n]*?) -->\n.*?<!-- end -->", re.DOTALL)


def written_pages() -> list[Path]:
    """The pages that somebody wrote and that hold tables or claims between comments."""
    known = [ROOT / "README.md", ROOT / "RESULTS.md", *sorted((ROOT / "docs").glob("*.md"))]
    texts = {path: path.read_text("utf-8") for path in known}
    return [path for path, text in texts.items() if _SCORECARD.search(text) or _BLOCK.search(text)]


def brought_up_to_date(
    results: Mapping[str, StoredResult], ages: Ages | None = None
) -> dict[Path, str]:
    """What each page with results has to hold, by its file.

    Args:
      results: what is kept, by name.
      ages: how old they are; what the pages say of it by default.

    Raises:
      InputError: a comment names a result, a row or a column that is not there, or a verdict does
        not fit its number.
    """
    ages = kept_ages() if ages is None else ages
    claims = scorecard.tables(results=results)
    pages = {}
    for path in written_pages():
        text = with_tables(path.read_text("utf-8"), results, path.parent)
        pages[path] = with_scorecard(text, claims, path)
    for name, result in results.items():
        pages[FOLDER / f"{name}.md"] = full_page(result, ages[name])
    return pages | {INDEX: index(results, ages)}


def with_scorecard(page: str, claims: list[scorecard.Table], path: Path) -> str:
    """A page with the claims between its comments written anew.

    Args:
      page: its text. `<!-- scorecard -->` holds all claims, `<!-- scorecard: mofa -->` those of one
        part, `<!-- scorecard: chosen -->` those that are `chosen`.
      claims: all of them.
      path: where the page stands; links lead from there to RESULTS.md.
    """
    home = "" if path.name == "RESULTS.md" else os.path.relpath(ROOT / "RESULTS.md", path.parent)

    def block(match: re.Match[str]) -> str:
        part = match["part"]
        shown = scorecard.markdown(scorecard.of_part(claims, part), home)
        return f"{match[0].splitlines()[0]}\n\n{shown}\n\n<!-- end -->"

    return _SCORECARD.sub(block, page)


def with_tables(page: str, results: Mapping[str, StoredResult], folder: Path = ROOT) -> str:
    """A page with the tables between its comments written anew.

    Args:
      page: its text.
      results: what is kept, by name.
      folder: in which the page stands; links lead from there to the full tables.

    Raises:
      InputError: a comment names a result, a row or a column that is not there.
    """

    def block(match: re.Match[str]) -> str:
        name, *choices = (part.strip() for part in match["what"].split(";"))
        if name not in results:
            raise InputError(f"docs/results/ has no {name}; known are {', '.join(results)}.")
        chosen: dict[str, list[str]] = {"rows": [], "columns": []}
        for choice in choices:
            key, _, values = choice.partition("=")
            if key not in chosen or not values:
                raise InputError(f"{name}: choose rows=... or columns=..., not {choice!r}.")
            chosen[key] = values.split("|" if "|" in values else ",")
        result = results[name]
        table = result.table(chosen["rows"], chosen["columns"])
        link = os.path.relpath(FOLDER / f"{name}.md", folder)
        above = f"`{result.command}` ([all of it, and how]({link}))"
        return f"<!-- result: {match['what']} -->\n\n{above}\n\n{table}\n<!-- end -->"

    return _BLOCK.sub(block, page)


def full_page(result: StoredResult, age: Age) -> str:
    """Everything that is kept of one result: command, facts, age, table, notes."""
    return (
        f"# {result.name}\n\nWritten by `make results` from `{result.name}.json`.\n\n"
        f"{result.provenance()}\n\n{page_line(age)}\n\n{result.table(notes=result.notes)}"
    )


def index(results: Mapping[str, StoredResult], ages: Ages) -> str:
    """The list of all results."""
    lines = [
        "# Results that are kept",
        "",
        "Written by `make results`: the `result.json` of each run; its page shows all of it.",
        "",
    ]
    if ages.commit is not None:
        lines += [
            f"`changed since`, as of commit `{ages.commit}`: how many of the modules that a "
            "command depends on mean something else than at the result's commit, and how many of "
            "the data files that it can load differ. Comments, annotations, texts for people and "
            "where a definition stands do not count. What has changed need not change a number.",
            "",
        ]
    lines += [
        "| result | command | rows | seed | commit | changed since |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, result in results.items():
        commit = f"`{result.commit}`" if result.commit else ""
        cells = (f"[{name}]({name}.md)", f"`{result.command}`", len(result.rows), result.seed)
        lines.append(f"| {' | '.join(map(str, cells))} | {commit} | {ages[name].short} |")
    return "\n".join(lines) + "\n"
