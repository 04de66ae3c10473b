"""The energy between a photograph and what a code draws, with its derivatives.

MoFA's energy without the prior on codes (Tewari et al. 2017, Section 5), over the pixels that show
the face. Each pixel is followed on the surface: where the code changes, the point that it shows
gets another colour and another place in the photograph. At the true code of a rendered picture
nothing is left over.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow as tf

from mofa import code as codes
from mofa.code_directions import CodeDirections
from mofa.encoder import output_scale
from mofa.face_region import face_region
from mofa.face_renderer import Face, FaceRenderer
from mofa.landmarks import five
from mofa.losses import Weights, landmark_differences, squared_landmark_distance
from mofa.rendering import triangle_rasterizer

LANDMARK = Weights().landmark / Weights().photometric
"""Weight of the mean squared distance of landmarks, pixels of a 224-pixel image, beside the mean
distance of colours."""

_SHARPEST = 0.5 / 255.0  # colours nearer than half a grey level count by the square


class PictureEnergy:
    """Compares codes with photographs, one at a time.

    Its methods take a code float32 [257], a photograph float32 [H, W, 3] in [0, 1] of the camera's
    size and landmarks float32 [M, 2] in its pixels, NaN where one is not known; `distances` and
    `expand` then an int64 scalar, the side in pixels of the squares over which differences of
    colours are averaged.

    Args:
      renderer: the decoder.
      marks: M, the number of landmarks, 5 or 68.
    """

    def __init__(self, renderer: FaceRenderer, marks: int) -> None:
        region = face_region(renderer)
        self._renderer, kept = renderer.around(region > 0.0)
        self._region = tf.constant(region[kept])[None, :, None]
        self._directions = CodeDirections(self._renderer)
        self._scale = tf.constant(output_scale("spread"))
        numbers = tf.TensorSpec([codes.SIZE], tf.float32)
        given = [
            numbers,
            tf.TensorSpec([*renderer.camera.image_size, 3], tf.float32),
            tf.TensorSpec([marks, 2], tf.float32),
        ]
        cell = tf.TensorSpec([], tf.int64)
        square = tf.TensorSpec([codes.SIZE, codes.SIZE], tf.float32)
        self.distances = tf.function(self._distances, [*given, cell], autograph=False)
        self.expand = tf.function(self._expand, [*given, cell], autograph=False)
        self.pull_back = tf.function(self._pull_back, [*given, square, numbers], autograph=False)

    def _distances(
        self, code: tf.Tensor, photograph: tf.Tensor, points: tf.Tensor, cell: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Mean distance of colours, infinite where no face is seen, and of landmarks, squared.

        In [0, 1] and in squared pixels of a 224-pixel image.
        """
        face = self._renderer.face(code[None])
        picture = self._draw(face)
        pixels = tf.where(picture.shown)
        difference = tf.gather_nd(picture.image - photograph, pixels)
        means, numbers = _cell_means(difference, pixels, cell)
        total = tf.reduce_sum(numbers)
        colour = tf.reduce_sum(numbers * tf.norm(means, axis=-1)) / total
        return (
            tf.where(total > 0.0, colour, np.inf),
            squared_landmark_distance(self._renderer, face, points[None])[0],
        )

    def _expand(
        self, code: tf.Tensor, photograph: tf.Tensor, points: tf.Tensor, cell: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Curvature [257, 257] and slope [257] of colours plus `LANDMARK` times landmarks.

        Gauss and Newton's, with distances as reweighted squares; each number in units of
        `output_scale("spread")`.
        """
        seen = self._residuals(code, photograph, points)
        jacobian, _ = _cell_means(seen.jacobian, seen.pixels, cell)
        difference, numbers = _cell_means(seen.difference, seen.pixels, cell)
        # |r| has the slope of w r^2 / 2 with w = 1 / |r|.
        weight = numbers / tf.maximum(tf.norm(difference, axis=-1), _SHARPEST)
        curvature, slope = _normal_equations(
            jacobian, difference, tf.math.divide_no_nan(weight, tf.reduce_sum(numbers))
        )
        more_curvature, more_slope = seen.landmarks
        return curvature + more_curvature, slope + more_slope

    def _pull_back(
        self,
        code: tf.Tensor,
        photograph: tf.Tensor,
        points: tf.Tensor,
        prior: tf.Tensor,
        direction: tf.Tensor,
    ) -> tf.Tensor:
        """What the photograph's pixels do to a code of least energy, [H, W, 3].

        By the implicit function theorem: where the slope is zero and stays so, the code moves by
        H^-1 J' W dI. W is the curvature of |r|, which grows with what is across r, not along it.

        Args:
          code: of least energy with the prior, pixel by pixel.
          photograph: see the class.
          points: likewise.
          prior: curvature of the prior, [257, 257], in units of `output_scale("spread")`.
          direction: what is asked for is the gradient of direction . code, in these units, [257].
        """
        seen = self._residuals(code, photograph, points)
        number = tf.cast(tf.shape(seen.pixels)[0], tf.float32)
        size = tf.norm(seen.difference, axis=-1)
        weight = tf.math.divide_no_nan(1.0, number * tf.maximum(size, _SHARPEST))
        unit = tf.where(
            size[:, None] > _SHARPEST, seen.difference / tf.maximum(size, _SHARPEST)[:, None], 0.0
        )

        def weigh(vectors: tf.Tensor) -> tf.Tensor:  # [P, 3, K]
            along = tf.einsum("pc,pck->pk", unit, vectors)
            return weight[:, None, None] * (vectors - unit[:, :, None] * along[:, None])

        jacobian = tf.reshape(seen.jacobian, [-1, codes.SIZE])
        weighed = tf.reshape(weigh(seen.jacobian), [-1, codes.SIZE])
        curvature = tf.matmul(jacobian, weighed, transpose_a=True) + seen.landmarks[0] + prior
        adjoint = tf.linalg.solve(curvature, direction[:, None])
        gradient = tf.reshape(weighed @ adjoint, [-1, 3])
        return tf.scatter_nd(seen.pixels, gradient, tf.shape(photograph, tf.int64))

    def _residuals(self, code: tf.Tensor, photograph: tf.Tensor, points: tf.Tensor) -> _Residuals:
        """What is left over at each pixel that shows the face, and how the code moves it."""
        face = self._renderer.face(code[None])
        picture = self._draw(face)
        moves = self._directions(code)
        pixels = _inside(picture.shown)
        # What a direction does to the point that a pixel shows: [P, 3, 257] and [P, 2, 150].
        corners = tf.gather(self._renderer.triangles, tf.gather_nd(picture.triangle, pixels))
        weights = tf.gather_nd(picture.barycentric, pixels)

        def at_pixels(moved: tf.Tensor) -> tf.Tensor:
            each = [weights[:, i, None, None] * tf.gather(moved, corners[:, i]) for i in range(3)]
            return tf.add_n(each)

        colours, places = at_pixels(moves.colours), at_pixels(moves.places)
        image = tf.gather_nd(picture.image, pixels)
        below_white = tf.cast((image > 0.0) & (image < 1.0), tf.float32)[..., None]
        # The mean of both pictures' slopes makes the step exact to second order (Malis 2004).
        slopes = tf.gather_nd(0.5 * (_slopes(photograph) + _slopes(picture.image)), pixels)
        apart, known = landmark_differences(self._renderer, face, points[None])
        jacobian = below_white * colours - _all_numbers(tf.matmul(slopes, places))
        return _Residuals(
            pixels=pixels,
            jacobian=self._scale * jacobian,
            difference=image - tf.gather_nd(photograph, pixels),
            landmarks=_normal_equations(
                self._scale * _all_numbers(self._landmark_moves(moves.places, points)),
                apart[0],
                tf.fill([points.shape[0]], tf.math.divide_no_nan(2.0 * LANDMARK, known[0])),
            ),
        )

    def _landmark_moves(self, places: tf.Tensor, points: tf.Tensor) -> tf.Tensor:
        """What the numbers of `GEOMETRY` do to landmarks, [M, 2, 150], 0 where one is not known."""
        moved = self._renderer.landmark_moves(places)
        if points.shape[0] == 5:
            moved = five(moved)
        known = tf.math.is_finite(points) & tf.math.is_finite(moved)
        scale = 224.0 / self._renderer.camera.image_size[0]
        return scale * tf.transpose(tf.where(known, moved, 0.0), [1, 2, 0])

    def _draw(self, face: Face) -> _Picture:
        drawn = triangle_rasterizer.rasterize(
            face.vertices,
            self._renderer.triangles,
            {"colours": face.colours, "region": self._region},
            self._renderer.camera.projection()[None],
            self._renderer.camera.image_size,
        )
        return _Picture(
            image=tf.clip_by_value(drawn["colours"][0], 0.0, 1.0),
            shown=drawn["region"][0, ..., 0] > 0.5,
            triangle=drawn["triangle_indices"][0, ..., 0],
            barycentric=drawn["barycentrics"][0],
        )


@dataclasses.dataclass(frozen=True)
class _Picture:
    """What a code draws.

    Attributes:
      image: float32 [H, W, 3] in [0, 1].
      shown: bool [H, W], where the face proper is seen.
      triangle: int32 [H, W].
      barycentric: float32 [H, W, 3].
    """

    image: tf.Tensor
    shown: tf.Tensor
    triangle: tf.Tensor
    barycentric: tf.Tensor


@dataclasses.dataclass(frozen=True)
class _Residuals:
    """How a code's picture differs from a photograph.

    Attributes:
      pixels: int64 [P, 2].
      jacobian: float32 [P, 3, 257], in units of `output_scale("spread")`.
      difference: float32 [P, 3].
      landmarks: curvature [257, 257] and slope [257] of `LANDMARK` times their distance.
    """

    pixels: tf.Tensor
    jacobian: tf.Tensor
    difference: tf.Tensor
    landmarks: tuple[tf.Tensor, tf.Tensor]


def _all_numbers(by_geometry: tf.Tensor) -> tf.Tensor:
    """[P, C, 150] by the numbers of `GEOMETRY` as [P, C, 257], 0 for all others."""
    first = codes.SLICES["albedo"].start
    zeros = [tf.zeros_like(by_geometry[..., : codes.SIZES[name]]) for name in ("albedo", "light")]
    return tf.concat((by_geometry[..., :first], zeros[0], by_geometry[..., first:], zeros[1]), -1)


def _inside(shown: tf.Tensor) -> tf.Tensor:
    """Where a pixel and all around it are shown: int64 [P, 2]."""
    other = tf.cast(~shown, tf.float32)[None, ..., None]
    return tf.where(tf.nn.max_pool2d(other, 3, 1, "SAME")[0, ..., 0] < 0.5)


def _cell_means(rows: tf.Tensor, pixels: tf.Tensor, cell: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Means of rows [P, ...] over the pixels [P, 2] of each cell, and how many those are [C]."""
    place = pixels // cell
    cells, index = tf.unique(place[:, 0] * (1 << 31) + place[:, 1])
    total = tf.math.unsorted_segment_sum(rows, index, tf.size(cells))
    numbers = tf.math.unsorted_segment_sum(tf.ones_like(index, tf.float32), index, tf.size(cells))
    return total / tf.reshape(numbers, [-1] + [1] * (rows.shape.rank - 1)), numbers


def _slopes(image: tf.Tensor) -> tf.Tensor:
    """Central differences of [H, W, 3] along x and y: [H, W, 3, 2]."""
    wide = tf.pad(image, [[1, 1], [1, 1], [0, 0]], "SYMMETRIC")
    along_x = wide[1:-1, 2:] - wide[1:-1, :-2]
    along_y = wide[2:, 1:-1] - wide[:-2, 1:-1]
    return 0.5 * tf.stack((along_x, along_y), axis=-1)


def _normal_equations(
    jacobian: tf.Tensor, difference: tf.Tensor, weight: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """J' W J [D, D] and J' W r [D] from J [P, C, D], r [P, C] and W [P]."""
    root = tf.sqrt(weight)[:, None]
    rows = tf.reshape(root[..., None] * jacobian, [-1, jacobian.shape[-1]])
    right = tf.reshape(root * difference, [-1, 1])
    return tf.matmul(rows, rows, transpose_a=True), tf.matmul(rows, right, transpose_a=True)[:, 0]
