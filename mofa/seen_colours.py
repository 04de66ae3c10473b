"""What colours photographs show at the vertices of a face model, and under what light."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf

from mofa.arrays import Array
from mofa.face_region import seen
from mofa.face_renderer import FaceRenderer, default_light
from mofa.rendering import sample, spherical_harmonics

_BATCH = 32
_LEVEL = 0.1
"""How firmly the ambient light keeps to the default; what it does not take is the albedo's."""
_DIRECTIONS = 0.02
"""The same for the other eight harmonics."""
_TINT = 1.0
"""How firmly the three colours of the light keep together: tint belongs to the skin."""
_OUTLIER = 0.08
"""Difference of colours from which on a vertex counts less than half: glasses, hair, shadows."""
_ROUNDS = 3


@dataclasses.dataclass(frozen=True, eq=False)
class SeenColours:
    """Colours of N photographs at P vertices.

    Attributes:
      colours: uint8 [N, P, 3].
      normals: float16 [N, P, 3], unit length, in camera space.
      facing: float16 [N, P], cosine between normal and camera; 0 where a vertex is hidden.
    """

    colours: Array
    normals: Array
    facing: Array

    def __repr__(self) -> str:
        """How many, not the colours."""
        return f"<colours of {len(self)} photographs at {self.colours.shape[1]} vertices>"

    def __len__(self) -> int:
        return len(self.colours)


def see(
    renderer: FaceRenderer,
    vertices: Array,
    encoder: Callable[[tf.Tensor], tf.Tensor],
    photographs: Array,
    progress: Callable[[int], object] = lambda done: None,
) -> SeenColours:
    """Look up the colours of photographs where an encoder says that the vertices are.

    Args:
      renderer: with the morphable model that the encoder was trained with; its camera's size is
        that of the photographs.
      vertices: int [P], which ones.
      encoder: from images float32 [N, H, W, 3] in [0, 1] to codes.
      photographs: uint8 [N, H, W, 3].
      progress: called with the number of photographs that are done.

    Returns:
      The colours.
    """
    rows = tf.constant(vertices, tf.int32)

    @tf.function(autograph=False, reduce_retracing=True)
    def look(images: tf.Tensor) -> tuple[tf.Tensor, ...]:
        face = renderer.face(encoder(images))
        colours, inside = sample.bilinear(images, renderer.project(face.vertices))
        visible = tf.cast(inside & seen(renderer, face.vertices), tf.float32)
        toward = tf.math.l2_normalize(-face.vertices, axis=-1)
        facing = visible * tf.nn.relu(tf.reduce_sum(face.normals * toward, axis=-1))
        return tuple(tf.gather(each, rows, axis=1) for each in (colours, face.normals, facing))

    count = len(photographs)
    result = SeenColours(
        np.empty([count, len(vertices), 3], np.uint8),
        np.empty([count, len(vertices), 3], np.float16),
        np.empty([count, len(vertices)], np.float16),
    )
    for first in range(0, count, _BATCH):
        part = slice(first, first + _BATCH)
        images = photographs[part].astype(np.float32) / 255.0
        colours, result.normals[part], result.facing[part] = look(tf.constant(images))
        result.colours[part] = np.round(255.0 * colours.numpy())
        progress(min(first + _BATCH, count))
    return result


def shading(seen_colours: SeenColours, mean: Array, area: Array) -> Iterator[tuple[slice, Array]]:
    """The light in which each photograph was taken, if everybody had the mean albedo.

    For each photograph the spherical harmonics are fitted by least squares, with the default light
    as a prior, in a few rounds in which vertices of quite another colour count less and less.

    Args:
      seen_colours: of N photographs at P vertices.
      mean: float [P, 3], the albedo.
      area: float [P], how much each vertex counts.

    Yields:
      Rows, and for them what the light multiplies an albedo by: float32 [B, P, 3].
    """
    default = tf.constant(default_light()[:, :1])
    for first in range(0, len(seen_colours), _BATCH):
        part = slice(first, first + _BATCH)
        yield (
            part,
            _shading(
                tf.constant(seen_colours.colours[part], tf.float32) / 255.0,
                tf.constant(seen_colours.normals[part], tf.float32),
                tf.constant(seen_colours.facing[part] * area, tf.float32),
                tf.constant(mean, tf.float32),
                default,
            ).numpy(),
        )


@tf.function(autograph=False, reduce_retracing=True)
def _shading(
    colours: tf.Tensor, normals: tf.Tensor, weight: tf.Tensor, mean: tf.Tensor, default: tf.Tensor
) -> tf.Tensor:
    harmonics = spherical_harmonics.evaluate(normals) * spherical_harmonics.IRRADIANCE
    shape = tf.shape(harmonics)
    squares = harmonics[..., :, None] * harmonics[..., None, :]
    squares = tf.reshape(squares, [shape[0], shape[1], 81])
    weight = tf.math.divide_no_nan(weight, tf.reduce_sum(weight, axis=1, keepdims=True))
    prior = tf.linalg.diag([_LEVEL] + 8 * [_DIRECTIONS])
    tint = _TINT * tf.eye(9)

    trust = tf.ones_like(weight)
    result = tf.zeros_like(colours)
    for _ in range(_ROUNDS):
        each = (weight * trust)[..., None]
        # The normal equations of each of the three colours: [B, 3, 9, 9] and [B, 3, 9].
        left = tf.reshape(tf.matmul(each * mean**2, squares, transpose_a=True), [-1, 3, 9, 9])
        right = tf.matmul(each * colours * mean, harmonics, transpose_a=True)
        grey = tf.linalg.solve(
            tf.reduce_sum(left, axis=1) + prior,
            tf.reduce_sum(right, axis=1)[..., None] + tf.matmul(prior, default),
        )
        right = right[..., None] + tf.matmul(tint, grey)[:, None]
        light = tf.linalg.solve(left + tint, right)[..., 0]
        result = tf.matmul(harmonics, light, transpose_b=True)
        apart = tf.reduce_mean(tf.abs(colours - result * mean), axis=-1)
        trust = 1.0 / (1.0 + tf.square(apart / _OUTLIER))
    return result
