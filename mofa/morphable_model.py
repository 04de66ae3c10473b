"""3D morphable models of faces (Basel Face Model, ICT-FaceKit, our own) in one form.

    shape  = mean + identity basis (std * alpha) + expression basis (std * delta)
    albedo = mean + albedo basis (std * beta)
(Blanz and Vetter 1999; MoFA, Tewari et al. 2017, Section 4.) Coefficients are in units of standard
deviations, so N(0, 1) is the model's own prior for each; multiply by `Modes.std` for the model's
units. Whatever the file, in memory the same convention holds: millimetres, x to the person's left,
y up, z out of the face towards the viewer, triangles counter-clockwise seen from outside, albedo as
RGB in [0, 1].
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from mofa import landmarks as landmark_names
from mofa.arrays import Array
from mofa.signs import settled
from weights.errors import InputError

IDENTITY, EXPRESSION, ALBEDO = 80, 64, 80
"""Numbers of modes that the code of 257 numbers has room for."""


@dataclasses.dataclass(frozen=True, eq=False)
class Modes:
    """Principal components.

    Attributes:
      basis: float32 [3 V, K], orthonormal columns (or zero ones, where a file had fewer modes),
        vertices interleaved as x, y, z or r, g, b.
      std: float32 [K], standard deviations in mm or in albedo, descending.
    """

    basis: Array
    std: Array

    def __repr__(self) -> str:
        """How many there are, not their numbers."""
        return f"<{int(np.sum(self.std > 0.0))} of {len(self.std)} modes>"

    def scaled(self) -> Array:
        """float32 [3 V, K]: the change of the mean by one standard deviation."""
        return self.basis * self.std

    def at(self, vertices: Array) -> Modes:
        """The same modes of some vertices, int [v], whose columns are no longer orthonormal."""
        basis = self.basis.reshape(-1, 3, self.basis.shape[-1])[vertices]
        return Modes(basis.reshape(-1, self.basis.shape[-1]), self.std)


@dataclasses.dataclass(frozen=True, eq=False)
class MorphableModel:
    """A face model of V vertices and T triangles in the conventions of this module.

    Attributes:
      name: what the file calls itself or is called.
      mean_shape: float32 [V, 3], mm.
      mean_albedo: float32 [V, 3], RGB in [0, 1].
      identity: 80 modes of the shape.
      expression: 64 modes of the shape.
      albedo: 80 modes of the albedo.
      triangles: int32 [T, 3].
      landmarks: name to vertex; of the 68 of `mofa.landmarks` as many as the file has.
      expression_samples: float32 [S, 64], coefficients of plausible expressions; faces smile and
        shout but never do the opposite, so N(0, 1) is a poor prior to draw expressions from. None
        where the file has none.
    """

    name: str
    mean_shape: Array
    mean_albedo: Array
    identity: Modes
    expression: Modes
    albedo: Modes
    triangles: Array
    landmarks: Mapping[str, int]
    expression_samples: Array | None = None

    def __repr__(self) -> str:
        """Its sizes, not its numbers."""
        named = sum(name in self.landmarks for name in landmark_names.NAMES)
        return (
            f"<{self.name}: {len(self.mean_shape)} vertices, {len(self.triangles)} triangles, "
            f"identity {self.identity}, expression {self.expression}, albedo {self.albedo}, "
            f"{named} of 68 landmarks>"
        )

    def shape(self, identity: tf.Tensor, expression: tf.Tensor) -> tf.Tensor:
        """Vertices of faces.

        Args:
          identity: [N, 80] in standard deviations.
          expression: [N, 64] in standard deviations.

        Returns:
          float32 [N, V, 3] in mm.
        """
        return self._combine(
            self.mean_shape,
            tf.concat((identity, expression), axis=-1),
            np.concatenate((self.identity.scaled(), self.expression.scaled()), axis=1),
        )

    def colour(self, albedo: tf.Tensor) -> tf.Tensor:
        """Albedo of faces.

        Args:
          albedo: [N, 80] in standard deviations.

        Returns:
          float32 [N, V, 3], RGB; not clipped to [0, 1].
        """
        return self._combine(self.mean_albedo, albedo, self.albedo.scaled())

    @staticmethod
    def _combine(mean: Array, coefficients: tf.Tensor, basis: Array) -> tf.Tensor:
        coefficients = tf.convert_to_tensor(coefficients, tf.float32)
        if coefficients.shape.rank != 2 or coefficients.shape[-1] != basis.shape[1]:
            raise ValueError(
                f"coefficients must have shape [N, {basis.shape[1]}], got {coefficients.shape}"
            )
        flat = tf.matmul(coefficients, tf.constant(basis), transpose_b=True)
        return tf.reshape(flat + mean.reshape(-1), [-1, *mean.shape])

    def around(self, chosen: Array) -> tuple[MorphableModel, Array]:
        """The part of the model that decides where some vertices lie and how they are lit.

        Their neighbours come along, without which they would have other normals, and all landmarks.

        Args:
          chosen: bool [V].

        Returns:
          The part, and int [v]: which of the V vertices its v are, in ascending order.

        Raises:
          ValueError: none is chosen, or the shape is another.
        """
        if chosen.shape != (len(self.mean_shape),) or not chosen.any():
            raise ValueError(
                f"chosen must be bool [{len(self.mean_shape)}] with one of them at least; got "
                f"{int(chosen.sum())} of {list(chosen.shape)}"
            )
        triangles = self.triangles[chosen[self.triangles].any(axis=1)]
        marks = np.array(list(self.landmarks.values()), int)
        kept = np.unique(np.concatenate((np.flatnonzero(chosen), triangles.ravel(), marks)))
        part = dataclasses.replace(
            self,
            mean_shape=self.mean_shape[kept],
            mean_albedo=self.mean_albedo[kept],
            identity=self.identity.at(kept),
            expression=self.expression.at(kept),
            albedo=self.albedo.at(kept),
            triangles=np.searchsorted(kept, triangles).astype(np.int32),
            landmarks=dict(
                zip(self.landmarks, map(int, np.searchsorted(kept, marks)), strict=True)
            ),
        )
        return part, kept

    def digest(self) -> str:
        """A name for all that decides what faces look like, for caches of pictures."""
        result = hashlib.sha256()
        modes = (self.identity, self.expression, self.albedo)
        for array in (
            *(self.mean_shape, self.mean_albedo, self.triangles),
            *(array for each in modes for array in (each.basis, each.std)),
        ):
            result.update(np.ascontiguousarray(array).tobytes())
        return result.hexdigest()

    def landmark_vertices(self) -> Array:
        """The vertices of the 68 landmarks in their order, -1 for missing ones: int32 [68]."""
        return np.array([self.landmarks.get(name, -1) for name in landmark_names.NAMES], np.int32)

    def has_five_landmarks(self) -> bool:
        """Whether it has all of `mofa.landmarks.LEAST`."""
        return all(name in self.landmarks for name in landmark_names.LEAST)

    def check_landmarks(self) -> None:
        """Refuse to go on without the landmarks by which photographs are cut out and compared.

        Raises:
          InputError: one of `mofa.landmarks.LEAST` is missing; the message says which are.
        """
        missing = [name for name in landmark_names.LEAST if name not in self.landmarks]
        if missing:
            count, of = len(missing), len(landmark_names.LEAST)
            raise InputError(
                f"{self.name} has no landmark{'s' if count == of else ''} {', '.join(missing)} "
                f"({count} of the {of} that photographs are cut out and compared by); give a JSON "
                "file {name: vertex} of them as `landmarks`, vertices counted from 0"
            )


def zero_modes(vertices: int, count: int) -> Modes:
    """Modes that change nothing, for what a file lacks."""
    return Modes(np.zeros((3 * vertices, count), np.float32), np.zeros(count, np.float32))


_LEAST_STD = 1e-9
"""Of the largest standard deviation: directions that vary less are rounding."""


def orthonormal(directions: Array, count: int) -> Modes:
    """The modes of `directions @ N(0, 1)`: same distribution, orthonormal, by variance.

    Args:
      directions: float [3 V, N].
      count: K, of modes; those that the directions do not have are zero.

    Returns:
      The modes, the same on every machine, see `mofa.signs`.
    """
    vertices = directions.shape[0] // 3
    result = zero_modes(vertices, count)
    if directions.shape[1]:
        left, std, _ = np.linalg.svd(np.asarray(directions, np.float64), full_matrices=False)
        kept = int(np.sum(std > _LEAST_STD * std[0]))
        used = min(count, kept)
        result.basis[:, :used] = settled(left[:, :kept], std[:kept])[:, :used]
        result.std[:used] = std[:used]
    return result
