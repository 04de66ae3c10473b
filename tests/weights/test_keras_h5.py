"""Keras' HDF5: written whole, read with suspicion."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import tensorflow as tf

from weights import h5_texts, keras_h5
from weights.errors import InputError

LAYERS = {
    "conv": {
        "kernel": np.arange(12.0).reshape(2, 2, 3, 1).astype(np.float32),
        "bias": np.array([0.5], np.float32),
    },
    "norm": {"beta": np.array([1.0], np.float32), "moving_mean": np.array([2.0], np.float32)},
}
SHAPES = {layer: {n: v.shape for n, v in weights.items()} for layer, weights in LAYERS.items()}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "weights.h5"
    keras_h5.save_layer_weights(LAYERS, path, {"source": "a test", "mean": [1.0, 2.0]})
    return path


def _assert_equal(layers: keras_h5.LayerWeights) -> None:
    assert {k: set(v) for k, v in layers.items()} == {k: set(v) for k, v in LAYERS.items()}
    for layer, weights in LAYERS.items():
        for name, values in weights.items():
            assert layers[layer][name].dtype == np.float32
            np.testing.assert_array_equal(layers[layer][name], values)


def test_round_trip(path: Path) -> None:
    layers, attributes = keras_h5.read_layer_weights(path, SHAPES)
    _assert_equal(layers)
    assert attributes == {"source": "a test", "mean": [1.0, 2.0]}
    assert keras_h5.read_attributes(path) == attributes
    assert keras_h5.file_shapes(path) == SHAPES
    assert list(path.parent.iterdir()) == [path]


def test_float16_is_half_the_size_and_read_as_float32(tmp_path: Path) -> None:
    path = tmp_path / "half.h5"
    keras_h5.save_layer_weights(LAYERS, path, float16=True)
    _assert_equal(keras_h5.read_layer_weights(path, SHAPES)[0])  # small integers are exact
    with h5py.File(path) as file:
        assert file["conv/conv/kernel:0"].dtype == np.float16
    with pytest.raises(ValueError, match="x/kernel does not fit into float16"):
        keras_h5.save_layer_weights({"x": {"kernel": np.array([[1e6]])}}, path, float16=True)
    _assert_equal(keras_h5.read_layer_weights(path, SHAPES)[0])  # the old file is untouched
    with pytest.raises(ValueError, match="'layer_names' is written by itself"):
        keras_h5.save_layer_weights(LAYERS, path, {"layer_names": "x"})


def _model() -> tf.keras.Model:
    layers = tf.keras.layers
    return tf.keras.Sequential(
        [
            layers.Input((4, 4, 3)),
            layers.Conv2D(2, 2, name="first"),
            layers.BatchNormalization(name="second", scale=False),
            layers.Flatten(),
            layers.Dense(3, name="third"),
        ]
    )


def test_keras_and_the_project_read_each_other(tmp_path: Path) -> None:
    model = _model()
    statistics = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    model.get_layer("second").set_weights(list(statistics))
    images = tf.random.stateless_normal((5, 4, 4, 3), (1, 2))
    ours, theirs, whole = (tmp_path / f"{name}.h5" for name in ("ours", "theirs", "whole"))
    keras_h5.save_weights(model, ours, {"source": "x"})
    model.save_weights(theirs)
    model.save(whole)
    by_keras = _model()
    by_keras.load_weights(ours)
    np.testing.assert_array_equal(by_keras(images), model(images))
    for path in (ours, theirs, whole):
        other = _model()
        attributes = keras_h5.load_weights(other, path)
        np.testing.assert_array_equal(other(images), model(images))
        assert "layer_names" not in attributes


def test_names_of_keras_1_and_of_second_copies(tmp_path: Path) -> None:
    path = tmp_path / "old.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = np.array([b"input_1", b"conv", b"norm"])
        file.create_group("input_1").attrs["weight_names"] = np.array([], "S1")
        group = file.create_group("conv")
        group.attrs["weight_names"] = np.array([b"conv_W_1:0", b"conv_b_1:0"])
        group["conv_W_1:0"] = LAYERS["conv"]["kernel"]
        group["conv_b_1:0"] = LAYERS["conv"]["bias"]
        # Keras cuts lists that outgrow an attribute.
        group = file.create_group("norm")
        group.attrs["weight_names0"] = np.array([b"norm/beta_2:0"])
        group.attrs["weight_names1"] = np.array([b"norm/moving_mean_2:0"])
        group["norm/beta_2:0"] = LAYERS["norm"]["beta"]
        group["norm/moving_mean_2:0"] = LAYERS["norm"]["moving_mean"]
    _assert_equal(keras_h5.read_layer_weights(path, SHAPES)[0])


def test_assign_refuses_what_does_not_fit() -> None:
    model = _model()
    layers = keras_h5.layer_weights(model)
    with pytest.raises(ValueError, match="third/bias is missing"):
        keras_h5.assign(model, {**layers, "third": {"kernel": layers["third"]["kernel"]}})
    layers["third"]["bias"] = np.zeros(4, np.float32)
    with pytest.raises(ValueError, match=r"third/bias should have shape \(3,\), got \(4,\)"):
        keras_h5.assign(model, layers)


def _absurd(file: h5py.File) -> None:
    del file["conv/conv/kernel:0"]
    file["conv"].create_dataset("conv/kernel:0", (1 << 40, 1 << 10), "f4")


def _unwritten(file: h5py.File) -> None:
    del file["conv/conv/kernel:0"]
    file["conv"].create_dataset("conv/kernel:0", (2, 2, 3, 1), "f4")


def _compressed(file: h5py.File) -> None:
    del file["conv/conv/kernel:0"]
    file["conv"].create_dataset(
        "conv/kernel:0", data=np.zeros((2, 2, 3, 1), "f4"), compression="gzip"
    )


def _external(file: h5py.File) -> None:
    del file["conv/conv/kernel:0"]
    file["conv"].create_dataset(
        "conv/kernel:0", (2, 2, 3, 1), "f4", external=[("/etc/hostname", 0, 48)]
    )


def _external_link(file: h5py.File) -> None:
    del file["conv/conv/kernel:0"]
    file["conv/conv/kernel:0"] = h5py.ExternalLink("/etc/other.h5", "/x")


def _soft_link(file: h5py.File) -> None:
    del file["conv/conv/kernel:0"]
    file["conv/conv/kernel:0"] = h5py.SoftLink("/norm")


def _virtual(file: h5py.File) -> None:
    del file["conv/conv/kernel:0"]
    layout = h5py.VirtualLayout((2, 2, 3, 1), "f4")
    layout[...] = h5py.VirtualSource("/etc/other.h5", "x", (2, 2, 3, 1))
    file["conv"].create_virtual_dataset("conv/kernel:0", layout)


def _integers(file: h5py.File) -> None:
    del file["conv/conv/kernel:0"]
    file["conv/conv/kernel:0"] = np.zeros((2, 2, 3, 1), "i4")


def _not_finite(file: h5py.File) -> None:
    file["conv/conv/kernel:0"][0, 0, 0, 0] = np.inf


def _no_dataset(file: h5py.File) -> None:
    del file["conv/conv/kernel:0"]


def _group_for_dataset(file: h5py.File) -> None:
    del file["conv/conv/kernel:0"]
    file["conv"].create_group("conv/kernel:0")


def _no_group(file: h5py.File) -> None:
    del file["conv"]


def _dataset_for_group(file: h5py.File) -> None:
    del file["conv"]
    file["conv"] = np.zeros(3)


def _no_list(file: h5py.File) -> None:
    del file.attrs["layer_names"]


def _other_layers(file: h5py.File) -> None:
    file.attrs["layer_names"] = np.array([b"norm"])


def _other_weights(file: h5py.File) -> None:
    file["conv"].attrs["weight_names"] = np.array([b"conv/kernel:0"])


def _many_layers(file: h5py.File) -> None:
    for part in range(5):
        file.attrs[f"layer_names{part}"] = np.array([b"conv"] * 4000)
    del file.attrs["layer_names"]


def _absurd_attribute(file: h5py.File) -> None:
    del file.attrs["layer_names"]
    # Attributes above 64 kB have to be stored densely, which the newest format allows.
    file.attrs.create("layer_names", np.zeros((1 << 21,), "S1"))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_absurd, r"conv/kernel:0 has shape \(1099511627776, 1024\), the network needs"),
        (_unwritten, "was not written completely"),
        (_compressed, "is compressed, in chunks or in another file"),
        (_external, "is compressed, in chunks or in another file"),
        (_external_link, "is a link"),
        (_soft_link, "is a link"),
        (_virtual, "is compressed, in chunks or in another file"),
        (_integers, "holds int32"),
        (_not_finite, "not finite"),
        (_no_dataset, "is missing; the file is damaged"),
        (_group_for_dataset, "holds no numbers"),
        (_no_group, "is missing; the file is damaged"),
        (_dataset_for_group, "is not a group"),
        (_no_list, "without Keras' list of layers"),
        (_other_layers, r"of another network: conv is missing \(1 of 2\)"),
        (_other_weights, "expected"),
        (_many_layers, "more than 10000 layers"),
        (_absurd_attribute, "layer_names is absurdly large"),
    ],
)
def test_hostile_and_damaged_files(
    tmp_path: Path, damage: Callable[[h5py.File], None], message: str
) -> None:
    path = tmp_path / "hostile.h5"
    keras_h5.save_layer_weights(LAYERS, path)
    if damage is _absurd_attribute:
        path.unlink()
        with h5py.File(path, "w", libver="latest") as file:
            file.attrs["layer_names"] = b"x"
            damage(file)
    else:
        with h5py.File(path, "a") as file:
            damage(file)
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=message):
            keras_h5.read_layer_weights(path, SHAPES)
        assert tracemalloc.get_traced_memory()[1] < 32 << 20
    finally:
        tracemalloc.stop()


def test_names_of_variable_length(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with h5py.File(path, "a") as file:
        file.attrs["layer_names"] = ["conv", "norm"]
        file["norm"].attrs["weight_names0"] = ["norm/beta:0"]
        file["norm"].attrs["weight_names1"] = ["norm/moving_mean:0"]
        del file["norm"].attrs["weight_names"]
        assert file.attrs.get_id("layer_names").dtype.kind == "O"
        file.attrs["note"] = "of variable length"
        file.attrs["model_config"] = "{}"
    layers, attributes = keras_h5.read_layer_weights(path, SHAPES)
    _assert_equal(layers)
    assert attributes == {"source": "a test", "mean": [1.0, 2.0], "note": "of variable length"}
    # Where the other process is ended, since HDF5 would read for ever, the file is an error.
    monkeypatch.setattr(h5_texts, "_SECONDS", 0.01)
    with pytest.raises(InputError, match="its list of names cannot be read"):
        keras_h5.read_layer_weights(path, SHAPES)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"an empty file; get it again\. A Keras \.h5"),
        (b"<html><body>Sign in</body></html>", "a web page instead of weights"),
        (b"PK\x03\x04", "damaged zip archive"),
        (b"\x89HDF\r\n\x1a\n", "damaged HDF5 file"),
    ],
)
def test_other_content_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "weights.h5"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        keras_h5.read_attributes(path)
    with pytest.raises(InputError, match="no such file"):
        keras_h5.read_attributes(tmp_path / "absent.h5")


def test_truncated_anywhere_and_flipped_bytes(path: Path, rng: np.random.Generator) -> None:
    content = path.read_bytes()
    for length in range(0, len(content), 211):
        path.write_bytes(content[:length])
        with pytest.raises(InputError):
            keras_h5.read_layer_weights(path, SHAPES)
    for _ in range(200):
        damaged = bytearray(content)
        for position in rng.integers(0, len(content), 4):
            damaged[position] = rng.integers(0, 256)
        path.write_bytes(damaged)
        try:
            layers, _ = keras_h5.read_layer_weights(path, SHAPES)
        except InputError:
            continue
        assert all(np.isfinite(v).all() for w in layers.values() for v in w.values())


def test_killed_while_writing_leaves_nothing_that_loads(tmp_path: Path) -> None:
    path = tmp_path / "weights.h5"
    program = f"""
        import os, signal
        import h5py, numpy as np
        from weights import h5_texts, keras_h5
        create = h5py.Group.create_dataset
        def killing(self, name, **arguments):
            if name == "b/kernel:0":
                os.kill(os.getpid(), signal.SIGKILL)
            return create(self, name, **arguments)
        h5py.Group.create_dataset = killing
        layers = {{name: {{"kernel": np.ones((300, 300))}} for name in "ab"}}
        keras_h5.save_layer_weights(layers, {str(path)!r})
    """
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env={**os.environ, "PYTHONPATH": str(Path(keras_h5.__file__).parents[1])},
        check=False,
    )
    assert result.returncode == -signal.SIGKILL
    assert not path.exists()
    for left in tmp_path.iterdir():
        with pytest.raises(InputError):
            keras_h5.read_layer_weights(left, {"a": {"kernel": (300, 300)}})


def test_what_keras_3_writes() -> None:
    """Written by Keras 3.15.1 with `model.save("keras_3.h5")`; weights count up in eighths."""
    path = Path(__file__).parent / "data" / "keras_3.h5"
    shapes = {
        "first": {"kernel": (3, 3, 3, 2)},
        "norm": dict.fromkeys(("gamma", "beta", "moving_mean", "moving_variance"), (2,)),
        "head": {"kernel": (8, 1), "bias": (1,)},
    }
    assert keras_h5.file_shapes(path) == shapes
    layers, _ = keras_h5.read_layer_weights(path, shapes)
    np.testing.assert_array_equal(
        layers["first"]["kernel"], (np.arange(54, dtype=np.float32) / 8).reshape(3, 3, 3, 2)
    )
    np.testing.assert_array_equal(layers["norm"]["moving_variance"], [0.0, 0.125])


def test_weights_of_keras_3_alone_say_how_to_save_them(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "model.weights.h5", "w") as file:
        file["layers/conv2d/vars/0"] = np.zeros((3, 3, 3, 2), np.float32)
        file.create_group("vars")
    with pytest.raises(InputError, match=r"holds: layers, vars.*`model\.save\('name\.h5'\)`"):
        keras_h5.file_shapes(tmp_path / "model.weights.h5")
