"""Folders that no two runs share."""

from __future__ import annotations

import errno
import io
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from experiments.running import run_folder
from experiments.running.results_version import FIRST, results_version
from experiments.running.run import Place, Run
from experiments.running.run_folder import chosen_folder, claim, new_folder
from weights.errors import InputError


def test_every_run_of_one_second_has_a_folder_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: object = None) -> Clock:
            return cls(2026, 1, 2, 3, 4, 5)

    monkeypatch.setattr(run_folder, "datetime", Clock)
    with ThreadPoolExecutor(8) as pool:
        folders = list(pool.map(lambda _: new_folder("render", tmp_path), range(24)))
    stem = "2026-01-02_03-04-05"
    assert {f.name for f in folders} == {stem, *(f"{stem}_{n}" for n in range(2, 25))}
    assert all(f.is_dir() and f.parent == tmp_path / "render" for f in folders)


def test_a_chosen_folder_holds_nothing_of_others(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    assert chosen_folder(folder) == folder
    assert folder.is_dir()
    (folder / ".DS_Store").write_text("")
    chosen_folder(folder)
    for name in ("holiday.jpg", "a.txt", "z", "b"):
        (folder / name).write_text("")
    with pytest.raises(InputError, match=r"other files already \(a\.txt, b, holiday\.jpg, \.\.\."):
        chosen_folder(folder)
    assert claim(folder, "{}")
    assert not claim(folder, "{1}")
    assert (folder / "flags.json").read_text() == "{}"
    chosen_folder(folder)  # what a run left there is the run's
    with pytest.raises(InputError, match=r"holiday\.jpg is a file; `output_dir` must name a"):
        chosen_folder(folder / "holiday.jpg")


def test_of_two_runs_that_begin_at_once_one_gets_the_folder(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()

    def begin(number: int) -> str:
        try:
            Run("table1", {"number": number}, Place(tmp_path / "run"))
        except InputError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(8) as pool:
        began = list(pool.map(begin, range(16)))
    assert began.count("") == 1
    assert all("holds a run already: pass `resume`" in said for said in began if said)
    settings = json.loads((tmp_path / "run" / "flags.json").read_text())
    assert settings == {"number": began.index(""), "results_version": 3}


def test_no_run_goes_on_under_another_meaning_of_its_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for experiment, version in (("table1", 3), ("train_mofa", 1), ("one of tomorrow", 1)):
        Run(experiment, {"eps": 0.03}, Place(tmp_path / experiment))
        flags = tmp_path / experiment / "flags.json"
        assert json.loads(flags.read_text()) == {"eps": 0.03, "results_version": version}
        Run(experiment, {"eps": 0.03}, Place(tmp_path / experiment, resume=True))
        # Runs of before say nothing and are of the first version.
        flags.write_text(json.dumps({"eps": 0.03}))
        if version == 1:
            Run(experiment, {"eps": 0.03}, Place(tmp_path / experiment, resume=True))
            continue
        with pytest.raises(InputError, match=r"results_version 1, now 3\).*another `output_dir`"):
            Run(experiment, {"eps": 0.03}, Place(tmp_path / experiment, resume=True))
        assert json.loads(flags.read_text()) == {"eps": 0.03}


def test_the_latest_run_that_is_resumed_is_of_the_same_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    first = Run("table1", {"eps": 0.03}).folder
    assert Run("table1", {"eps": 0.03}, Place(resume=True)).folder == first
    (first / "flags.json").write_text(json.dumps({"eps": 0.03}))
    assert Run("table1", {"eps": 0.03}, Place(resume=True)).folder != first
    (first / "flags.json").write_text("[1]")
    with pytest.raises(InputError, match=r"flags\.json is damaged"):
        Run("table1", {"eps": 0.03}, Place(first, resume=True))


def test_versions_are_of_commands_that_are_there() -> None:
    commands = {path.stem for path in Path(run_folder.__file__).parents[1].glob("*.py")}
    attacked = {name for name in commands if results_version(name) != FIRST}
    assert attacked == {
        *("adaptive", "attack_intensity", "certify", "gallery", "linf_curve", "sweep"),
        "table1",
        *("defense", "detection", "mofa_attack", "mofa_intensity", "mofa_sweep", "refined_defense"),
    }


def test_a_run_in_a_folder_of_others_leaves_it_alone(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text("mine")
    for resume in (False, True):
        with pytest.raises(InputError, match="holds other files already"):
            Run("table1", {}, Place(tmp_path, resume))
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]


def test_a_disk_that_is_full_leaves_the_folder_to_be_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(io.StringIO):
        def close(self) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

    opened = Path.open

    def full(path: Path, *given: Any, **named: Any) -> Any:
        opened(path, *given, **named).close()
        return Full()

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(OSError, match="No space left"):
        claim(tmp_path, "{}")
    monkeypatch.undo()
    assert claim(tmp_path, "{}")
    assert (tmp_path / "flags.json").read_text() == "{}"


class Together:
    """Machines that were told this and that."""

    chief, workers = True, 2

    def __init__(self, alike: bool) -> None:
        self._alike = alike
        self.digests: list[bytes] = []

    def alike(self, digest: bytes) -> bool:
        self.digests.append(digest)
        return self._alike


def test_machines_that_were_told_different_flags_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="The machines were told different flags"):
        Run("render", {"seed": 0}, Place(tmp_path / "one"), Together(False))
    digests = []
    for number, seed in enumerate((0, 0, 1)):
        together = Together(True)
        Run("render", {"seed": seed}, Place(tmp_path / f"run{number}"), together)
        digests += together.digests
    assert digests[0] == digests[1] != digests[2]
