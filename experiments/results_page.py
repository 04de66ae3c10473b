"""Bring every page that holds results up to date with the results that are kept.

    python -m experiments.results_page                                       # make results
    python -m experiments.results_page --add=runs/table1/2026-01-31_10-00-00 --name=table1_orl
    python -m experiments.results_page --old                   # what is to be measured anew

A table in RESULTS.md, README.md or a page of docs/ stands between two comments,

    <!-- result: table1_orl -->
    <!-- end -->

of which the first may choose: `<!-- result: detection; rows=eps=0.05,fgsm; columns=l1,js -->`, with
`|` between names that have commas themselves: `rows=joint,pgd|joint,square`.
What lies between is written by this command from `docs/results/table1_orl.json`, so that no number
is typed by hand; all rows and columns of a result, its facts and notes stand in
`docs/results/table1_orl.md`. Between `<!-- scorecard -->` and `<!-- end -->` it writes the claims
of `docs/scorecard.json` with their numbers and verdicts. --add keeps the `result.json` of a run's
folder there, without the paths of the machine; --check says what is out of date and changes
nothing.

Each result's page says what has changed in meaning since in the code that its command depends on,
and which weights, as of the last commit that changed any; --old lists the results of which
something has. Without git and the whole history the pages keep what they say of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from experiments.flags import command_line
from experiments.flags.groups import FlagGroup
from experiments.running.result_ages import Ages, ages, kept_ages
from experiments.running.result_pages import ROOT, brought_up_to_date
from experiments.running.results import write_text
from experiments.running.stored_results import StoredResult, read_all
from weights.errors import InputError

FLAGS = FlagGroup()

_ADD = FLAGS.path("add", None, "Folder of a run whose result is to be kept.")
_NAME = FLAGS.string("name", None, "Name under which --add keeps it.")
_CHECK = FLAGS.boolean("check", False, "Change nothing; fail if a page is out of date.")
_OLD = FLAGS.boolean(
    "old", False, "Change nothing; list the results whose code or weights have changed since."
)


def main(arguments: list[str]) -> None:
    """Keep a result if one is given, and write the pages."""
    del arguments
    if _OLD.value:
        if _ADD.value is not None or _CHECK.value:
            raise InputError("--old goes without --add and --check: it changes and checks nothing.")
        print(old(read_all()))
        return
    if (_ADD.value is None) != (_NAME.value is None):
        raise InputError("--add and --name belong together: which run, and what to call it.")
    if _ADD.value is not None:
        path = StoredResult.read(Path(_ADD.value) / "result.json", _NAME.value).write()
        print(f"kept as {path.relative_to(ROOT)}")
    results = read_all()
    # --check holds the pages against docs/results/ alone: code goes on between two `make results`.
    found = kept_ages() if _CHECK.value else known_ages(results)
    pages = brought_up_to_date(results, found)
    late = {path: text for path, text in pages.items() if _late(path, text)}
    names = ", ".join(str(path.relative_to(ROOT)) for path in late)
    if not late:
        print("Every page is up to date.")
    elif _CHECK.value:
        raise InputError(f"{names}: not what docs/results/ says; run `make results`.")
    else:
        for path, text in late.items():
            write_text(path, text)
        print(f"written: {names}")


def known_ages(results: Mapping[str, StoredResult]) -> Ages:
    """How old results are; what the pages say, and a sentence about it, without a history."""
    found = ages(results)
    if found is None:
        print("Here is no git history of the project: how old results are stays as the pages say.")
    return found or kept_ages()


def old(results: Mapping[str, StoredResult]) -> str:
    """The results of which something has changed, with their commands and what it is."""
    found = known_ages(results)
    lines = [
        f"{name}: {found[name].sentence}\n    {result.command}"
        for name, result in results.items()
        if not found[name].unchanged
    ]
    count = f"{len(lines)} of {len(results)} results"
    return "\n".join([*lines, f"{count} are older than their code, as of commit {found.commit}."])


def _late(path: Path, text: str) -> bool:
    return not path.is_file() or path.read_text("utf-8") != text


if __name__ == "__main__":
    command_line.run(main, FLAGS)
