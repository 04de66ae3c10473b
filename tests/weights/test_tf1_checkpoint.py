"""Variables of a TensorFlow 1 checkpoint."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from weights.errors import InputError
from weights.tf1_checkpoint import Checkpoint

VALUES = {
    "a/weights": np.arange(6, dtype=np.float32).reshape(2, 3),
    "a/biases": np.array([0.5, -1.0, 2.0], np.float32),
    "step": np.array(7, np.int64),
    "bad": np.array([1.0, np.nan], np.float32),
    "alone": np.array(3.5, np.float32),
}


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    tf.raw_ops.SaveV2(
        prefix=str(tmp_path / "m.ckpt-1"),
        tensor_names=list(VALUES),
        shape_and_slices=[""] * len(VALUES),
        tensors=[tf.constant(values) for values in VALUES.values()],
    )
    return tmp_path / "m.ckpt-1"


@pytest.mark.parametrize("ending", ["", ".index", ".data-00000-of-00001"])
def test_variables_by_name(prefix: Path, ending: str) -> None:
    checkpoint = Checkpoint(f"{prefix}{ending}")
    assert checkpoint.prefix == prefix
    assert sorted(checkpoint.names()) == sorted(VALUES)
    for name in ("a/weights", "a/biases", "alone"):
        assert checkpoint.shape(name) == VALUES[name].shape
        values = checkpoint.read(name, VALUES[name].shape)
        assert values.dtype == np.float32
        np.testing.assert_array_equal(values, VALUES[name])
    assert checkpoint.shape("nothing") is None


def test_what_another_network_holds(prefix: Path) -> None:
    checkpoint = Checkpoint(prefix)
    for name, shape, message in (
        ("nothing", (2, 3), "variable nothing is missing; another network"),
        ("step", (), r"step is int64 of shape \(\), the network needs float32 of \(\)"),
        (
            "a/weights",
            (3, 2),
            r"a/weights is float32 of shape \(2, 3\), the network needs float32 of \(3, 2\)",
        ),
        ("bad", (2,), "bad holds numbers that are not finite"),
    ):
        with pytest.raises(InputError, match=rf"m\.ckpt-1: {message}"):
            checkpoint.read(name, shape)


def test_damage(prefix: Path) -> None:
    data = Path(f"{prefix}.data-00000-of-00001")
    checkpoint = Checkpoint(prefix)
    whole = data.read_bytes()
    data.write_bytes(whole[:8])
    with pytest.raises(InputError, match="a/weights cannot be read; the checkpoint is damaged"):
        Checkpoint(prefix).read("a/weights", (2, 3))
    data.write_bytes(whole)
    np.testing.assert_array_equal(checkpoint.read("a/biases", (3,)), VALUES["a/biases"])
    Path(f"{prefix}.index").write_bytes(b"<html>" + bytes(100))
    with pytest.raises(InputError, match=r"no TensorFlow checkpoint, or a damaged one \(.+\): .+"):
        Checkpoint(prefix)


def test_checkpoints_of_tensorflow_2(tmp_path: Path) -> None:
    tf.train.Checkpoint(v=tf.Variable(1.0)).write(str(tmp_path / "two"))
    with pytest.raises(InputError, match=r"a checkpoint of TensorFlow 2, which.*model\.save"):
        Checkpoint(tmp_path / "two")
