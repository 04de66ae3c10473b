"""Mutation tests with mutmut's mutants: a drawn share of them, and the score of each file.

    python -m tests.mutants attacks                    # one in a hundred of each file's mutants
    python -m tests.mutants attacks.eight_bits detector.roc --share=1
    python -m tests.mutants weights --survivors        # those of earlier draws again
    python -m tests.mutants weights --score            # what was found so far, nothing is run

A mutant is tried by the tests that reach its function, of those that mirror its room
(`tests/attacks` for `attacks`). The draw is
stratified: each file gives its share. Nothing that survives is hidden: the mutants are named, and
`python -m mutmut show NAME` shows what was changed.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import io
import json
import math
import os
import random
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from mutmut.mutation.data import SourceFileMutationData
from mutmut.stats import status_by_exit_code

from tests.mutation_trials import AT_IMPORT

FOLDER = Path("mutants")
LOG = FOLDER / "pytest.log"
PLAN = FOLDER / "plan.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="rooms or modules; all by default")
    parser.add_argument("--share", type=float, default=0.01, help="of each file's mutants")
    parser.add_argument("--seed", type=int, default=0, help="of the draw")
    parser.add_argument(
        "--survivors", action="store_true", help="those that no test noticed, again"
    )
    parser.add_argument("--score", action="store_true", help="print the score alone")
    given = parser.parse_args()
    if given.score:
        print(table(outcomes(given.names)))
        return
    make_mutants()
    files = dict(mutants(given.names))
    if given.survivors:
        missed = ("survived", "no tests")
        drawn = [name for name, _, outcome in outcomes(given.names) if outcome in missed]
    else:
        drawn = draw(files, given.share, given.seed)
    tried = try_all(drawn, files)
    print(table((name, file, tried[name]) for file, name in named(files) if name in tried))
    for name in sorted(tried):
        if tried[name] != "killed":
            print(f"{tried[name]}: {name}")


def make_mutants() -> None:
    """Fill the folder with the mutated rooms; what has not changed keeps its outcomes."""
    from mutmut import __main__ as mutmut

    FOLDER.mkdir(exist_ok=True)
    for copied in ("tests", "mofa", "experiments", "benchmarks"):
        shutil.rmtree(FOLDER / copied, ignore_errors=True)
    with contextlib.redirect_stdout(io.StringIO()):
        mutmut.copy_src_dir()
        mutmut.copy_also_copy_files()
        mutmut.create_mutants(1)


def mutants(rooms: list[str]) -> Iterator[tuple[str, SourceFileMutationData]]:
    """The mutated files of these rooms or modules, with the outcomes so far."""
    for path in sorted(FOLDER.rglob("*.meta")):
        file = str(path.relative_to(FOLDER)).removesuffix(".meta")
        module = file.removesuffix(".py").replace("/", ".")
        if not rooms or any(f"{module}.".startswith(f"{room}.") for room in rooms):
            data = SourceFileMutationData(path=file)
            data.load()
            yield file, data


def outcomes(rooms: list[str]) -> Iterator[tuple[str, str, str]]:
    """Name, file and outcome of every mutant in these rooms or modules."""
    files = dict(mutants(rooms))
    for file, name in named(files):
        yield name, file, status_by_exit_code[files[file].exit_code_by_key[name]]


def named(files: dict[str, SourceFileMutationData]) -> Iterator[tuple[str, str]]:
    """File and name of every mutant of these files."""
    return ((file, name) for file, data in files.items() for name in data.exit_code_by_key)


def draw(files: dict[str, SourceFileMutationData], share: float, seed: int) -> list[str]:
    """A share of the mutants of each file, one at least."""
    drawn: list[str] = []
    for file, data in files.items():
        names = sorted(data.exit_code_by_key)
        count = min(len(names), max(1, round(share * len(names))))
        drawn += random.Random(f"{seed} {file}").sample(names, count)
    return drawn


def try_all(names: list[str], files: dict[str, SourceFileMutationData]) -> dict[str, str]:
    """Try these mutants, one after the other, and keep what came of them."""
    of = {name: data for data in files.values() for name in data.exit_code_by_key}
    found: dict[str, str] = {}
    for paths, room in by_tests(names, of):
        for said in trials(paths, room):
            if "name" not in said:
                print("reading", said["reading"], flush=True)
                continue
            name, data = said["name"], of[said["name"]]
            if said["code"] == AT_IMPORT:
                said = imported_anew(name, Path(data.path))
            data.exit_code_by_key[name] = said["code"]
            data.durations_by_key[name] = said["seconds"]
            data.save()
            found[name] = status_by_exit_code[said["code"]]
            count = f"{len(found)}/{len(names)}"
            print(f"{count} {found[name]} {said['seconds']:.1f} s {name}", flush=True)
    return found


def by_tests(
    names: Iterable[str], of: dict[str, SourceFileMutationData]
) -> list[tuple[list[str], list[str]]]:
    """Test files and folders, and the mutants that they try, room by room."""
    grouped: dict[str, list[str]] = {}
    for name in names:
        grouped.setdefault(Path(of[name].path).parts[0], []).append(name)
    return [(tests_of({Path(of[n].path) for n in room}), room) for room in grouped.values()]


def tests_of(files: set[Path]) -> list[str]:
    """The tests that mirror these files; where a file has none, those elsewhere that import it."""
    found = set()
    for file in files:
        own = Path("tests", *file.parent.parts, f"test_{file.name}")
        found.add(own if file.parts[0] == "resgn" else Path("tests", file.parts[0]))
        if own.exists():
            continue
        named = f"from {'.'.join(file.with_suffix('').parts)} import"
        module = f"from {'.'.join(file.parent.parts)} import .*\\b{file.stem}\\b"
        for room in ("attacks", "detector", "mofa", "resgn", "weights"):
            for path in Path("tests", room).rglob("test_*.py"):
                if re.search(f"{named}|{module}", path.read_text("utf-8")):
                    found.add(path)
    return sorted(str(path) for path in found if not found & set(path.parents))


def trials(tests: list[str], names: list[str]) -> Iterator[dict[str, Any]]:
    """What the plugin reports of these mutants, as it comes."""
    listening, telling = os.pipe()
    PLAN.write_text(json.dumps({"mutants": names, "report_to": telling}), "utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "tests.mutation_trials", "-p"]
    command += ["no:cacheprovider", "-q", *tests]
    with LOG.open("wb") as log:
        running = subprocess.Popen(
            command,
            cwd=FOLDER,
            env={**os.environ, "PYTHONPATH": str(FOLDER.resolve())},
            stdout=log,
            stderr=log,
            pass_fds=(telling,),
        )
        os.close(telling)
        with os.fdopen(listening, encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)
    if running.wait():
        raise SystemExit(f"pytest ended with {running.returncode}; see {LOG}")


def imported_anew(name: str, file: Path) -> dict[str, Any]:
    """Try a mutant in a process that imports it mutated: the tests of its file, or of its room."""
    began = time.monotonic()
    mirror = Path("tests", *file.parts[:-1], f"test_{file.name}")
    tests = [str(mirror)] if (FOLDER / mirror).exists() else tests_of({file})
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests],
        cwd=FOLDER,
        env={**os.environ, "PYTHONPATH": str(FOLDER.resolve()), "MUTANT_UNDER_TEST": name},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    if done.returncode not in (0, 1, 2):  # 2: a test file could not be imported
        raise SystemExit(f"pytest ended with {done.returncode} on {' '.join(tests)}")
    killed = done.returncode != 0
    return {"code": int(killed), "seconds": round(time.monotonic() - began, 2)}


def wilson(share: float, count: int, z: float = 1.959964) -> tuple[float, float]:
    """The interval of Wilson for a share of so many, 95 %."""
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + (z / (2 * count)) ** 2)
    return middle - half, middle + half


def table(found: Iterable[tuple[str, str, str]]) -> str:
    """How many of those tried were killed, by file and in all.

    Args:
      found: name, file and outcome of mutants.
    """
    counts: dict[str, collections.Counter] = {}
    for _, file, outcome in found:
        counts.setdefault(file, collections.Counter())[outcome] += 1
    counts["all"] = sum(counts.values(), collections.Counter())
    lines = []
    for file, each in counts.items():
        killed = each["killed"] + each["timeout"] + each["segfault"]
        tried = each.total() - each["not checked"]
        score = "   -"
        if tried:
            low, high = wilson(killed / tried, tried)
            score = f"{killed / tried:4.0%} ({low:4.0%} to {high:4.0%})"
        timed = f", {each['timeout']} by time" if each["timeout"] else ""
        lines.append(f"{score}  {killed:4} of {tried:4} tried{timed}  {file}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
