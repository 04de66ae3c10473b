"""MTCNN's three networks over a batch of images of one size.

K. Zhang et al., "Joint Face Detection and Alignment using Multi-task Cascaded Convolutional
Networks", 2016. The weights, thresholds and conventions are those of the package `mtcnn`; its own
pipeline runs eagerly over every scale, which takes many times as long. The last network is here
asked twice, and about each patch and its mirror image, which halves the noise of the landmarks.
Built from plain operations, so that a global Keras precision policy does not reach it.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib import resources
from typing import Any

import joblib
import lz4.frame
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

FACTOR = 0.709
"""From one scale of the image pyramid to the next."""

_CELL, _STRIDE = 12, 2  # what one output of the proposal network sees, and the step between two
_PROPOSALS_PER_SCALE, _PROPOSALS, _REFINED = 48, 48, 16


class Cascade(tf.Module):
    """Finds the faces of a batch of square images.

    Args:
      side: height and width of the images in pixels.
      min_face: side of the smallest face that is looked for, in pixels.
      thresholds: lowest scores that the three networks let through.
    """

    def __init__(
        self, side: int, min_face: float, thresholds: tuple[float, float, float] = (0.6, 0.7, 0.8)
    ) -> None:
        super().__init__(name="mtcnn")
        self._side = side
        self._thresholds = thresholds
        self._scales = _pyramid(side, min_face)
        # Three graphs with eager steps between them: inside a graph TensorFlow complains of
        # every crop_and_resize whose number of boxes is not known beforehand.
        self._proposal, self._refinement, self._output = _networks()
        self._propose = _compiled(self._propose_faces, side, tf.uint8)

    def __call__(
        self, images: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Candidates in each image.

        Args:
          images: uint8 `[N, side, side, 3]`, RGB.

        Returns:
          Boxes float32 `[N, K, 4]` (x1, y1, x2, y2), landmarks float32 `[N, K, 5, 2]` (x, y), both
          in pixels of `images`, and scores float32 `[N, K]`, zero where there is no face.
          Candidates for one face overlap.
        """
        if images.dtype != np.uint8 or images.shape[1:] != (self._side, self._side, 3):
            raise ValueError(
                f"images: expected uint8 [N, {self._side}, {self._side}, 3], "
                f"got {images.dtype} {list(images.shape)}"
            )
        images, boxes, scores = self._propose(tf.constant(images))
        boxes, scores = self._refine(images, boxes, scores)
        boxes, landmarks, scores = self._describe(images, boxes, scores)
        return boxes.numpy(), landmarks.numpy(), scores.numpy()

    def _propose_faces(self, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        images = (tf.cast(images, tf.float32) - 127.5) / 128.0
        boxes, scores = [], []
        for size in self._scales:
            resize = tf.constant(_area_resize(self._side, size))
            # Area averaging is linear in rows and in columns: two products of matrices, many
            # times as fast as tf.image.resize.
            scaled = tf.einsum("yh,nhwc,xw->nyxc", resize, images, resize)
            offsets, face = self._proposal(scaled)
            rows, columns = offsets.shape[1], offsets.shape[2]
            top, left = np.meshgrid(
                np.arange(rows) * _STRIDE + 1, np.arange(columns) * _STRIDE + 1, indexing="ij"
            )
            cells = np.stack([left, top, left + _CELL - 1, top + _CELL - 1], -1)
            found = (cells.astype(np.float32) + offsets * (_CELL - 1)) * (self._side / size)
            found, score = _suppress(
                tf.reshape(found, [-1, rows * columns, 4]),
                tf.reshape(face, [-1, rows * columns]),
                overlap=0.5,
                threshold=self._thresholds[0],
                count=_PROPOSALS_PER_SCALE,
            )
            boxes.append(found)
            scores.append(score)
        boxes, scores = _suppress(
            tf.concat(boxes, 1),
            tf.concat(scores, 1),
            overlap=0.7,
            threshold=self._thresholds[0],
            count=_PROPOSALS,
        )
        return images, boxes, scores

    def _refine(
        self, images: tf.Tensor, boxes: tf.Tensor, scores: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        there, rows = _existing(scores)
        squares = _squares(tf.boolean_mask(boxes, there))
        offsets, face = _judge(self._refinement, self._patches(images, squares, rows, 24))
        squares = _moved(squares, offsets)
        return _suppress(
            _scattered(squares, there),
            _scattered(face, there),
            overlap=0.7,
            threshold=self._thresholds[1],
            count=_REFINED,
        )

    def _describe(
        self, images: tf.Tensor, boxes: tf.Tensor, scores: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        there, rows = _existing(scores)
        squares = _squares(tf.boolean_mask(boxes, there))
        squares, _, face = self._described(images, squares, rows)
        is_face = face > self._thresholds[2]
        there = _narrowed(there, is_face)
        face, rows = tf.boolean_mask(face, is_face), tf.boolean_mask(rows, is_face)
        # Once more in the box that the network has just corrected: it was trained on boxes that
        # fit, and the landmarks then depend much less on where the proposal happened to lie.
        squares = _squares(tf.boolean_mask(squares, is_face))
        squares, points, _ = self._described(images, squares, rows)
        return _scattered(squares, there), _scattered(points, there), _scattered(face, there)

    def _described(
        self, images: tf.Tensor, squares: tf.Tensor, rows: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Corrected boxes, landmarks and scores: the mean over each patch and its mirror image."""
        patches = self._patches(images, squares, rows, 48)
        offsets, points, face = _judge(self._output, tf.concat([patches, patches[:, :, ::-1]], 0))
        points = tf.stack([points[:, :5], points[:, 5:]], -1)
        offsets, mirrored_offsets = tf.split(offsets, 2)
        points, mirrored_points = tf.split(points, 2)
        offsets += tf.gather(mirrored_offsets, [2, 1, 0, 3], axis=1) * [-1.0, 1.0, -1.0, 1.0]
        mirrored_points = tf.gather(mirrored_points, [1, 0, 2, 4, 3], axis=1)
        points += mirrored_points * [-1.0, 1.0] + [1.0, 0.0]
        sizes = squares[:, 2:] - squares[:, :2] + 1.0
        points = points / 2.0 * sizes[:, tf.newaxis] + squares[:, tf.newaxis, :2] - 1.0
        return _moved(squares, offsets / 2.0), points, tf.reduce_mean(tf.split(face, 2), 0)

    def _patches(
        self, images: tf.Tensor, squares: tf.Tensor, rows: tf.Tensor, size: int
    ) -> tf.Tensor:
        corners = tf.gather(squares, [1, 0, 3, 2], axis=1) / float(self._side)
        return tf.image.crop_and_resize(images, corners, rows, [size, size])


def _judge(
    network: Callable[[tf.Tensor], Sequence[tf.Tensor]], patches: tf.Tensor
) -> list[tf.Tensor]:
    """What a network says of patches `[P, S, S, 3]`; P may be 0, on which oneDNN alone fails."""
    patches = tf.pad(patches, [[0, 1], [0, 0], [0, 0], [0, 0]])
    return [output[:-1] for output in network(patches)]


def _compiled(
    function: Callable[[tf.Tensor], Sequence[tf.Tensor]], side: int, dtype: tf.DType = tf.float32
) -> Callable[[tf.Tensor], Sequence[tf.Tensor]]:
    """One graph for every number of images, traced at once."""
    signature = [tf.TensorSpec([None, side, side, 3], dtype)]
    return tf.function(function, input_signature=signature).get_concrete_function()


def _pyramid(side: int, min_face: float) -> list[int]:
    """Sides of the scaled images; in one of them a face of `min_face` or more fills a cell."""
    sizes = []
    size = side * _CELL / min_face
    while size >= _CELL:
        sizes.append(int(size))
        size *= FACTOR
    return sizes


def _area_resize(before: int, after: int) -> NDArray[np.float32]:
    """float32 `[after, before]`: each output is the mean of the stretch of inputs it covers."""
    edges = np.linspace(0, before, after + 1)
    pixels = np.arange(before)
    covered = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    covered = np.maximum(covered, 0)
    return (covered / covered.sum(1, keepdims=True)).astype(np.float32)


def _suppress(
    boxes: tf.Tensor, scores: tf.Tensor, overlap: float, threshold: float, count: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Non-maximum suppression: boxes `[N, count, 4]`, scores `[N, count]` filled up with zeros."""
    kept = tf.image.combined_non_max_suppression(
        boxes[:, :, tf.newaxis],
        scores[:, :, tf.newaxis],
        max_output_size_per_class=count,
        max_total_size=count,
        iou_threshold=overlap,
        score_threshold=threshold,
        clip_boxes=False,
    )
    return kept.nmsed_boxes, kept.nmsed_scores


def _existing(scores: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    there = scores > 0
    return there, tf.cast(tf.where(there)[:, 0], tf.int32)


def _narrowed(there: tf.Tensor, kept: tf.Tensor) -> tf.Tensor:
    """The mask `there` without those of its places that `kept` drops."""
    return tf.tensor_scatter_nd_update(there, tf.where(there), kept)


def _scattered(values: tf.Tensor, there: tf.Tensor) -> tf.Tensor:
    shape = tf.concat([tf.shape(there), tf.shape(values)[1:]], 0)
    return tf.scatter_nd(tf.where(there), values, tf.cast(shape, tf.int64))


def _squares(boxes: tf.Tensor) -> tf.Tensor:
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2.0
    half = tf.reduce_max(boxes[:, 2:] - boxes[:, :2], 1, keepdims=True) / 2.0
    return tf.concat([centres - half, centres + half], 1)


def _moved(boxes: tf.Tensor, offsets: tf.Tensor) -> tf.Tensor:
    sizes = boxes[:, 2:] - boxes[:, :2] + 1.0
    return boxes + offsets * tf.concat([sizes, sizes], 1)


class _Network:
    """Convolutions with PReLU and pooling, then one or two dense layers and several heads.

    Args:
      weights: kernels, biases and slopes in the order of the layers.
      pools: for each convolution the size and padding of the max pooling (stride 2) after it.
      dense: whether a dense layer with PReLU stands before the heads; without one the heads are
        1x1 convolutions.
      heads: number of outputs; the last is a softmax over (no face, face).
    """

    def __init__(
        self,
        weights: list[NDArray[np.float32]],
        pools: list[tuple[int, str] | None],
        dense: bool,
        heads: int,
    ) -> None:
        expected = 3 * (len(pools) + dense) + 2 * heads
        if len(weights) != expected:
            raise ValueError(f"weights: expected {expected} arrays, got {len(weights)}")
        self._weights = [np.asarray(array, np.float32) for array in weights]
        self._pools = pools
        self._dense = dense

    def __call__(self, x: tf.Tensor) -> list[tf.Tensor]:
        weights = iter(self._weights)
        for pool in self._pools:
            x = tf.nn.conv2d(x, next(weights), 1, "VALID") + next(weights)
            x = _prelu(x, next(weights))
            if pool is not None:
                x = tf.nn.max_pool2d(x, pool[0], 2, pool[1])
        if self._dense:
            # The weights come from Caffe's MATLAB interface: columns before rows.
            x = tf.transpose(x, [0, 2, 1, 3])
            x = tf.reshape(x, [-1, x.shape[1] * x.shape[2] * x.shape[3]])
            x = _prelu(x @ next(weights) + next(weights), next(weights))
        remaining = list(weights)
        outputs = []
        for kernel, bias in zip(remaining[::2], remaining[1::2], strict=True):
            product = x @ kernel if self._dense else tf.nn.conv2d(x, kernel, 1, "VALID")
            outputs.append(product + bias)
        outputs[-1] = tf.nn.softmax(outputs[-1])[..., 1]
        return outputs


def _prelu(x: tf.Tensor, slope: NDArray[np.float32]) -> tf.Tensor:
    return tf.maximum(x, 0.0) + slope * tf.minimum(x, 0.0)


def _weights(name: str) -> Any:
    """The weights of one of MTCNN's networks, inside the installed package.

    They are unpacked before joblib reads them: on Python 3.13 its own reader of packed files
    leaves a traceback on the terminal.
    """
    packed = resources.files("mtcnn.assets.weights").joinpath(name).read_bytes()
    return joblib.load(io.BytesIO(lz4.frame.decompress(packed)))


@lru_cache(maxsize=1)
def _networks() -> tuple[Callable[[tf.Tensor], Sequence[tf.Tensor]], ...]:
    """Proposal, refinement and output; the last two see patches of one size and are compiled."""
    proposal = _Network(_weights("pnet.lz4"), [(2, "SAME"), None, None], dense=False, heads=2)
    refinement = _Network(
        _weights("rnet.lz4"), [(3, "SAME"), (3, "VALID"), None], dense=True, heads=2
    )
    output = _Network(
        _weights("onet.lz4"),
        [(3, "SAME"), (3, "VALID"), (2, "SAME"), None],
        dense=True,
        heads=3,
    )
    return proposal, _compiled(refinement, 24), _compiled(output, 48)
