from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from experiments import judges, table1
from experiments.judges import VerificationExperiment
from resgn.saved_generator import load_generator
from tests.experiments.command import result
from weights.errors import InputError

BOTH = "dlib+facenet"


@pytest.fixture
def finished(in_process, two_toys: None, toy_cache: Path) -> Path:
    """One run for all tests of this file."""
    folder = toy_cache / "finished"
    if not folder.exists():
        in_process(judges, output=folder)
    return folder


def test_everyone_is_attacked_cleaned_for_and_judged_by(finished: Path) -> None:
    rows = {row["name"]: row for row in result(finished)["rows"]}
    assert list(rows) == [
        f"train={trained},attack={attack}"
        for attack in ("dlib", "facenet")
        for trained in ("none", "dlib", "facenet", BOTH)
    ]
    for row in rows.values():
        for judge in ("dlib", "facenet"):
            for column, count in (("dodging", 6), ("impersonation", 6), ("legitimate", 12)):
                assert row[f"{judge}_{column}"]["count"] == count
    for attack, other in (("dlib", "facenet"), ("facenet", "dlib")):
        uncleaned = rows[f"train=none,attack={attack}"]
        # Pairs are those that the attacked network verifies correctly; it falls to the attack.
        assert uncleaned[f"{attack}_legitimate"]["value"] == 1.0
        assert uncleaned[f"{attack}_dodging"]["value"] < uncleaned[f"{other}_dodging"]["value"]
    for name in ("judges.md", "judges.csv", "judges.png"):
        assert (finished / name).stat().st_size > 0


def test_each_attacked_network_has_thresholds_of_its_own_pairs(finished: Path) -> None:
    thresholds = result(finished)["thresholds"]
    assert set(thresholds) == set(thresholds["dlib"]) == {"dlib", "facenet"}
    values = [value for row in thresholds.values() for value in row.values()]
    assert len(set(values)) == 4


def test_resgns_are_those_of_table_1(in_process, finished: Path, tmp_path: Path) -> None:
    rows = {row["name"]: row for row in result(finished)["rows"]}
    for target, critics in (("dlib", ()), ("facenet", ()), ("dlib", ("--critics=dlib,facenet",))):
        name = BOTH if critics else target
        folder = tmp_path / name
        other = "facenet" if target == "dlib" else "dlib"
        flags = (f"--target={target}", f"--judges={other}", *critics)
        in_process(table1, "--rows=pixel+verification", *flags, output=folder)
        assert not (folder / "training").exists()
        (joint,) = result(folder)["rows"]
        row = rows[f"train={name},attack={target}"]
        for column in ("dodging", "impersonation", "legitimate"):
            assert row[f"{target}_{column}"] == joint[column] | {"paper": None}
            assert row[f"{other}_{column}"] == joint[f"{other}_{column}"]


def test_networks_are_left_behind(finished: Path) -> None:
    about = {path.stem: load_generator(path).about for path in (finished / "cleaners").glob("*.h5")}
    assert set(about) == {"train=dlib", "train=facenet", f"train={BOTH}"}
    assert about["train=facenet"]["target"] == "facenet"
    assert about[f"train={BOTH}"]["further_critics"] == "facenet"


def test_a_run_cut_off_goes_on_without_training_what_it_has(
    in_process, finished: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "cut"
    (folder / "rows").mkdir(parents=True)
    (folder / "flags.json").write_bytes((finished / "flags.json").read_bytes())
    for row in (finished / "rows").iterdir():
        if "train=facenet,attack=dlib" not in row.name:
            (folder / "rows" / row.name).write_bytes(row.read_bytes())
    in_process(judges, "--resume", output=folder)
    assert result(folder)["rows"] == result(finished)["rows"]
    assert [path.stem for path in (folder / "cleaners").iterdir()] == ["train=facenet"]
    assert json.loads((folder / "flags.json").read_text())["judges"] == ["facenet"]


def test_learning_from_others_leaves_an_experiment_as_it_was(
    in_process, two_toys: None, tmp_path: Path
) -> None:
    seen: list[VerificationExperiment] = []

    class Command:
        FLAGS = judges.FLAGS

        @staticmethod
        def main(_: list[str]) -> None:
            one = judges.verification_flags.experiment()
            one.critics  # noqa: B018, those of the target alone
            other = one.learning_from(("dlib", "facenet"))
            assert list(other.critics.further) == ["facenet"]
            assert one.critics.further == {}
            assert one.settings.critics == ()
            np.testing.assert_array_equal(
                other.sets.attacked("test", 0.03).adversarial,
                one.sets.attacked("test", 0.03).adversarial,
            )
            assert other.legitimate is one.legitimate
            seen.extend([one, other])

    in_process(Command, output=tmp_path / "run")
    assert len(seen) == 2


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--judges=", "--judges are further networks than the target, dlib, each once"),
        ("--judges=dlib", "--judges are further networks than the target, dlib, each once"),
        ("--judges=facenet,facenet", "--judges are further networks than the target, dlib"),
        ("--judges=nobody", "Unknown target 'nobody'"),
        ("--critics=dlib,facenet", "--critics is what this command goes through by itself"),
    ],
)
def test_networks_that_cannot_be(
    in_process, two_toys: None, flag: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        in_process(judges, flag, output=tmp_path / "run")
    assert not (tmp_path / "run").exists()
