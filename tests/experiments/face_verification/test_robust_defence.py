"""The row of a network that was fine-tuned on attacks, on ORL with a toy target."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from experiments import adaptive, table1
from experiments.face_verification.robust_defence import adversary
from resgn.robust_target import load_robust
from tests.experiments.command import result
from tests.experiments.conftest import toy_target
from weights import keras_h5
from weights.errors import InputError

ROWS = "--rows=none,robust_target"
COLUMNS = {
    *("dodging", "impersonation", "legitimate"),
    *("adaptive_dodging", "adaptive_impersonation"),
}


def trained(folder: Path) -> list[str]:
    """Losses of the row that a run has logged."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [str(line) for line in lines if "robust_target" in str(line) and "attacked" in str(line)]


def test_a_row_of_table_1_and_of_adaptive_and_one_training_for_both(
    in_process, two_toys: None, tmp_path: Path
) -> None:
    folder = in_process(
        table1, ROWS, "--adaptive", "--robust_epochs=2", "--target=dlib", output=tmp_path / "table"
    )
    found = result(folder)
    assert [row["name"] for row in found["rows"]] == ["none", "robust_target"]
    for row in found["rows"]:
        assert set(row) - {"name", "findings"} == COLUMNS
        assert row["adaptive_dodging"]["count"] == 3
    notes = found["table"]["notes"]
    assert "fine-tuned for 2 epochs in batches of 4" in notes
    assert "PGD of 1 step with eps 0.03 (7 grey levels)" in notes
    assert len(trained(folder)) == 2

    file = folder / "networks" / "robust_target.h5"
    about = keras_h5.read_attributes(file)
    assert 0.0 < about["threshold"] < 4.0
    assert about["threshold"] != found["threshold"]
    assert (about["epochs"], about["epsilon"], about["steps"]) == (2, 0.03, 1)
    robust, target = load_robust(file, toy_target("dlib")), toy_target("dlib")
    images = tf.random.uniform((2, 160, 160, 3), seed=1)
    assert np.abs(robust(images) - target(images)).max() > 1e-4

    again = in_process(adaptive, ROWS, "--robust_epochs=2", "--target=dlib", output=tmp_path / "b")
    rows = {row["name"]: row for row in result(again)["rows"]}
    assert "robust_target,hopskipjump" in rows
    assert "robust_target,transfer_facenet" in rows
    assert "no cleaner, but a copy of the target" in result(again)["table"]["notes"]
    assert trained(again) == []  # it was in the cache
    assert (again / "networks" / "robust_target.h5").is_file()


def test_settings_of_the_row_name_its_runs_alone(in_process, tmp_path: Path) -> None:
    flags = []
    for rows in ("--rows=none", ROWS):
        folder = in_process(table1, rows, output=tmp_path / rows[-4:])
        flags.append(json.loads((folder / "flags.json").read_text()))
    assert not [name for name in flags[0] if name.startswith("robust_")]
    assert flags[1]["robust_epochs"] == 1
    assert flags[1]["robust_strength"] == 1.0


def test_what_cannot_be_tuned_is_refused_at_once(in_process, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be fine-tuned, only dlib and facenet can"):
        in_process(
            table1,
            ROWS,
            "--target=tests.attacks.toy:mean_color",
            output=tmp_path / "table",
        )


def test_it_is_driven_away_within_the_ball() -> None:
    target = toy_target("toy")
    images = tf.constant(np.random.default_rng(0).integers(60, 190, (3, 20, 20, 3)) / 255.0)
    images = tf.cast(images, tf.float32)
    wanted = target(images)
    attack = tf.function(adversary(0.05, 3))
    made, other = (attack(target, images, wanted, tf.constant(n, tf.int64)) for n in (4, 5))
    change = 255 * (made - images).numpy()
    np.testing.assert_allclose(change, np.rint(change), atol=1e-3)
    assert np.abs(change).max() == pytest.approx(12, abs=1e-3)  # of 12.75 levels
    assert np.abs(made - other).max() > 0.0
    distance = np.square(target(made) - wanted).sum(-1)
    noise = np.random.default_rng(1).choice([-0.05, 0.05], images.shape).astype(np.float32)
    by_chance = np.square(target(images + noise) - wanted).sum(-1)
    assert (distance > 2 * by_chance).all()
