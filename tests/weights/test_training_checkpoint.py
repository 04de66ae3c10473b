from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from weights.errors import InputError
from weights.training_checkpoint import restore_newest


def state(value: float) -> tf.train.Checkpoint:
    return tf.train.Checkpoint(numbers=tf.Variable(np.full(1000, value, np.float32)))


def written(folder: Path) -> Path:
    """Checkpoints 9 and 10; by name, 9 comes last."""
    for number in (9, 10):
        checkpoint = state(float(number))
        tf.train.CheckpointManager(checkpoint, str(folder), max_to_keep=None).save(number)
    return folder


def test_nothing_there_changes_nothing(tmp_path: Path) -> None:
    checkpoint = state(3.0)
    assert restore_newest(checkpoint, tmp_path / "absent") is None
    assert checkpoint.numbers.numpy()[0] == 3.0


def test_the_newest_by_number(tmp_path: Path) -> None:
    checkpoint = state(0.0)
    assert restore_newest(checkpoint, written(tmp_path)) == str(tmp_path / "ckpt-10")
    assert (checkpoint.numbers.numpy() == 10.0).all()


@pytest.mark.parametrize("suffix", ["index", "data-00000-of-00001"])
@pytest.mark.parametrize("damage", ["flipped", "cut", "empty", "gone"])
def test_a_damaged_one_is_passed_over(
    tmp_path: Path, suffix: str, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    file = written(tmp_path) / f"ckpt-10.{suffix}"
    data = bytearray(file.read_bytes())
    data[len(data) // 3] ^= 0xFF
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes({"flipped": data, "cut": data[: len(data) // 2], "empty": b""}[damage])
    checkpoint = state(0.0)
    with caplog.at_level(logging.WARNING):
        assert restore_newest(checkpoint, tmp_path) == str(tmp_path / "ckpt-9")
    assert (checkpoint.numbers.numpy() == 9.0).all()
    assert ("cannot be read" in caplog.text) == ((suffix, damage) != ("index", "gone"))


def test_of_another_network(tmp_path: Path) -> None:
    written(tmp_path)
    for other in (
        tf.train.Checkpoint(numbers=tf.Variable(tf.zeros([7]))),
        tf.train.Checkpoint(weights=tf.Variable(tf.zeros([1000]))),
    ):
        with pytest.raises(InputError, match="no checkpoint in it can be read"):
            restore_newest(other, tmp_path)


def test_the_list_of_checkpoints_is_not_needed(tmp_path: Path) -> None:
    (written(tmp_path) / "checkpoint").write_bytes(b"\x00damaged")
    assert restore_newest(state(0.0), tmp_path) == str(tmp_path / "ckpt-10")
