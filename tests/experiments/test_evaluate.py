"""The command, with a defence from a file of the user's and a toy target."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from experiments import evaluate
from tests.experiments.command import result
from tests.experiments.conftest import Main
from weights.errors import InputError

DEFENCE = """
import tensorflow as tf


def squeeze(images):
    small = tf.image.resize(images, [40, 40])
    return tf.clip_by_value(tf.image.resize(small, tf.shape(images)[1:3]), 0.0, 1.0)


def rounding(images):
    return tf.round(images * 8.0) / 8.0


def centred(images):
    return tf.clip_by_value(images - tf.reduce_mean(images) + 0.5, 0.0, 1.0)
"""


FEW = ("--draws=60", "--selection_draws=10", "--certified_pairs=2", "--sigma=0.05")


@pytest.fixture(autouse=True)
def _module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "defences_of_mine.py").write_text(DEFENCE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "defences_of_mine", raising=False)


def test_one_json_with_what_is_reported_measured_and_certified(
    in_process: Main, tmp_path: Path
) -> None:
    names = ["defences_of_mine:squeeze", "defences_of_mine:rounding"]
    folder = in_process(
        evaluate,
        f"--cleaner={','.join(names)}",
        *FEW,
        "--radius=0.02",
        output=tmp_path / "run",
    )
    data = result(folder)
    assert [row["name"] for row in data["rows"]] == names
    for row in data["rows"]:
        for part, count in (("reported", 6), ("measured", 3), ("certified", 2)):
            for kind in ("dodging", "impersonation"):
                assert row[f"{part}_{kind}"]["count"] == count
        assert row["reported_legitimate"]["count"] == 12
        for kind in ("dodging", "impersonation"):
            assert row[f"measured_{kind}"]["value"] <= row[f"reported_{kind}"]["value"] + 0.5
    smooth, rounded = data["rows"]
    assert not any(flag.startswith("no_gradient") for flag in smooth.get("findings", []))
    assert any(flag.startswith("no_gradient") for flag in rounded["findings"])
    assert "proved up to an L2 radius of 0.02" in data["table"]["notes"]


def test_nothing_is_certified_of_a_defence_that_looks_at_the_neighbours(
    in_process: Main, tmp_path: Path
) -> None:
    name = "defences_of_mine:centred"
    folder = in_process(evaluate, f"--cleaner={name}", *FEW, output=tmp_path / "run")
    (row,) = result(folder)["rows"]
    assert not any(column.startswith("certified") for column in row)
    assert any(flag.startswith("not_by_itself") for flag in row["findings"])


@pytest.mark.parametrize(("radius", "warned"), [("0.06", False), ("0.07", True)])
def test_a_radius_that_nobody_can_get_is_said(
    in_process: Main,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    radius: str,
    warned: bool,
) -> None:
    """Before long work: 60 draws and sigma 0.05 certify up to 0.0617."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("experiments.evaluate.Run", stop)
    flags = ("--cleaner=defences_of_mine:squeeze", *FEW, f"--radius={radius}")
    with caplog.at_level("WARNING", "absl"), pytest.raises(KeyboardInterrupt):
        in_process(evaluate, *flags, output=tmp_path / "run")
    said = [text for text in caplog.messages if "will stand at 0" in text]
    assert len(said) == warned
    assert not said or "60 draws and noise of sigma 0.05 certify at most" in said[0]


def test_no_run_goes_on_with_another_defence_of_the_same_name(
    in_process: Main, tmp_path: Path
) -> None:
    flags = ("--cleaner=defences_of_mine:squeeze", *FEW)
    folder = in_process(evaluate, *flags, output=tmp_path / "run")
    noted = json.loads((folder / "files.json").read_text())
    assert "cleaner=defences_of_mine:squeeze" in noted
    (folder / "result.json").unlink()
    in_process(evaluate, *flags, "--resume", output=folder)
    (tmp_path / "defences_of_mine.py").write_text(DEFENCE + "\n\nnumber = 3\n")
    with pytest.raises(InputError, match=r"come into `cleaner=defences_of_mine:squeeze`: put back"):
        in_process(evaluate, *flags, "--resume", output=folder)
