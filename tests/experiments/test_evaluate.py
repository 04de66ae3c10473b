"""The command, with a defence from a file of the user's and a toy target."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments import evaluate
from tests.experiments.command import result
from tests.experiments.conftest import Main

DEFENCE = """
import tensorflow as tf


def squeeze(images):
    small = tf.image.resize(images, [40, 40])
    return tf.clip_by_value(tf.image.resize(small, tf.shape(images)[1:3]), 0.0, 1.0)


def rounding(images):
    return tf.round(images * 8.0) / 8.0
"""


def test_one_json_with_what_is_reported_measured_and_certified(
    in_process: Main, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "defences_of_mine.py").write_text(DEFENCE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    names = ["defences_of_mine:squeeze", "defences_of_mine:rounding"]
    folder = in_process(
        evaluate,
        f"--cleaner={','.join(names)}",
        "--draws=60",
        "--selection_draws=10",
        "--certified_pairs=2",
        "--sigma=0.05",
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
