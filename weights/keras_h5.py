"""Keras' HDF5 layout of weights, written with attributes and read with suspicion.

The layout is that of Keras 1 and 2: the attribute `layer_names` of the file (or of its group
`model_weights`, when a whole model was saved) lists the layers, each is a group whose attribute
`weight_names` lists its datasets. Files written here add attributes of the file, such as `source`,
`sha256`, `preprocessing`, and may hold float16 to stay small.

HDF5 can declare a dataset of any size in a few bytes, compress it a thousandfold, or point to
another file; and HDF5's library loops for ever over damaged text of variable length. So shapes are
compared with what the network needs before a dataset is read; compressed, chunked, external and
virtual datasets and links are refused; text is written with its length fixed, and where others
did not, it is read by a process of its own.
"""

from __future__ import annotations

import contextlib
import functools
import io
import math
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from weights import file_kinds
from weights.atomic import atomic_path
from weights.errors import InputError, one_line
from weights.h5_texts import Texts, variable_texts

# Layer name -> weight name -> numbers; weight names are the variables' own: kernel, bias, beta,
# gamma, moving_mean, moving_variance.
LayerWeights = dict[str, dict[str, NDArray[np.float32]]]
LayerShapes = Mapping[str, Mapping[str, tuple[int, ...]]]

_LARGEST_ATTRIBUTE = 1 << 20
_MOST_LAYERS = 10_000
_PLAIN = "Sfiub"  # text of fixed length, and numbers
# The writer of this layout; Keras would convert the weights of a file that names none.
_KERAS_VERSION = b"2.15.0"
_OWN_ATTRIBUTES = ("layer_names", "backend", "keras_version")


def save_weights(
    model: tf.keras.Model,
    path: str | os.PathLike[str],
    attributes: Mapping[str, Any] | None = None,
    float16: bool = False,
) -> None:
    """Write all weights of `model`, by layer name, so that a killed process leaves no file.

    Args:
      model: any built Keras model.
      path: the file to write; it is replaced if it exists.
      attributes: what the file should say about itself: strings, numbers or lists of them, as
        `source`, `sha256`, `preprocessing`, `channel_order`, `mean`, `width`, `input_size`,
        `classes`.
      float16: store half precision (half the size, about three decimal digits); vectors, which are
        small and may hold variances of any size, keep single precision.

    Raises:
      ValueError: an attribute that HDF5 cannot hold, a name that is taken, or numbers too large
        for float16.
      OSError: the file cannot be written.
    """
    save_layer_weights(layer_weights(model), path, attributes, float16)


def save_layer_weights(
    layers: Mapping[str, Mapping[str, NDArray[np.float32]]],
    path: str | os.PathLike[str],
    attributes: Mapping[str, Any] | None = None,
    float16: bool = False,
) -> None:
    """`save_weights` for arrays instead of a model; see there."""
    attributes = dict(attributes or {})
    for name in attributes:
        if name in _OWN_ATTRIBUTES:
            raise ValueError(f"attributes: {name!r} is written by itself")
    with new_h5(path) as file:
        file.attrs["layer_names"] = _fixed(list(layers))
        file.attrs["backend"] = np.bytes_(b"tensorflow")
        file.attrs["keras_version"] = np.bytes_(_KERAS_VERSION)
        for name, value in attributes.items():
            file.attrs[name] = np.bytes_(value.encode()) if isinstance(value, str) else value
        for layer, arrays in layers.items():
            group = file.create_group(layer)
            # `layer/weight:0` inside the layer's group is where Keras itself looks.
            group.attrs["weight_names"] = _fixed([f"{layer}/{name}:0" for name in arrays])
            for name, values in arrays.items():
                stored = np.asarray(values, np.float32)
                if float16 and stored.ndim > 1:
                    if np.abs(stored).max(initial=0.0) > np.finfo(np.float16).max:
                        raise ValueError(f"{layer}/{name} does not fit into float16")
                    stored = stored.astype(np.float16)
                group.create_dataset(f"{layer}/{name}:0", data=stored)


def load_weights(model: tf.keras.Model, path: str | os.PathLike[str]) -> dict[str, Any]:
    """Fill all layers of `model` from a Keras `.h5` by layer name.

    Layers of the file that the model lacks (a classifier head, say) are left alone.

    Args:
      model: a built model.
      path: a file of `save_weights`, of `model.save_weights` or of `model.save` (Keras 1 or 2).

    Returns:
      The attributes of the file.

    Raises:
      InputError: the file is missing, damaged, no HDF5, or of another network.
    """
    layers, attributes = read_layer_weights(path, layer_shapes(model))
    assign(model, layers)
    return attributes


def layer_weights(model: tf.keras.Model) -> LayerWeights:
    """The numbers of every layer that has some: layer name -> weight name -> array."""
    return {
        layer.name: {_short_name(v.name): v.numpy() for v in layer.weights}
        for layer in model.layers
        if layer.weights
    }


def layer_shapes(model: tf.keras.Model) -> dict[str, dict[str, tuple[int, ...]]]:
    """The shapes of `layer_weights`, without the numbers."""
    return {
        layer.name: {_short_name(v.name): tuple(v.shape) for v in layer.weights}
        for layer in model.layers
        if layer.weights
    }


def assign(model: tf.keras.Model, layers: Mapping[str, Mapping[str, NDArray[np.float32]]]) -> None:
    """Set every weight of `model` from `layers`, by layer and weight name.

    Raises:
      ValueError: a layer or weight is missing, or a shape differs.
    """
    for layer in model.layers:
        for variable in layer.weights:
            name = _short_name(variable.name)
            values = layers.get(layer.name, {}).get(name)
            if values is None:
                raise ValueError(f"layers: {layer.name}/{name} is missing")
            if tuple(values.shape) != tuple(variable.shape):
                raise ValueError(
                    f"layers: {layer.name}/{name} should have shape {tuple(variable.shape)}, "
                    f"got {tuple(values.shape)}"
                )
            variable.assign(values.astype(variable.dtype.as_numpy_dtype, copy=False))


def read_attributes(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What a file of `save_weights` says about itself.

    Raises:
      InputError: the file is missing, damaged or no HDF5.
    """
    with open_h5(path) as file:
        return _attributes(file, Path(path))


def file_shapes(path: str | os.PathLike[str]) -> dict[str, dict[str, tuple[int, ...]]]:
    """Layer name -> weight name -> shape of all that a Keras `.h5` holds, in its order, unread.

    Raises:
      InputError: the file is missing, damaged or no HDF5 of Keras.
    """
    path = Path(path)
    with open_h5(path) as file:
        return {
            layer: {_short_name(name): tuple(d.shape or ()) for name, d in datasets.items()}
            for layer, datasets in iterate_layers(file, path)
            if datasets
        }


def read_layer_weights(
    path: str | os.PathLike[str], shapes: LayerShapes
) -> tuple[LayerWeights, dict[str, Any]]:
    """Read the layers that `shapes` names, as float32, and the attributes of the file.

    Args:
      path: a Keras `.h5`.
      shapes: layer name -> weight name -> the shape that the network needs.

    Raises:
      InputError: the file is missing, damaged, no HDF5, or of another network.
    """
    path = Path(path)
    with open_h5(path) as file:
        found = {layer: weights for layer, weights in iterate_layers(file, path) if weights}
        missing = [layer for layer in shapes if layer not in found]
        if missing:
            raise InputError(
                f"{path}: the layers of another network: {', '.join(missing[:3])} "
                f"{'is' if len(missing) == 1 else 'are'} missing ({len(missing)} of {len(shapes)})."
            )
        layers: LayerWeights = {}
        for layer, expected in shapes.items():
            own = {_short_name(name): dataset for name, dataset in found[layer].items()}
            if set(own) != set(expected):
                raise InputError(
                    f"{path}: layer {layer} holds {one_line(str(sorted(own)))}, "
                    f"expected {sorted(expected)}; "
                    "the file is of another network."
                )
            layers[layer] = {
                name: read_dataset(own[name], shape, path) for name, shape in expected.items()
            }
        return layers, _attributes(file, path)


@contextlib.contextmanager
def new_h5(path: str | os.PathLike[str]) -> Iterator[h5py.File]:
    """A new HDF5 file, whole or absent.

    It is built in memory: where the disk is full HDF5 itself can crash the process.

    Raises:
      OSError: the file cannot be written.
    """
    content = io.BytesIO()
    # The layout since HDF5 1.8, whose headers are half as large: networks have hundreds of arrays.
    with h5py.File(content, "w", libver=("v108", "v108")) as file:
        yield file
    with atomic_path(path) as temporary:
        temporary.write_bytes(content.getbuffer())


@contextlib.contextmanager
def open_h5(path: str | os.PathLike[str]) -> Iterator[h5py.File]:
    """Open an HDF5 file for reading; whatever is wrong with it becomes an InputError."""
    path = Path(path)
    start = file_kinds.first_bytes(path)
    if not start.startswith(file_kinds.HDF5):
        raise InputError(f"{path}: {file_kinds.describe(path)}. A Keras .h5 (HDF5) is needed.")
    try:
        with h5py.File(path, "r") as file:
            yield file
    except InputError:
        raise
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, MemoryError) as error:
        # h5py reports damage in any of these, with the reason in HDF5's own words.
        reason = str(error).strip("'\"").split("\n")[0]
        raise InputError(
            f"{path}: damaged HDF5 file ({reason}). Download or convert it again."
        ) from error


def iterate_layers(file: h5py.File, path: Path) -> Iterator[tuple[str, dict[str, h5py.Dataset]]]:
    """Every layer of a Keras file in its order: name, and weight name -> dataset (unread).

    Raises:
      InputError: the file has no list of layers, or lists what it lacks.
    """
    root = file
    if "layer_names" not in file.attrs and "layer_names0" not in file.attrs:
        root = _member(file, "model_weights", path) if "model_weights" in file else None
    if not isinstance(root, h5py.Group):
        keys = ", ".join(one_line(key, 60) for key in sorted(file.keys())[:5])
        raise InputError(
            f"{path}: an HDF5 file without Keras' list of layers (it holds: {keys}). Weights "
            "in the layout of Keras 1 or 2 are needed, which every version of Keras writes by "
            "`model.save('name.h5')`."
        )
    texts = _texts_of(path)
    for layer in _names(root, "layer_names", path, texts):
        group = _member(root, layer, path)
        if not isinstance(group, h5py.Group):
            raise InputError(
                f"{path}: layer {one_line(layer, 60)} is not a group; the file is damaged."
            )
        datasets = {}
        for name in _names(group, "weight_names", path, texts):
            dataset = _member(group, name, path)
            if not isinstance(dataset, h5py.Dataset):
                said = one_line(f"{layer}/{name}", 120)
                raise InputError(f"{path}: {said} holds no numbers; the file is damaged.")
            datasets[name] = dataset
        yield layer, datasets


def read_dataset(dataset: h5py.Dataset, shape: tuple[int, ...], path: Path) -> NDArray[np.float32]:
    """Read a dataset as float32 if it has this shape and its numbers lie plainly in the file.

    Raises:
      InputError: another shape or type, compressed, virtual, or kept in another file.
    """
    name = one_line(dataset.name, 120)
    if dataset.shape != shape:
        raise InputError(
            f"{path}: {name} has shape {dataset.shape}, the network needs {shape}; "
            "the file is of another network."
        )
    if dataset.dtype.kind != "f" or dataset.dtype.itemsize > 8:
        kind = one_line(str(dataset.dtype), 60)
        raise InputError(f"{path}: {name} holds {kind}, expected floating point numbers.")
    if dataset.chunks is not None or dataset.is_virtual or dataset.external:
        raise InputError(
            f"{path}: {name} is compressed, in chunks or in another file, which is not accepted "
            "(no publisher of these weights does so). Save it plainly in one file."
        )
    # Unwritten datasets take no room in the file and read as zeros.
    if dataset.id.get_storage_size() != dataset.size * dataset.dtype.itemsize:
        raise InputError(f"{path}: {name} was not written completely; the file is damaged.")
    values = dataset[()].astype(np.float32, copy=False)
    if not np.isfinite(values).all():
        raise InputError(f"{path}: {name} holds numbers that are not finite; it is damaged.")
    return values


def _fixed(names: list[str]) -> NDArray[np.bytes_]:
    """Text of fixed length; h5py would write lists of names with variable length."""
    return np.array([name.encode() for name in names], np.bytes_)


def _short_name(variable: str) -> str:
    """`conv1_1/kernel:0`, `conv1_1/kernel_1:0`, `conv1_1_W:0` -> `kernel`; Keras 1 wrote W, b."""
    name = re.sub(r"_\d+$", "", variable.rsplit("/", 1)[-1].split(":")[0])
    return {"W": "kernel", "b": "bias"}.get(name.rsplit("_", 1)[-1], name)


def _member(group: h5py.Group, name: str, path: Path) -> Any:
    """`group[name]`, but never through a link into another file."""
    current: Any = group
    said = one_line(f"{group.name}/{name}", 120)
    for part in name.strip("/").split("/"):
        if not isinstance(current, h5py.Group) or part not in current:
            raise InputError(f"{path}: {said} is missing; the file is damaged.")
        if not isinstance(current.get(part, getlink=True), h5py.HardLink):
            raise InputError(f"{path}: {said} is a link, which is not accepted.")
        current = current[part]
    return current


def _texts_of(path: Path) -> Callable[[], Texts]:
    """Gives the file's text of variable length, which is read when it is asked for, and once."""
    return functools.cache(lambda: variable_texts(path))


def _names(group: h5py.Group, attribute: str, path: Path, texts: Callable[[], Texts]) -> list[str]:
    """A list of names; Keras cuts lists that outgrow an attribute into `name0`, `name1`, ..."""
    if attribute in group.attrs:
        parts = [attribute]
    else:
        parts = []
        while f"{attribute}{len(parts)}" in group.attrs:
            parts.append(f"{attribute}{len(parts)}")
    names: list[str] = []
    for part in parts:
        if group.attrs.get_id(part).dtype.kind == "O":
            listed = texts().get(group.name, {}).get(part)
            if listed is None:
                raise InputError(f"{path}: its list of names cannot be read; the file is damaged.")
            names += listed
        else:
            values = np.atleast_1d(_attribute(group, part, path))
            names += [v.decode("utf8", "replace") for v in values if isinstance(v, bytes)]
        if len(names) > _MOST_LAYERS:
            raise InputError(f"{path}: more than {_MOST_LAYERS} layers; this is no such network.")
    return names


def _attribute(group: h5py.Group, name: str, path: Path) -> Any:
    """An attribute, if it is small and plain; what it declares is looked at before it is read."""
    stored = group.attrs.get_id(name)
    if stored.dtype.kind not in _PLAIN:
        raise InputError(f"{path}: attribute {name} is of a kind that Keras does not write.")
    if math.prod(stored.shape) * stored.dtype.itemsize > _LARGEST_ATTRIBUTE:
        raise InputError(f"{path}: attribute {name} is absurdly large; the file is damaged.")
    return group.attrs[name]


def _attributes(file: h5py.File, path: Path) -> dict[str, Any]:
    attributes: dict[str, Any] = {}
    texts = _texts_of(path)
    for name in file.attrs:
        # `layer_names`, possibly cut into `layer_names0`, ..., is structure.
        if name.rstrip("0123456789") in _OWN_ATTRIBUTES:
            continue
        if file.attrs.get_id(name).dtype.kind == "O":
            found = texts().get(file.name, {}).get(name, [])
            if len(found) == 1:  # Keras' whole model as JSON, for one, is left out
                attributes[name] = found[0]
            continue
        value = _attribute(file, name, path)
        if isinstance(value, bytes):
            value = value.decode("utf8", "replace")
        attributes[name] = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
    return attributes
