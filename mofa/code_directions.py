"""What each number of a code moves, to first order, written down instead of traced.

Colours are linear in albedo and light once the geometry is given, and places do not move with them:
107 of the 257 directions are known as they stand. The other 150 move the vertices, linearly but for
the rotation; what that does to normals, light and places is the chain rule at each vertex.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from mofa import code as codes
from mofa.face_renderer import FaceRenderer
from mofa.rendering import normals, rotation, spherical_harmonics

GEOMETRY = np.r_[
    tuple(codes.SLICES[name] for name in ("shape", "expression", "rotation", "translation"))
]
"""Int [150], the numbers of a code that move vertices."""


@dataclasses.dataclass(frozen=True)
class Directions:
    """Derivatives at each vertex, the numbers of the code last.

    Attributes:
      colours: float32 [V, 3, 257].
      places: float32 [V, 2, 150], pixels, by the numbers of `GEOMETRY`.
    """

    colours: tf.Tensor
    places: tf.Tensor


class CodeDirections:
    """The derivatives of faces.

    Args:
      renderer: the decoder.
    """

    def __init__(self, renderer: FaceRenderer) -> None:
        model = renderer.model
        count = len(model.mean_shape)
        self._renderer = renderer
        basis = np.concatenate((model.identity.scaled(), model.expression.scaled()), axis=1)
        self._shape = tf.constant(basis.reshape(count, 3, -1))
        self._albedo = tf.constant(model.albedo.scaled().reshape(count, 3, -1))

    def __call__(self, code: tf.Tensor) -> Directions:
        """Derivatives of what one code draws.

        Args:
          code: float32 [257].

        Returns:
          See there.
        """
        renderer, parts = self._renderer, codes.split(code[None])
        face = renderer.face(code[None])
        vertices, albedo = face.vertices[0], face.albedo[0]
        moved = self._vertices(parts.rotation[0], vertices - renderer.place(parts.translation)[0])
        normal, turned = _normals(vertices, moved, renderer.triangles)
        light = renderer.light(parts.light)
        shade = spherical_harmonics.shade(normal[None], light)[0]
        lit = _jacobian(lambda n: spherical_harmonics.shade(n, tf.tile(light, [3, 1, 1])), normal)
        by_geometry = albedo[..., None] * tf.matmul(lit, turned)
        by_albedo = self._albedo * shade[..., None]
        harmonics = spherical_harmonics.evaluate(normal) * spherical_harmonics.IRRADIANCE
        by_light = tf.einsum("vc,vb,ck->vcbk", albedo, harmonics, tf.eye(3))
        shown = self._shape.shape[-1]
        return Directions(
            colours=tf.concat(
                (
                    by_geometry[..., :shown],
                    by_albedo,
                    by_geometry[..., shown:],
                    tf.reshape(by_light, [-1, 3, codes.SIZES["light"]]),
                ),
                axis=-1,
            ),
            places=tf.matmul(_jacobian(renderer.project, vertices), moved),
        )

    def _vertices(self, angles: tf.Tensor, points: tf.Tensor) -> tf.Tensor:
        """Of vertices [V, 3] that are turned but not yet placed: [V, 3, 150]."""
        turn = rotation.from_euler(angles)
        many = tf.tile(angles[None], [3, 1])
        with tf.autodiff.ForwardAccumulator(many, tf.eye(3)) as forward:
            turns = rotation.from_euler(many)
        # Back to where they were before they were turned.
        before = tf.matmul(points, turn)
        by_angle = tf.einsum("kij,vj->vik", forward.jvp(turns), before)
        by_place = tf.tile(tf.eye(3)[None], [tf.shape(points)[0], 1, 1])
        return tf.concat((tf.einsum("ij,vjd->vid", turn, self._shape), by_angle, by_place), -1)


def _jacobian(function: Callable[[tf.Tensor], tf.Tensor], points: tf.Tensor) -> tf.Tensor:
    """Of a function of each point [V, 3] alone, from [3, V, 3] to [3, V, K]: [V, K, 3]."""
    many = tf.tile(points[None], [3, 1, 1])
    along = tf.tile(tf.eye(3)[:, None], [1, tf.shape(points)[0], 1])
    with tf.autodiff.ForwardAccumulator(many, along) as forward:
        found = function(many)
    return tf.transpose(forward.jvp(found), [1, 2, 0])


def _normals(
    vertices: tf.Tensor, moved: tf.Tensor, triangles: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Unit normals [V, 3] of vertices [V, 3], and how they turn where these move, [V, 3, D].

    A triangle's normal is a x b + b x c + c x a, so that it moves by da x (b - c) + db x (c - a) +
    dc x (a - b).
    """
    count, directions = vertices.shape[0], moved.shape[-1]
    corners = [tf.gather(vertices, triangles[:, k]) for k in range(3)]
    rows = tf.reshape(moved, [count, 3 * directions])
    total = 0.0
    for k in range(3):
        opposite = corners[(k + 1) % 3] - corners[(k + 2) % 3]
        x, y, z = (opposite[:, i : i + 1] for i in range(3))
        dx, dy, dz = tf.split(tf.gather(rows, triangles[:, k]), 3, axis=-1)
        total += tf.concat((dy * z - dz * y, dz * x - dx * z, dx * y - dy * x), axis=-1)
    summed = tf.add_n(
        [tf.math.unsorted_segment_sum(total, triangles[:, k], count) for k in range(3)]
    )
    normal = tf.linalg.cross(corners[1] - corners[0], corners[2] - corners[0])
    whole = tf.add_n(
        [tf.math.unsorted_segment_sum(normal, triangles[:, k], count) for k in range(3)]
    )
    unit = normals.safe_normalize(whole)
    length = tf.norm(whole, axis=-1)[:, None, None]
    across = tf.math.divide_no_nan(tf.eye(3) - unit[:, :, None] * unit[:, None, :], length)
    return unit, tf.matmul(across, tf.reshape(summed, [count, 3, directions]))
