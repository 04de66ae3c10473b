"""Constants of a frozen graph, in every way that a protocol buffer may hold them."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from weights import frozen_graph
from weights.errors import InputError
from weights.frozen_graph import FrozenGraph

VALUES = np.array([[1.0, -2.0, 3.5], [0.25, 5.0, -6.0]], np.float32)


def graph_of(path: Path, *nodes: tf.compat.v1.NodeDef) -> Path:
    path.write_bytes(tf.compat.v1.GraphDef(node=nodes).SerializeToString())
    return path


def constant(
    name: str,
    shape: tuple[int, ...],
    content: bytes = b"",
    numbers: tuple[float, ...] = (),
    kind: tf.DType = tf.float32,
) -> tf.compat.v1.NodeDef:
    node = tf.compat.v1.NodeDef(name=name, op="Const")
    tensor = node.attr["value"].tensor
    tensor.dtype = kind.as_datatype_enum
    for size in shape:
        tensor.tensor_shape.dim.add(size=size)
    tensor.tensor_content = content
    tensor.float_val.extend(numbers)
    return node


def test_numbers_as_bytes_or_one_by_one(tmp_path: Path) -> None:
    path = graph_of(
        tmp_path / "g.pb",
        constant("bytes", (2, 3), VALUES.tobytes()),
        constant("longer", (2, 3), VALUES.tobytes() + b"more"),
        constant("each", (2, 3), numbers=tuple(VALUES.ravel())),
        constant("last", (2, 3), numbers=(1.0, 4.0)),
        constant("all", (4,), numbers=(2.5,)),
        constant("scalar", (), numbers=(7.0,)),
        constant("none", (0, 3)),
        tf.compat.v1.NodeDef(name="add", op="Add"),
        tf.compat.v1.NodeDef(name="empty", op="Const"),
    )
    graph = FrozenGraph(path)
    assert set(graph.names()) == {"bytes", "longer", "each", "last", "all", "scalar", "none"}
    for name in ("bytes", "longer", "each"):
        values = graph.read(name, (2, 3))
        assert values.dtype == np.float32
        np.testing.assert_array_equal(values, VALUES)
    assert graph.read("last", (2, 3)).tolist() == [[1, 4, 4], [4, 4, 4]]
    assert graph.read("all", (4,)).tolist() == [2.5] * 4
    assert graph.read("scalar", ()).tolist() == 7.0
    assert graph.read("none", (0, 3)).shape == (0, 3)
    assert graph.shape("last") == (2, 3)
    assert graph.shape("scalar") == ()
    assert graph.shape("add") is None
    # What is read may be written to: it is no view of the file's bytes.
    graph.read("bytes", (2, 3))[:] = 0.0


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (constant("y", (2,)), r"constant x is missing; another network"),
        (constant("x", (3,), numbers=(1.0,)), r"x is float32 of shape \(3,\), the network needs"),
        (constant("x", (2,), bytes(8), kind=tf.int32), r"x is int32 of shape \(2,\)"),
        (constant("x", (2,), bytes(4)), "x is incomplete; the file is damaged"),
        (constant("x", (2,), bytes(7)), "x is incomplete; the file is damaged"),
        (constant("x", (2,)), "x is incomplete; the file is damaged"),
        (constant("x", (2,), numbers=(1.0, float("inf"))), "x is incomplete; the file is dam"),
    ],
)
def test_what_another_network_or_a_damaged_file_holds(
    tmp_path: Path, node: tf.compat.v1.NodeDef, message: str
) -> None:
    graph = FrozenGraph(graph_of(tmp_path / "g.pb", node))
    with pytest.raises(InputError, match=rf"g\.pb: {message}"):
        graph.read("x", (2,))


def test_a_type_that_does_not_exist(tmp_path: Path) -> None:
    node = constant("x", (2,), bytes(8))
    node.attr["value"].tensor.dtype = 99
    with pytest.raises(InputError, match=r"x is type 99 of shape \(2,\)"):
        FrozenGraph(graph_of(tmp_path / "g.pb", node)).read("x", (2,))


def test_files_that_hold_no_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "g.pb"
    graph_of(path, tf.compat.v1.NodeDef(name="add", op="Add"))
    with pytest.raises(InputError, match="a TensorFlow graph without constants; it has to be froz"):
        FrozenGraph(path)
    for content, message in (
        (b"", r"g\.pb: an empty file"),
        (b"<html>sign in</html>", "no frozen TensorFlow graph, or a damaged one .*web page"),
    ):
        path.write_bytes(content)
        with pytest.raises(InputError, match=message):
            FrozenGraph(path)
    graph_of(path, constant("x", (2,), bytes(8)))
    monkeypatch.setattr(frozen_graph, "_LARGEST", path.stat().st_size)
    FrozenGraph(path)
    monkeypatch.setattr(frozen_graph, "_LARGEST", path.stat().st_size - 1)
    with pytest.raises(InputError, match="0 MiB, more than any frozen graph known here"):
        FrozenGraph(path)


def test_a_graph_inside_an_archive(tmp_path: Path) -> None:
    graph = graph_of(tmp_path / "g.pb", constant("x", (2, 3), VALUES.tobytes()))
    with zipfile.ZipFile(tmp_path / "g.zip", "w") as archive:
        archive.write(graph, "folder/g.pb")
        archive.writestr("bad.pb", b"<html>")
    read = FrozenGraph(tmp_path / "g.zip", "folder/g.pb").read("x", (2, 3))
    np.testing.assert_array_equal(read, VALUES)
    with pytest.raises(InputError, match=r"a damaged one \(its content\)"):
        FrozenGraph(tmp_path / "g.zip", "bad.pb")
