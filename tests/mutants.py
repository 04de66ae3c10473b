"""Mutation tests with mutmut: a drawn share of the mutants, and the score of each file.

    python -m tests.mutants attacks                    # one in a hundred of the room's mutants
    python -m tests.mutants 'attacks.eight_bits' 'detector.roc' --share=1
    python -m tests.mutants --score                    # what was found so far, nothing is run

Every mutant is a process of its own that imports TensorFlow from its parent and traces anew, about
ten seconds each on two cores; hence the share. What was tried before is not tried again. Nothing
that survives is hidden: `python -m mutmut results` lists it, `python -m mutmut show NAME` shows it.
"""

from __future__ import annotations

import argparse
import collections
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from mutmut.stats import status_by_exit_code

FOLDER = Path("mutants")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="rooms or modules; all by default")
    parser.add_argument("--share", type=float, default=0.01, help="of the mutants that are tried")
    parser.add_argument("--seed", type=int, default=0, help="of the draw")
    parser.add_argument("--score", action="store_true", help="print the score alone")
    given = parser.parse_args()
    if not given.score:
        if not any(FOLDER.rglob("*.meta")):  # makes the mutants, and finds out who tests what
            mutmut("attacks.eight_bits.x_whole_levels__mutmut_1")
        names = sorted(name for _, name, _ in outcomes(given.names))
        count = round(given.share * len(names))
        mutmut(*random.Random(given.seed).sample(names, count))
    print(table(given.names))


def mutmut(*names: str) -> None:
    """Try these mutants, one after the other."""
    if names:
        command = [sys.executable, "-m", "mutmut", "run", "--max-children", "1", *names]
        subprocess.run(command, check=True)


def outcomes(rooms: list[str]) -> Iterator[tuple[str, str, str]]:
    """File, name and outcome of every mutant in these rooms or modules."""
    for path in sorted(FOLDER.rglob("*.meta")):
        file = str(path.relative_to(FOLDER)).removesuffix(".meta")
        module = file.removesuffix(".py").replace("/", ".")
        if rooms and not any(f"{module}.".startswith(f"{room}.") for room in rooms):
            continue
        for name, code in json.loads(path.read_text())["exit_code_by_key"].items():
            yield file, name, status_by_exit_code[code]


def table(rooms: list[str]) -> str:
    """How many of those tried were killed, by file and in all."""
    counts: dict[str, collections.Counter] = {}
    for file, _, outcome in outcomes(rooms):
        counts.setdefault(file, collections.Counter())[outcome] += 1
    counts["all"] = sum(counts.values(), collections.Counter())
    lines = []
    for file, found in counts.items():
        made, waiting = found.total(), found["not checked"]
        killed = found["killed"] + found["timeout"] + found["segfault"]
        tried = made - waiting
        share = f"{killed / tried:4.0%}" if tried else "   -"
        lines.append(f"{share}  {killed:5} of {tried:5} tried, {made:5} made  {file}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
