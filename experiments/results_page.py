"""Bring the tables of RESULTS.md up to date with the results that are kept.

    python -m experiments.results_page                                       # make results
    python -m experiments.results_page --add=runs/table1/2026-01-31_10-00-00 --name=table1_orl

A table in RESULTS.md stands between two comments,

    <!-- result: table1_orl -->
    <!-- end -->

of which the first may choose: `<!-- result: detection; rows=eps=0.05,fgsm; columns=l1,js -->`, with
`|` between names that have commas themselves: `rows=joint,pgd|joint,square`.
What lies between is written by this command from `docs/results/table1_orl.json`, so that no number
is typed by hand. Between `<!-- scorecard -->` and `<!-- end -->` it writes the claims of
`docs/scorecard.json` with their numbers and verdicts. --add keeps the `result.json` of a run's
folder there, without the paths of the machine; --check says what is out of date and changes
nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from experiments.flags import command_line
from experiments.flags.groups import FlagGroup
from experiments.running import scorecard
from experiments.running.results import write_text
from experiments.running.stored_results import StoredResult, read_all
from weights.errors import InputError

FLAGS = FlagGroup()

PAGE = Path(__file__).parents[1] / "RESULTS.md"

_ADD = FLAGS.path("add", None, "Folder of a run whose result is to be kept.")
_NAME = FLAGS.string("name", None, "Name under which --add keeps it.")
_CHECK = FLAGS.boolean("check", False, "Change nothing; fail if RESULTS.md is out of date.")

_SCORECARD = re.compile(r"<!-- scorecard -->\n.*?<!-- end -->", re.DOTALL)
_BLOCK = re.compile(r"<!-- result: (?P<what>[^\n]*?) -->\n.*?<!-- end -->", re.DOTALL)


def main(arguments: list[str]) -> None:
    """Keep a result if one is given, and write the tables."""
    del arguments
    if (_ADD.value is None) != (_NAME.value is None):
        raise InputError("--add and --name belong together: which run, and what to call it.")
    if _ADD.value is not None:
        path = StoredResult.read(Path(_ADD.value) / "result.json", _NAME.value).write()
        print(f"kept as {path.relative_to(PAGE.parent)}")
    before = PAGE.read_text("utf-8")
    results = read_all()
    after = with_scorecard(with_tables(before, results), scorecard.tables(results=results))
    if after == before:
        print(f"{PAGE.name} is up to date.")
    elif _CHECK.value:
        raise InputError(f"{PAGE.name} is not what docs/results/ says; run `make results`.")
    else:
        write_text(PAGE, after)
        print(f"{PAGE.name} written.")


def with_scorecard(page: str, claims: Sequence[scorecard.Table]) -> str:
    """A page with the claims between its comments written anew."""
    table = f"<!-- scorecard -->\n\n{scorecard.markdown(claims)}\n\n<!-- end -->"
    return _SCORECARD.sub(lambda _: table, page)


def with_tables(page: str, results: Mapping[str, StoredResult]) -> str:
    """A page with the tables between its comments written anew.

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
        table = results[name].markdown(chosen["rows"], chosen["columns"])
        return f"<!-- result: {match['what']} -->\n\n{table}\n<!-- end -->"

    return _BLOCK.sub(block, page)


if __name__ == "__main__":
    command_line.run(main, FLAGS)
