"""Codes refined until they draw the photograph, by damped Gauss-Newton steps on the pixels.

What is minimised is MoFA's energy (Tewari et al. 2017, Section 5) over the pixels that show the
face: the mean distance of colours, the squared distance of landmarks and how unusual the code is.
Each pixel is followed on the surface: where the code changes, the point that it shows gets another
colour and another place in the photograph. At the true code of a rendered picture nothing is left
over, which is why such a code can be found again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from mofa import code as codes
from mofa import landmarks
from mofa.arrays import Array
from mofa.encoder import output_scale
from mofa.face_region import face_region
from mofa.face_renderer import Face, FaceRenderer
from mofa.rendering import triangle_rasterizer

LANDMARK = 1.6e-3 / 1.92
"""Weight of the mean squared distance of landmarks, pixels of a 224-pixel image, beside the mean
distance of colours: as in `losses.Weights`."""

CELLS = (8, 4, 2, 1)
"""Sides in pixels of the squares over which differences of colours are averaged, one after the
other: the larger, the farther away a code may start."""

_SHARPEST = 0.5 / 255.0  # colours nearer than half a grey level count by the square
_FIRST_DAMPING, _LEAST_DAMPING, _TRIES = 1e-3, 1e-6, 5


@dataclasses.dataclass(frozen=True)
class GaussNewton:
    """How codes are refined.

    Attributes:
      steps: in all, shared out among `CELLS`.
      independent_pixels: as how many independent observations the pixels of a face count against
        the prior on codes. There are thousands, but what the face model cannot draw goes wrong
        over whole regions.
      light_colour: standard deviation of the differences between the colours of a light.
    """

    steps: int = 10
    independent_pixels: float = 500.0
    light_colour: float = 0.1

    def cells(self) -> list[int]:
        """The cell of each step."""
        shares = np.array_split(np.arange(self.steps), len(CELLS))
        return [cell for cell, share in zip(CELLS, shares, strict=True) for _ in share]


def refine(
    renderer: FaceRenderer,
    photographs: Array,
    points: Array,
    start: Array,
    method: GaussNewton | None = None,
    on_face: Callable[[int], None] = lambda number: None,
) -> Array:
    """Improve all numbers of codes for the photographs that they are to describe.

    Args:
      renderer: the decoder.
      photographs: [N, H, W, 3] of the camera's size, float32 in [0, 1] or uint8.
      points: float32 [N, 5 or 68, 2], landmarks in pixels; NaN where one is not known.
      start: float32 [N, 257], an encoder's codes.
      method: how.
      on_face: called with the number of faces that are done.

    Returns:
      float32 [N, 257]. A code that draws no face into the picture, or from which no step leads
      down, stays as it is.

    Raises:
      ValueError: shapes do not fit.
    """
    method = method or GaussNewton()
    height, width = renderer.camera.image_size
    count = len(start)
    if photographs.shape != (count, height, width, 3):
        raise ValueError(
            f"photographs must be [{count}, {height}, {width}, 3], got {tuple(photographs.shape)}"
        )
    if len(points) != count or points.shape[1:] not in ((5, 2), (68, 2)):
        raise ValueError(f"points must be [{count}, 5 or 68, 2], got {tuple(points.shape)}")
    terms = _Terms(renderer, points.shape[1])
    result = np.array(start, np.float32)
    # Not a batch: the 257 directions of one face are one, and fill the machine.
    for number, (photograph, marks) in enumerate(zip(photographs, points, strict=True)):
        if photograph.dtype == np.uint8:
            photograph = photograph.astype(np.float32) / 255.0
        code, damping = result[number].astype(np.float64), _FIRST_DAMPING
        for cell in method.cells():
            energy = _Energy(terms, photograph, marks, cell, method)
            code, damping = _step(energy, code, damping)
        result[number] = code
        on_face(number + 1)
    return result


def _step(energy: _Energy, code: Array, damping: float) -> tuple[Array, float]:
    """One step of Gauss and Newton with Levenberg's and Marquardt's damping.

    Args:
      energy: of one photograph.
      code: float64 [257].
      damping: part of the curvature's diagonal that is added to it.

    Returns:
      The next code and damping.
    """
    before, prior = energy.start(code)
    if not np.isfinite(before):
        return code, damping
    curvature, slope = energy.expand(code, prior)
    diagonal = np.diag(curvature)
    added = np.diag(np.maximum(diagonal, 1e-4 * diagonal.mean()))
    for _ in range(_TRIES):
        moved = code - energy.scale * np.linalg.solve(curvature + damping * added, slope)
        if energy(moved, prior) < before:
            return moved, max(0.25 * damping, _LEAST_DAMPING)
        damping *= 8.0
    return code, _FIRST_DAMPING


class _Energy:
    """The energy of codes for one photograph."""

    def __init__(
        self, terms: _Terms, photograph: Array, points: Array, cell: int, method: GaussNewton
    ) -> None:
        photograph, points = tf.constant(photograph, tf.float32), tf.constant(points, tf.float32)
        self._terms = terms
        self._given = photograph, points, tf.constant(cell, tf.int64)
        self._independent = method.independent_pixels
        self.scale = output_scale("spread").astype(np.float64)
        self._precision = _precision(self.scale, method.light_colour)

    def start(self, code: Array) -> tuple[float, float]:
        """The energy of a code, and the weight of the prior that it asks for.

        With n observations whose errors have the unknown size b, -log p is about
        n distance / b + u' precision u / 2; b is taken from where the code stands.
        """
        distance, _ = self._distances(code)
        prior = 0.5 * distance / self._independent
        return self(code, prior), prior

    def __call__(self, code: Array, prior: float) -> float:
        distance, apart = self._distances(code)
        unusual = code / self.scale
        return distance + LANDMARK * apart + prior * float(unusual @ self._precision @ unusual)

    def expand(self, code: Array, prior: float) -> tuple[Array, Array]:
        """Curvature [257, 257] and slope [257], float64, each number in units of its scale."""
        curvature, slope = self._terms.expand(tf.constant(code, tf.float32), *self._given)
        return (
            curvature.numpy() + 2.0 * prior * self._precision,
            slope.numpy() + 2.0 * prior * self._precision @ (code / self.scale),
        )

    def _distances(self, code: Array) -> tuple[float, float]:
        distance, apart = self._terms.distances(tf.constant(code, tf.float32), *self._given)
        return float(distance), float(apart)


def _precision(scale: Array, light_colour: float) -> Array:
    """What the prior takes for granted: float64 [257, 257], codes in units of `scale`.

    Every number has about its usual spread, and the three colours of a light go together.
    """
    grey = np.eye(3) - 1.0 / 3.0
    result = np.eye(codes.SIZE)
    light = codes.SLICES["light"]
    result[light, light] += np.kron(np.eye(9), grey) * np.square(scale[light.start] / light_colour)
    return result


class _Terms:
    """The terms of the data.

    Args:
      renderer: the decoder.
      marks: the number of landmarks, 5 or 68.
    """

    def __init__(self, renderer: FaceRenderer, marks: int) -> None:
        region = face_region(renderer)
        self._renderer, kept = renderer.around(region > 0.0)
        self._region = tf.constant(region[kept])[None, :, None]
        self._marks = marks
        self._in_224 = 224.0 / renderer.camera.image_size[0]
        self._scale = tf.constant(output_scale("spread"))
        signature = [
            tf.TensorSpec([codes.SIZE], tf.float32),
            tf.TensorSpec([*renderer.camera.image_size, 3], tf.float32),
            tf.TensorSpec([marks, 2], tf.float32),
            tf.TensorSpec([], tf.int64),
        ]
        self.distances = tf.function(self._distances, signature, autograph=False)
        self.expand = tf.function(self._expand, signature, autograph=False)

    def _distances(
        self, code: tf.Tensor, photograph: tf.Tensor, points: tf.Tensor, cell: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Mean distance of colours, infinite where no face is seen, and of landmarks, squared."""
        picture = self._draw(code)
        pixels = tf.where(picture.shown)
        difference = tf.gather_nd(picture.image - photograph, pixels)
        means, numbers = _cell_means(difference, pixels, cell)
        total = tf.reduce_sum(numbers)
        colour = tf.reduce_sum(numbers * _length(means)) / total
        apart, known = self._apart(picture.marks, points)
        return (
            tf.where(total > 0.0, colour, np.inf),
            tf.math.divide_no_nan(tf.reduce_sum(tf.square(apart)), known),
        )

    def _expand(
        self, code: tf.Tensor, photograph: tf.Tensor, points: tf.Tensor, cell: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Curvature [257, 257] and slope [257] of both terms, numbers in units of their scale."""
        picture = self._draw(code)
        colours, places, marks = self._directions(code)
        pixels = _inside(picture.shown)
        # What a direction does to the point that a pixel shows: [P, 3 colours and 2 places, 257].
        moves = tf.transpose(tf.concat((colours, places), axis=-1), [1, 2, 0])
        corners = tf.gather(self._renderer.triangles, tf.gather_nd(picture.triangle, pixels))
        weights = tf.gather_nd(picture.barycentric, pixels)
        moved = tf.add_n(
            [weights[:, i, None, None] * tf.gather(moves, corners[:, i]) for i in range(3)]
        )
        image = tf.gather_nd(picture.image, pixels)
        below_white = tf.cast((image > 0.0) & (image < 1.0), tf.float32)[..., None]
        # The mean of both pictures' slopes makes the step exact to second order (Malis 2004).
        slopes = tf.gather_nd(0.5 * (_slopes(photograph) + _slopes(picture.image)), pixels)
        jacobian = below_white * moved[:, :3] - tf.einsum("pcx,pxd->pcd", slopes, moved[:, 3:])
        difference = image - tf.gather_nd(photograph, pixels)
        jacobian, _ = _cell_means(jacobian, pixels, cell)
        difference, numbers = _cell_means(difference, pixels, cell)
        # |r| has the slope of w r^2 / 2 with w = 1 / |r|.
        weight = numbers / tf.maximum(_length(difference), _SHARPEST)
        curvature, slope = _normal_equations(
            jacobian, difference, tf.math.divide_no_nan(weight, tf.reduce_sum(numbers))
        )
        apart, known = self._apart(picture.marks, points)
        said = tf.cast(tf.math.is_finite(points[:, 0]), tf.float32)
        more_curvature, more_slope = _normal_equations(
            self._in_224 * tf.transpose(marks, [1, 2, 0]),
            apart,
            tf.math.divide_no_nan(2.0 * LANDMARK * said, known),
        )
        return curvature + more_curvature, slope + more_slope

    def _draw(self, code: tf.Tensor) -> _Picture:
        face = self._renderer.face(code[None])
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
            marks=self._landmarks(face)[0],
        )

    def _directions(self, code: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """What each number moves: colours [257, V, 3], places [257, V, 2], marks [257, M, 2]."""
        many = tf.tile(code[None], [codes.SIZE, 1])
        with tf.autodiff.ForwardAccumulator(many, tf.linalg.diag(self._scale)) as forward:
            face = self._renderer.face(many)
            places, marks = self._renderer.project(face.vertices), self._landmarks(face)
        return forward.jvp(face.colours), forward.jvp(places), forward.jvp(marks)

    def _landmarks(self, face: Face) -> tf.Tensor:
        found = self._renderer.landmarks(face)
        return landmarks.five(found) if self._marks == 5 else found

    def _apart(self, marks: tf.Tensor, points: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Differences of landmarks [M, 2], pixels of 224, 0 where unknown; number of known ones."""
        known = tf.math.is_finite(points)
        apart = tf.where(known, marks - tf.where(known, points, 0.0), 0.0)
        return self._in_224 * apart, tf.reduce_sum(tf.cast(known[:, 0], tf.float32))


@dataclasses.dataclass(frozen=True)
class _Picture:
    """What a code draws.

    Attributes:
      image: float32 [H, W, 3] in [0, 1].
      shown: bool [H, W], where the face proper is seen.
      triangle: int32 [H, W].
      barycentric: float32 [H, W, 3].
      marks: float32 [M, 2], landmarks in pixels.
    """

    image: tf.Tensor
    shown: tf.Tensor
    triangle: tf.Tensor
    barycentric: tf.Tensor
    marks: tf.Tensor


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


def _length(vectors: tf.Tensor) -> tf.Tensor:
    """The length of [P, 3]."""
    return tf.sqrt(tf.reduce_sum(tf.square(vectors), axis=-1))
