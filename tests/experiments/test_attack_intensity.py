from __future__ import annotations

import json
from pathlib import Path

import pytest
import tensorflow as tf

from experiments import attack_intensity, table1
from experiments.attack_intensity import Lesson, row_name
from experiments.face_verification.papers import TABLE_2
from experiments.flags import intensity_flags
from experiments.running.results import wilson_interval
from tests.experiments.command import result
from weights.errors import InputError

LEARNED, TESTED = ("0.03", "0.04", "0-0.04"), (0.02, 0.03)
FLAGS = ("--eps=0.03,0.04", "--test_eps=0.02,0.03")


@pytest.fixture
def finished(in_process, toy_cache: Path) -> Path:
    """One run for all tests of this file."""
    folder = toy_cache / "finished"
    if not folder.exists():
        in_process(attack_intensity, *FLAGS, output=folder)
    return folder


def test_rows_are_training_by_test_intensity(finished: Path) -> None:
    rows = {row["name"]: row for row in result(finished)["rows"]}
    assert list(rows) == [f"train={t},test={e:g}" for t in LEARNED for e in TESTED]
    for row in rows.values():
        for column, count in (("dodging", 6), ("impersonation", 6), ("legitimate", 12)):
            cell = row[column]
            assert cell["count"] == count
            # Pairs share people: never narrower than of as many independent ones.
            low, high = wilson_interval(round(cell["value"] * count), count)
            assert cell["low"] <= low + 0.02
            assert cell["high"] >= high - 0.02
        assert row["legitimate"]["paper"] is None
    assert rows["train=0.04,test=0.03"]["dodging"]["paper"] == 0.9869
    assert rows["train=0-0.04,test=0.03"]["dodging"]["paper"] is None
    # What is legitimate depends on the training alone.
    for learned in LEARNED:
        first, second = (rows[f"train={learned},test={e:g}"]["legitimate"] for e in TESTED)
        assert first == second
    notes = result(finished)["table"]["notes"]
    assert "FGSM with eps 0.02 and 0.03 (5 and 7 grey levels)" in notes
    # With the laptop's spread of 1.33 up to 13 levels.
    assert "(0, 2, 5, 8, 10 and 13 grey levels) in turn" in notes


def test_names_of_cells() -> None:
    assert row_name(Lesson(0.03), 0.02) == "train=0.03,test=0.02"
    assert row_name(Lesson(0.03, from_zero=True), 0.02) == "train=0-0.03,test=0.02"


def test_the_cell_of_table_1_is_its_joint_row(in_process, finished: Path, tmp_path: Path) -> None:
    """The same recipe, so that neither table trains again what the other one has."""
    # Without a texture critic, as here, the joint loss is that of another row.
    flags = ("--rows=pixel+verification", "--eps=0.03")
    folder = in_process(table1, *flags, output=tmp_path / "table1")
    assert not (folder / "training").exists()
    (joint,) = result(folder)["rows"]
    cell = next(r for r in result(finished)["rows"] if r["name"] == "train=0.03,test=0.03")
    for column in ("dodging", "impersonation"):
        assert cell[column] | {"paper": None} == joint[column] | {"paper": None}
    assert cell["legitimate"] == joint["legitimate"] | {"paper": None}


def test_without_the_training_from_zero(in_process, finished: Path, tmp_path: Path) -> None:
    flags = ("--eps=0.04", "--test_eps=0.03", "--nofrom_zero")
    folder = in_process(attack_intensity, *flags, output=tmp_path / "run")
    assert [row["name"] for row in result(folder)["rows"]] == ["train=0.04,test=0.03"]


def test_leaves_figure_table_and_networks(finished: Path) -> None:
    for name in ("attack_intensity.md", "attack_intensity.csv", "attack_intensity.png"):
        assert (finished / name).stat().st_size > 0
    assert (finished / "cleaners" / "train=0.03.h5").exists()


def logged(folder: Path) -> tuple[set[str], set[str], bool]:
    """Plugins and tags of a TensorBoard folder, and whether there is a graph."""
    plugins, tags, graph = set(), set(), False
    for file in folder.glob("events*"):
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            graph |= bool(event.graph_def)
            for value in event.summary.value:
                tags.add(value.tag)
                plugins.add(value.metadata.plugin_data.plugin_name)
    return plugins, tags, graph


def test_tensorboard_shows_all_of_a_training(finished: Path) -> None:
    plugins, tags, graph = logged(finished / "tensorboard" / "train=0.03")
    assert {"scalars", "images", "histograms", "hparams"} <= plugins
    assert graph
    assert {"loss/pixel", "loss/verification", "loss/total", "learning_rate"} <= tags
    assert {"images_per_second", "validation/dodging", "weights/first/kernel"} <= tags
    assert any(tag.startswith("validation/impersonation: legitimate, adv") for tag in tags)
    assert logged(finished / "tensorboard")[0] == {"hparams"}


def test_one_column_uses_the_training_again(in_process, finished: Path, tmp_path: Path) -> None:
    folder = in_process(attack_intensity, "--eps=0.04", "--test_eps=0.03", output=tmp_path / "one")
    assert not (folder / "training").exists()
    rows = {row["name"]: row for row in result(finished)["rows"]}
    assert result(folder)["rows"] == [rows[f"train={t},test=0.03"] for t in ("0.04", "0-0.04")]


def test_a_damaged_cleaner_is_trained_anew(
    in_process, finished: Path, toy_cache: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for file in (toy_cache / "cleaners").glob("*.h5"):
        content = bytearray(file.read_bytes())
        content[-1] ^= 1
        file.write_bytes(content)
    folder = in_process(attack_intensity, "--eps=0.03", FLAGS[1], output=tmp_path / "again")
    assert "is damaged (its weights are not those that were saved)" in caplog.text
    assert (folder / "training" / "train=0.03").exists()
    assert result(folder)["rows"][:2] == result(finished)["rows"][:2]


def test_a_run_cut_off_between_rows_goes_on(in_process, finished: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cut"
    (folder / "rows").mkdir(parents=True)
    (folder / "flags.json").write_bytes((finished / "flags.json").read_bytes())
    row = json.loads((finished / "rows" / "train=0.03,test=0.02.json").read_text())
    row["dodging"]["count"] = 123  # tells that it was read back
    (folder / "rows" / "train=0.03,test=0.02.json").write_text(json.dumps(row))
    in_process(attack_intensity, *FLAGS, "--resume", output=folder)
    rows = result(folder)["rows"]
    assert rows[0]["dodging"]["count"] == 123
    assert rows[1:] == result(finished)["rows"][1:]


def test_papers_table() -> None:
    # Table 2 as printed: rows are the test's intensity, columns the training's.
    printed = {
        0.02: ((98.32, 98.33, 96.20), (99.92, 99.35, 99.51)),
        0.03: ((5.12, 99.45, 98.69), (42.48, 99.92, 99.76)),
        0.04: ((1.31, 5.68, 99.06), (33.98, 42.23, 99.83)),
    }
    for tested, columns in printed.items():
        for number, column in enumerate(columns):
            for learned, percent in zip((0.02, 0.03, 0.04), column, strict=True):
                assert TABLE_2[learned, tested][number] == pytest.approx(percent / 100)


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--eps=0", r"--eps=0: must lie in \(0, 1\]"),
        ("--eps=0.02,x", r"--eps=0.02,x: 'x' is no number"),
        ("--eps=nan", r"--eps=nan: must lie in \(0, 1\]"),
        ("--eps=0.02,0.02", "--eps=0.02,0.02: a number stands there twice"),
        ("--eps=", "--eps=: at least one number is needed"),
        ("--test_eps=1.5", r"--test_eps=1.5: must lie in \[0, 1\]"),
        ("--test_eps=0,0.03", "--test_eps must be above 0 here"),
    ],
)
def test_bad_intensities(in_process, flag: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        in_process(attack_intensity, flag, output=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_one_intensity_where_one_is_needed(in_process, tmp_path: Path) -> None:
    class Command:
        FLAGS = attack_intensity.FLAGS

        @staticmethod
        def main(_: list[str]) -> None:
            intensity_flags.intensity()

    with pytest.raises(InputError, match="takes one intensity"):
        in_process(Command, "--eps=0.02,0.03", output=tmp_path)
