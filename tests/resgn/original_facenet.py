"""FaceNet as TensorFlow 1 code with the original's variable names, for tests.

Written from the description of the architecture, apart from the project's own table of layers:
what the two agree on has been said twice. Weights are random, in reasonable sizes.
"""

from __future__ import annotations

import contextvars
import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

v1 = tf.compat.v1

_folded: contextvars.ContextVar[Callable[[str], bool]] = contextvars.ContextVar("folded")

AVERAGED = ("InceptionResnetV1/Conv2d_1a_3x3/weights", "InceptionResnetV1/Bottleneck/weights")


@dataclasses.dataclass(frozen=True)
class Original:
    """What a training run of the original leaves behind, and what its graph answers.

    Attributes:
      checkpoint: prefix of the checkpoint; it holds more than the network: a step, a classifier
        and the moving averages of two variables.
      frozen: the frozen graph.
      inputs: float32 `[N, 160, 160, 3]`, standardised already.
      embeddings: `[N, 128]`, unit length, of the graph.
      averaged: the same with moving averages in place of those two variables.
    """

    checkpoint: Path
    frozen: Path
    inputs: np.ndarray
    embeddings: np.ndarray
    averaged: np.ndarray


def write(
    folder: Path,
    inputs: np.ndarray,
    size: int = 128,
    folded: Callable[[str], bool] = lambda scope: False,
) -> Original:
    """Build the network in a graph of its own, run it, save it, freeze it.

    Args:
      folder: for the files.
      inputs: as in `Original`.
      size: of the embeddings.
      folded: which convolutions, by their scope, have their BatchNorm folded into them as
        TensorFlow's tool for inference leaves it: an offset beside the kernel.
    """
    with tf.Graph().as_default(), v1.Session() as session:
        v1.set_random_seed(1)
        images = v1.placeholder(tf.float32, [None, None, None, 3], name="input")
        embeddings = _network(images, size, folded)
        with v1.variable_scope("Logits"):
            _variable("weights", (size, 10), 0.1)
            _variable("biases", (10,), 0.1)
        v1.get_variable("global_step", initializer=250000, trainable=False, use_resource=False)
        variables = {v.op.name: v for v in v1.global_variables()}
        averages = {}
        for name in AVERAGED:
            averages[name] = _variable(
                f"{name}/ExponentialMovingAverage", tuple(variables[name].shape), 0.1
            )
        session.run(v1.global_variables_initializer())
        checkpoint = folder / "model-20170512-110547.ckpt-250000"
        v1.train.Saver().save(session, str(checkpoint))
        frozen = v1.graph_util.convert_variables_to_constants(
            session, session.graph.as_graph_def(), ["embeddings"]
        )
        (folder / "20170512-110547.pb").write_bytes(frozen.SerializeToString())
        plain = session.run(embeddings, {images: inputs})
        session.run([v1.assign(variables[name], averages[name]) for name in AVERAGED])
        averaged = session.run(embeddings, {images: inputs})
    return Original(checkpoint, folder / "20170512-110547.pb", inputs, plain, averaged)


def _normal(shape: tf.TensorShape | tuple[int, ...]) -> tf.Tensor:
    return v1.random_normal(shape)


def _variable(name: str, shape: tuple[int, ...], deviation: float, mean: float = 0.0) -> tf.Tensor:
    return v1.get_variable(name, initializer=mean + deviation * _normal(shape), use_resource=False)


def _batch_norm(x: tf.Tensor) -> tf.Tensor:
    channels = int(x.shape[-1])
    with v1.variable_scope("BatchNorm"):
        beta = _variable("beta", (channels,), 0.1)
        mean = _variable("moving_mean", (channels,), 0.1)
        # Variances lie around one, and above zero.
        variance = v1.get_variable(
            "moving_variance",
            initializer=v1.random_uniform((channels,), 0.5, 1.5),
            use_resource=False,
        )
    return tf.nn.batch_normalization(x, mean, variance, beta, None, 0.001)


def _conv(
    x: tf.Tensor, filters: int, height: int, width: int, scope: str, stride: int = 1, pad="SAME"
) -> tf.Tensor:
    channels = int(x.shape[-1])
    with v1.variable_scope(scope):
        deviation = (2.0 / (height * width * channels)) ** 0.5
        kernel = _variable("weights", (height, width, channels, filters), deviation)
        x = tf.nn.conv2d(x, kernel, stride, pad)
        if _folded.get()(v1.get_variable_scope().name):
            return tf.nn.relu(x + _variable("Conv2D_bn_offset", (filters,), 0.1))
        return tf.nn.relu(_batch_norm(x))


def _up(x: tf.Tensor, branches: list[tf.Tensor], scale: float, relu: bool = True) -> tf.Tensor:
    mixed = tf.concat(branches, 3)
    inputs, channels = int(mixed.shape[-1]), int(x.shape[-1])
    with v1.variable_scope("Conv2d_1x1"):
        kernel = _variable("weights", (1, 1, inputs, channels), (1.0 / inputs) ** 0.5)
        bias = _variable("biases", (channels,), 0.1)
    x = x + scale * (tf.nn.conv2d(mixed, kernel, 1, "SAME") + bias)
    return tf.nn.relu(x) if relu else x


def _pool(x: tf.Tensor) -> tf.Tensor:
    return tf.nn.max_pool2d(x, 3, 2, "VALID")


def _block35(x: tf.Tensor) -> tf.Tensor:
    with v1.variable_scope("Branch_0"):
        a = _conv(x, 32, 1, 1, "Conv2d_1x1")
    with v1.variable_scope("Branch_1"):
        b = _conv(x, 32, 1, 1, "Conv2d_0a_1x1")
        b = _conv(b, 32, 3, 3, "Conv2d_0b_3x3")
    with v1.variable_scope("Branch_2"):
        c = _conv(x, 32, 1, 1, "Conv2d_0a_1x1")
        c = _conv(c, 32, 3, 3, "Conv2d_0b_3x3")
        c = _conv(c, 32, 3, 3, "Conv2d_0c_3x3")
    return _up(x, [a, b, c], 0.17)


def _block17(x: tf.Tensor) -> tf.Tensor:
    with v1.variable_scope("Branch_0"):
        a = _conv(x, 128, 1, 1, "Conv2d_1x1")
    with v1.variable_scope("Branch_1"):
        b = _conv(x, 128, 1, 1, "Conv2d_0a_1x1")
        b = _conv(b, 128, 1, 7, "Conv2d_0b_1x7")
        b = _conv(b, 128, 7, 1, "Conv2d_0c_7x1")
    return _up(x, [a, b], 0.10)


def _block8(x: tf.Tensor, scale: float, relu: bool) -> tf.Tensor:
    with v1.variable_scope("Branch_0"):
        a = _conv(x, 192, 1, 1, "Conv2d_1x1")
    with v1.variable_scope("Branch_1"):
        b = _conv(x, 192, 1, 1, "Conv2d_0a_1x1")
        b = _conv(b, 192, 1, 3, "Conv2d_0b_1x3")
        b = _conv(b, 192, 3, 1, "Conv2d_0c_3x1")
    return _up(x, [a, b], scale, relu)


def _network(x: tf.Tensor, size: int, folded: Callable[[str], bool]) -> tf.Tensor:
    _folded.set(folded)
    with v1.variable_scope("InceptionResnetV1"):
        x = _conv(x, 32, 3, 3, "Conv2d_1a_3x3", 2, "VALID")
        x = _conv(x, 32, 3, 3, "Conv2d_2a_3x3", 1, "VALID")
        x = _conv(x, 64, 3, 3, "Conv2d_2b_3x3")
        x = _pool(x)
        x = _conv(x, 80, 1, 1, "Conv2d_3b_1x1", 1, "VALID")
        x = _conv(x, 192, 3, 3, "Conv2d_4a_3x3", 1, "VALID")
        x = _conv(x, 256, 3, 3, "Conv2d_4b_3x3", 2, "VALID")
        for index in range(1, 6):
            with v1.variable_scope(f"Repeat/block35_{index}"):
                x = _block35(x)
        with v1.variable_scope("Mixed_6a"):
            with v1.variable_scope("Branch_0"):
                a = _conv(x, 384, 3, 3, "Conv2d_1a_3x3", 2, "VALID")
            with v1.variable_scope("Branch_1"):
                b = _conv(x, 192, 1, 1, "Conv2d_0a_1x1")
                b = _conv(b, 192, 3, 3, "Conv2d_0b_3x3")
                b = _conv(b, 256, 3, 3, "Conv2d_1a_3x3", 2, "VALID")
            x = tf.concat([a, b, _pool(x)], 3)
        for index in range(1, 11):
            with v1.variable_scope(f"Repeat_1/block17_{index}"):
                x = _block17(x)
        with v1.variable_scope("Mixed_7a"):
            with v1.variable_scope("Branch_0"):
                a = _conv(x, 256, 1, 1, "Conv2d_0a_1x1")
                a = _conv(a, 384, 3, 3, "Conv2d_1a_3x3", 2, "VALID")
            with v1.variable_scope("Branch_1"):
                b = _conv(x, 256, 1, 1, "Conv2d_0a_1x1")
                b = _conv(b, 256, 3, 3, "Conv2d_1a_3x3", 2, "VALID")
            with v1.variable_scope("Branch_2"):
                c = _conv(x, 256, 1, 1, "Conv2d_0a_1x1")
                c = _conv(c, 256, 3, 3, "Conv2d_0b_3x3")
                c = _conv(c, 256, 3, 3, "Conv2d_1a_3x3", 2, "VALID")
            x = tf.concat([a, b, c, _pool(x)], 3)
        for index in range(1, 6):
            with v1.variable_scope(f"Repeat_2/block8_{index}"):
                x = _block8(x, 0.20, True)
        with v1.variable_scope("Block8"):
            x = _block8(x, 1.0, False)
        x = tf.reduce_mean(x, [1, 2])
        with v1.variable_scope("Bottleneck"):
            x = _batch_norm(x @ _variable("weights", (1792, size), 0.03))
    return tf.nn.l2_normalize(x, 1, 1e-10, name="embeddings")
