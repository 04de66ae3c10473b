"""FaceNet's numbers out of archives, safetensors and wrapped state dictionaries."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests.weights import safetensors_writer, torch_writer
from weights.errors import InputError
from weights.facenet_files import read_facenet
from weights.facenet_layout import facenet_layers, facenet_shapes

Numbers = dict[str, dict[str, np.ndarray]]


@pytest.fixture(scope="module")
def numbers() -> Numbers:
    """Every number of a network of 128 dimensions, all of them different within a tensor."""
    rng = np.random.default_rng(3)
    return {
        layer: {name: rng.standard_normal(shape, np.float32) for name, shape in weights.items()}
        for layer, weights in facenet_shapes(128).items()
    }


@pytest.fixture(scope="module")
def torch_arrays(numbers: Numbers) -> dict[str, np.ndarray]:
    """The same as `facenet-pytorch` names and lays them out; gammas are 2."""
    arrays = {}
    for layer in facenet_layers(128):
        kernel = numbers[layer.name]["kernel"]
        arrays[f"{layer.torch}.weight"] = kernel.transpose(
            (3, 2, 0, 1) if kernel.ndim == 4 else (1, 0)
        )
        if layer.torch_batch_norm is None:
            arrays[f"{layer.torch}.bias"] = numbers[layer.name]["bias"]
            continue
        norm = numbers[f"{layer.name}_BatchNorm"]
        arrays[f"{layer.torch_batch_norm}.weight"] = np.full_like(norm["beta"], 2.0)
        arrays[f"{layer.torch_batch_norm}.bias"] = norm["beta"]
        arrays[f"{layer.torch_batch_norm}.running_mean"] = norm["moving_mean"]
        arrays[f"{layer.torch_batch_norm}.running_var"] = norm["moving_variance"]
    return arrays


def _graph(numbers: Numbers) -> bytes:
    graph = tf.compat.v1.GraphDef()
    names = {"kernel": "weights", "bias": "biases"}
    for layer in facenet_layers(128):
        for stored in layer.shapes():
            scope = layer.tensorflow + ("" if stored == layer.name else "/BatchNorm")
            for name, values in numbers[stored].items():
                node = graph.node.add(name=f"{scope}/{names.get(name, name)}", op="Const")
                node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(values))
    return graph.SerializeToString()


def _assert_same(path: Path, numbers: Numbers, gamma: float = 1.0) -> None:
    read = read_facenet(path)
    assert read.attributes["source"] == path.name
    assert read.attributes["embedding_size"] == 128
    assert set(read.layers) == set(numbers)
    for layer, weights in numbers.items():
        for name, values in weights.items():
            # A gamma goes into kernels that a BatchNorm follows, and into its mean.
            scaled = name == "moving_mean" or (name == "kernel" and f"{layer}_BatchNorm" in numbers)
            np.testing.assert_array_equal(
                read.layers[layer][name], gamma * values if scaled else values
            )


def test_sandbergs_zip_as_it_is(tmp_path: Path, numbers: Numbers) -> None:
    path = tmp_path / "20170512-110547.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("20170512-110547/", b"")
        archive.writestr("20170512-110547/model-20170512-110547.meta", b"meta")
        archive.writestr("20170512-110547/model-20170512-110547.ckpt-250000.index", b"index")
        archive.writestr("20170512-110547/20170512-110547.pb", _graph(numbers))
    _assert_same(path, numbers)


def test_archives_that_are_something_else(tmp_path: Path, numbers: Numbers) -> None:
    def of(**members: bytes) -> str:
        with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
            for name, data in members.items():
                archive.writestr(name.replace("_dot_", "."), data)
        with pytest.raises(InputError) as raised:
            read_facenet(tmp_path / "x.zip")
        return str(raised.value)

    assert "it holds model.ckpt.index); unpack it first" in of(model_dot_ckpt_dot_index=b"x")
    assert "it holds a.pb, b.pb); unpack it first" in of(a_dot_pb=b"x", b_dot_pb=b"x")
    assert "it holds saved_model.pb); unpack it first" in of(saved_model_dot_pb=b"x")
    assert "damaged one (its content)" in of(a_dot_pb=b"<html>")


@pytest.mark.parametrize("prefix", ["module.", "model._orig_mod."])
def test_state_dictionaries_of_wrapped_networks(
    tmp_path: Path, numbers: Numbers, torch_arrays: dict[str, np.ndarray], prefix: str
) -> None:
    wrapped = {f"{prefix}{name}": values for name, values in torch_arrays.items()}
    path = torch_writer.write_arrays(tmp_path / "wrapped.pt", wrapped)
    _assert_same(path, numbers, gamma=2.0)
    del wrapped[f"{prefix}last_bn.bias"]
    torch_writer.write_arrays(path, wrapped)
    with pytest.raises(InputError, match=r"tensor (module|model)\.last_bn\.bias is missing"):
        read_facenet(path)


def test_safetensors(tmp_path: Path, numbers: Numbers, torch_arrays: dict[str, np.ndarray]) -> None:
    path = safetensors_writer.write_arrays(tmp_path / "facenet.safetensors", torch_arrays)
    _assert_same(path, numbers, gamma=2.0)
    with pytest.raises(InputError, match="only a TensorFlow 1 checkpoint holds moving averages"):
        read_facenet(path, moving_averages=True)


def test_checkpoints_of_tensorflow_2_and_saved_models(tmp_path: Path) -> None:
    tf.train.Checkpoint(v=tf.Variable(1.0)).write(str(tmp_path / "tf2.ckpt"))
    for given in ("tf2.ckpt", "tf2.ckpt.index", "."):
        with pytest.raises(InputError, match=r"a checkpoint of TensorFlow 2.*model\.save"):
            read_facenet(tmp_path / given)
    folder = tmp_path / "saved"
    tf.saved_model.save(tf.Module(), str(folder))
    with pytest.raises(InputError, match="the folder of a SavedModel of TensorFlow 2; open it"):
        read_facenet(folder)
    with pytest.raises(InputError, match=r"\(a SavedModel of TensorFlow 2; open it in Keras"):
        read_facenet(folder / "saved_model.pb")


@pytest.mark.parametrize(
    ("shape", "message"),
    [((1792, 128, 1), "no bottleneck"), ((1792, 256), "128 or 512 outputs"), ((1791, 128), "1792")],
)
def test_bottlenecks_of_other_networks(
    tmp_path: Path, shape: tuple[int, ...], message: str
) -> None:
    graph = tf.compat.v1.GraphDef()
    node = graph.node.add(name="InceptionResnetV1/Bottleneck/weights", op="Const")
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(np.zeros(shape, np.float32)))
    (tmp_path / "f.pb").write_bytes(graph.SerializeToString())
    with pytest.raises(InputError, match=message):
        read_facenet(tmp_path / "f.pb")
