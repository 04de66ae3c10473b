"""How old results are, in a toy repository and in the project's own."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import textwrap
from pathlib import Path

import pytest

from experiments import results_page
from experiments.running import result_ages
from experiments.running.code_behind import Difference
from experiments.running.git_history import History
from experiments.running.result_ages import (
    Age,
    Ages,
    ages,
    command_module,
    kept_ages,
    page_line,
    worded,
)
from experiments.running.result_pages import full_page, index
from experiments.running.stored_results import FOLDER, StoredResult, read_all
from tests.experiments.command import ROOT
from weights.errors import InputError

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")

COMMAND = """
    from resgn.nets import FILE, width

    def main():
        return width() + len(FILE)

    if __name__ == "__main__":
        main()
"""


def result(commit: str | None, command: str = "python -m experiments.toy --seed=1") -> StoredResult:
    return StoredResult(
        "toy", "toy", command, commit, 1, 2.0, "cpu", "float32", "first", "Notes.", (), ()
    )


class Repository:
    """A repository whose commits are made by hand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.git("init", "-q")

    def git(self, *arguments: str) -> str:
        me = ("-c", "user.name=n", "-c", "user.email=n@example.org", "-c", "commit.gpgsign=false")
        environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
        return subprocess.run(
            ["git", "-C", str(self.folder), *me, *arguments],
            capture_output=True,
            text=True,
            check=True,
            env=environment | {"GIT_CONFIG_GLOBAL": os.devnull},
        ).stdout.strip()

    def commit(self, **files: str) -> str:
        """Commit files, as `resgn__nets_py="..."`; returns the commit, shortened as in results."""
        for name, text in files.items():
            path = self.folder / name.replace("__", "/").replace("_py", ".py").replace("_h5", ".h5")
            path.parent.mkdir(exist_ok=True)
            path.write_text(textwrap.dedent(text))
        self.git("add", ".")
        self.git("commit", "-qm", "x")
        return self.git("rev-parse", "--short=12", "HEAD")

    def age(self, commit: str | None, as_of: str | None = None) -> Age:
        found = ages({"toy": result(commit)}, as_of, self.folder)
        assert found is not None
        return found["toy"]


NETS = 'FILE = "net.h5"\ndef width():\n    """Wide."""\n    return 3'


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


@needs_git
def test_what_changes_no_number_makes_nothing_old(repository: Repository) -> None:
    first = repository.commit(experiments__toy_py=COMMAND, resgn__nets_py=NETS, weights__net_h5="a")
    repository.commit(resgn__nets_py=NETS.replace("Wide", "How wide it is") + "  # three")
    assert repository.age(first) == Age("0 of 2", "unchanged since.")
    assert repository.age(first).unchanged
    assert repository.age(f"{first}+").unchanged


@needs_git
def test_what_may_change_a_number_is_named(repository: Repository) -> None:
    first = repository.commit(experiments__toy_py=COMMAND, resgn__nets_py=NETS, weights__net_h5="a")
    second = repository.commit(resgn__nets_py=NETS.replace("3", "4"))
    third = repository.commit(weights__net_h5="b", weights__other_h5="b")
    age = repository.age(first)
    assert age.short == "1 of 2, 1 file"
    assert age.sentence == (
        "changed in meaning since, 1 of 2 modules: `resgn/nets.py` (`width`); "
        "files that it can load and that changed since: `net.h5`."
    )
    assert not age.unchanged
    assert repository.age(first, second).short == "1 of 2"
    assert repository.age(second).short == "0 of 2, 1 file"
    assert not repository.age(second).unchanged
    assert repository.age(third).unchanged


@needs_git
def test_the_commit_is_the_last_that_changed_code(repository: Repository) -> None:
    """So that pages which are written and committed are not out of date by that."""
    first = repository.commit(experiments__toy_py=COMMAND, resgn__nets_py=NETS)
    repository.commit(README="x", docs__page="y", experiments__page_md="z")
    found = ages({"toy": result(first)}, None, repository.folder)
    assert found is not None
    assert found.commit == first


@needs_git
def test_what_nobody_has_who_clones_the_project(repository: Repository) -> None:
    repository.commit(experiments__toy_py=COMMAND, resgn__nets_py=NETS)
    lost = repository.commit(resgn__nets_py=NETS.replace("3", "4"))
    repository.git("reset", "-q", "--hard", "HEAD~1")
    assert repository.git("cat-file", "-t", lost) == "commit"
    for commit in (lost, "0123456789ab"):
        assert repository.age(commit).sentence == "its commit is not in this history."
        assert ages({"toy": result(commit)}, commit, repository.folder) is None
    assert repository.age(None).sentence == "measured outside git."


@needs_git
def test_a_command_that_is_gone(repository: Repository) -> None:
    first = repository.commit(experiments__toy_py=COMMAND, resgn__nets_py=NETS)
    repository.git("rm", "-q", "experiments/toy.py")
    repository.commit()
    assert repository.age(first).sentence == "its command is gone."


@needs_git
def test_without_a_whole_history_nothing_is_known(repository: Repository, tmp_path: Path) -> None:
    first = repository.commit(experiments__toy_py=COMMAND, resgn__nets_py=NETS)
    kept = {"toy": result(first)}
    repository.commit(resgn__nets_py=NETS.replace("3", "4"))
    assert ages(kept, None, repository.folder / "resgn") is None  # not the repository's own folder
    shallow = tmp_path / "shallow"
    repository.git("clone", "-q", "--depth=1", repository.folder.as_uri(), str(shallow))
    assert ages(kept, None, shallow) is None
    assert ages(kept, None, tmp_path.parent) is None
    assert ages(kept, None, tmp_path / "nowhere") is None


def test_without_git_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert ages({"toy": result("0123456789ab")}) is None


def test_many_changes_are_counted_by_room() -> None:
    many = {f"attacks/a{n}.py": ("f",) for n in range(20)} | {"resgn/b.py": ()}
    assert worded(Difference(30, many), []).sentence == (
        "changed in meaning since, 21 of 30 modules: 20 in `attacks/`, 1 in `resgn/`."
    )
    few = {"a/b.py": tuple("fghijk"), "a/c.py": ("",), "a/d.py": ()}
    assert worded(Difference(30, few), []).sentence == (
        "changed in meaning since, 3 of 30 modules: `a/b.py` (`f`, `g`, `h`, `i`, 2 more), "
        "`a/c.py` (its statements), `a/d.py` (new)."
    )


def test_the_pages_keep_what_they_say(tmp_path: Path) -> None:
    kept = {
        name: dataclasses.replace(result("0123456789ab"), name=name)
        for name in ("old", "new", "no")
    }
    said = Ages(
        "ba9876543210",
        {
            "old": Age("2 of 5, 1 file", "changed since, `a`."),
            "new": Age("0 of 5", "unchanged since."),
        },
    )
    (tmp_path / "README.md").write_text(index(kept, said))
    for name in ("old", "new"):
        (tmp_path / f"{name}.md").write_text(full_page(kept[name], said[name]))
    found = kept_ages(tmp_path)
    assert found == said
    assert found["new"].unchanged
    assert found["no"] == Age("not known", "not known.")
    assert kept_ages(tmp_path / "nowhere") == Ages(None, {})


def test_what_is_to_be_measured_anew_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {name: dataclasses.replace(result("0123456789ab"), name=name) for name in ("old", "new")}
    said = Ages(
        "ba98", {"old": Age("1 of 5", "changed, `a`."), "new": Age("0 of 5", "unchanged since.")}
    )
    monkeypatch.setattr(results_page, "ages", lambda _: said)
    assert results_page.old(kept).splitlines() == [
        "old: changed, `a`.",
        "    python -m experiments.toy --seed=1",
        "1 of 2 results are older than their code, as of commit ba98.",
    ]


def test_without_a_history_the_pages_speak(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(results_page, "ages", lambda _: None)
    assert results_page.known_ages(read_all()) == kept_ages()
    assert capsys.readouterr().out.splitlines() == [
        "Here is no git history of the project: how old results are stays as the pages say."
    ]


def test_every_result_has_a_command_that_is_still_there() -> None:
    for kept in read_all().values():
        module = command_module(kept)
        assert module.partition(".")[0] in ("experiments", "benchmarks"), kept.name
        assert (ROOT / f"{module.replace('.', '/')}.py").is_file(), kept.name


def test_a_command_is_a_module() -> None:
    with pytest.raises(InputError, match=r"toy: `tool\.py --x` is no command of the project"):
        command_module(result(None, "tool.py --x"))


@needs_git
def test_the_pages_say_how_old_each_result_is() -> None:
    """As of the commit that they name: code may have gone on since."""
    said, kept = kept_ages(), read_all()
    assert set(said.of) == set(kept), "run `make results`"
    found = ages(kept, said.commit) if said.commit else None
    if found is None:
        pytest.skip(
            "there is no git history here, or none with the commit of docs/results/README.md"
        )
    with History(ROOT) as history:
        # What was measured before a branch was rebased was there when the page was written.
        there = [
            name for name, each in kept.items() if history.commit(f"{each.commit}".rstrip("+"))
        ]
    assert there
    for name in there:
        assert said[name] == found[name], f"{name}: run `make results`"
        assert page_line(said[name]) in (FOLDER / f"{name}.md").read_text("utf-8")


def test_rooms_of_the_house_are_looked_at() -> None:
    for room in result_ages.ROOMS:
        assert (ROOT / room / "__init__.py").is_file()
