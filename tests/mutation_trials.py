"""A pytest plugin that tries mutants: collected once, then a forked process for each mutant.

`tests.mutants` loads it, in the folder that mutmut has filled. A mutant is one of many versions of
a function that all stand in the mutated file; which one runs is asked at every call, so that
nothing has to be imported anew. TensorFlow is imported but must not have run before the forks.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import pickle
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.state import state

PLAN = Path("plan.json")
"""The mutants to try, and the file descriptor to report to."""

REACHED = Path("reached.json")
"""Which functions each test file's tests reach, and how long they take, kept between runs."""

SURVIVED, KILLED, NO_TESTS, TIMEOUT = 0, 1, 33, 36
"""Exit codes as mutmut reads them."""

AT_IMPORT = "at import"
"""Instead of a code: the function runs while its module is imported, before any fork."""

SECONDS = 600.0
"""Of processor time for one test without any mutant, at most."""


class _Reports:
    """Remembers whether a test failed."""

    failed = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.failed = self.failed or report.failed


def pytest_configure() -> None:
    """Collecting the tests imports what they test: note what runs by that."""
    set_mutant_under_test("stats")


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool:
    """Instead of running the tests: try every mutant of the plan."""
    if session.testsfailed:
        raise session.Interrupted("test files cannot be read, and what they reach goes untried")
    _check_that_tensorflow_rests()
    plan = json.loads(PLAN.read_text("utf-8"))
    with os.fdopen(plan["report_to"], "w", encoding="utf-8", buffering=1) as report:

        def tell(**what: Any) -> None:
            report.write(json.dumps(what) + "\n")

        at_import = set(state()._stats)
        rooms = {name.partition(".")[0] for name in plan["mutants"]}
        _keep_signatures(rooms)
        set_mutant_under_test("")
        reached = _reached(session, rooms, tell)
        for name in plan["mutants"]:
            began = time.monotonic()
            function = name.partition("__mutmut_")[0]
            if function in at_import:
                tell(name=name, code=AT_IMPORT)
                continue
            items = _tests_of(function, session.items, reached)
            code = _try(name, items, session, reached) if items else NO_TESTS
            tell(name=name, code=code, seconds=round(time.monotonic() - began, 2))
    return True


def _check_that_tensorflow_rests() -> None:
    from tensorflow.python.eager import context

    if getattr(context.context_safe(), "_initialized", False):
        raise pytest.UsageError(
            "TensorFlow has run while test files were imported, and cannot go on in forks: they "
            "must make no tensors outside of their tests."
        )


def _keep_signatures(rooms: set[str]) -> None:
    """Methods that mutmut has wrapped say what they take: Keras asks the `call` of its layers."""
    for module in list(sys.modules.values()):
        if module.__name__.partition(".")[0] not in rooms:
            continue
        for kind in list(vars(module).values()):
            if not (isinstance(kind, type) and kind.__module__ == module.__name__):
                continue
            for name, method in list(vars(kind).items()):
                original = vars(kind).get(f"x\u01c1{kind.__name__}\u01c1{name}__mutmut_orig")
                if inspect.isfunction(original) and inspect.isfunction(method):
                    method.__signature__ = inspect.signature(original)  # type: ignore[attr-defined]


def _reached(
    session: pytest.Session, rooms: set[str], tell: Callable[..., None]
) -> dict[str, dict[str, Any]]:
    """By test: the functions that it runs, and its seconds of processor time."""
    kept = json.loads(REACHED.read_text("utf-8")) if REACHED.exists() else {}
    for path, items in _by_file(session.items):
        key = _content(path, rooms)
        if kept.get(str(path), {}).get("key") != key:
            tell(reading=str(path))
            # Each in a process of its own: what one test has compiled the next would only call,
            # and seem not to reach.
            found = {
                item.nodeid: _in_child(lambda item=item: _run_and_record(item, session), SECONDS)[1]
                for item in items
            }
            kept[str(path)] = {"key": key, "tests": {n: each for n, each in found.items() if each}}
            REACHED.write_text(json.dumps(kept), "utf-8")
    return {
        name: test
        for path, _ in _by_file(session.items)
        for name, test in kept[str(path)]["tests"].items()
    }


def _by_file(items: list[pytest.Item]) -> Iterator[tuple[Path, list[pytest.Item]]]:
    root = Path.cwd()
    paths = dict.fromkeys(item.path for item in items)
    return ((p.relative_to(root), [i for i in items if i.path == p]) for p in paths)


def _content(path: Path, rooms: set[str]) -> str:
    """A hash of a test file, of what it shares with others, and of the rooms that are tried."""
    digest = hashlib.sha256(path.read_bytes() + Path(__file__).read_bytes())
    for each in sorted(path.parent.glob("*.py")):
        if not each.name.startswith("test_"):
            digest.update(each.read_bytes())
    for room in sorted(rooms):
        for each in sorted(Path(room).rglob("*.py")):
            digest.update(each.read_bytes())
    return digest.hexdigest()


def _run_and_record(item: pytest.Item, session: pytest.Session) -> dict[str, Any] | None:
    """What a test reaches; None where it fails without any mutant, which tells nothing."""
    reports = _Reports()
    session.config.pluginmanager.register(reports)
    set_mutant_under_test("stats")
    state()._stats.clear()
    began = time.process_time()
    item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
    seconds = time.process_time() - began
    return None if reports.failed else {"seconds": seconds, "functions": sorted(state()._stats)}


def _tests_of(
    function: str, items: list[pytest.Item], reached: dict[str, dict[str, Any]]
) -> list[pytest.Item]:
    """The tests that reach a function, file by file, quick ones first."""
    named = {item.nodeid: item for item in items}
    names = [n for n, test in reached.items() if function in test["functions"] and n in named]
    files: dict[Path, float] = {}
    for name in names:
        path, seconds = named[name].path, reached[name]["seconds"]
        files[path] = min(files.get(path, seconds), seconds)
    names.sort(key=lambda n: (files[named[n].path], str(named[n].path), reached[n]["seconds"]))
    return [named[name] for name in names]


def _try(
    name: str, items: list[pytest.Item], session: pytest.Session, reached: dict[str, dict[str, Any]]
) -> int:
    usual = sum(reached[item.nodeid]["seconds"] for item in items)

    def survives() -> bool:
        reports = _Reports()
        session.config.pluginmanager.register(reports)
        set_mutant_under_test(name)
        for item, after in zip(items, [*items[1:], None], strict=True):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
            if reports.failed:
                return False
        return True

    code, survived = _in_child(survives, 20.0 + 10.0 * usual)
    if code < 0:
        return TIMEOUT if code in (-24, -9) else code
    return SURVIVED if survived else KILLED


def _in_child(work: Callable[[], Any], seconds: float) -> tuple[int, Any]:
    """Run something in a process of its own, for so much processor time at most.

    Returns:
      Its exit code (negative: the signal that ended it), and what the work gave.
    """
    folder = tempfile.mkdtemp(prefix="mutant_")
    given = Path(folder) / "given.pickle"
    child = os.fork()
    if child == 0:
        try:
            os.environ["PYTEST_DEBUG_TEMPROOT"] = folder
            limit = int(time.process_time() + seconds) + 1
            resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 2))
            given.write_bytes(pickle.dumps(work()))
        finally:
            os._exit(0 if given.exists() else 1)
    code = os.waitstatus_to_exitcode(_waited(child, 20.0 * seconds))
    result = pickle.loads(given.read_bytes()) if code == 0 else None
    shutil.rmtree(folder, ignore_errors=True)
    return code, result


def _waited(child: int, seconds: float) -> int:
    """The status of a process that has ended; one that only waits is killed in the end."""
    until = time.monotonic() + seconds
    pause = 0.001
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status
        time.sleep(pause)
        pause = min(2.0 * pause, 0.1)
    os.kill(child, 9)
    return os.waitpid(child, 0)[1]
