"""Codes refined until they draw the photograph, by damped Gauss-Newton steps on the pixels.

What is minimised is MoFA's energy (Tewari et al. 2017, Section 5): how far colours and landmarks
are from the photograph's (see `picture_energy`), and how unusual the code is. With
several threads two runs differ in the last digits; with `TF_NUM_INTRAOP_THREADS` and
`TF_NUM_INTEROP_THREADS` at 1 they do not.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from mofa import code as codes
from mofa.arrays import Array
from mofa.encoder import output_scale
from mofa.face_renderer import FaceRenderer
from mofa.picture_energy import LANDMARK, PictureEnergy

CELLS = (8, 4, 2, 1)
"""Sides in pixels of the squares over which differences of colours are averaged, one after the
other: the larger, the farther away a code may start."""

FIRST_DAMPING = 1e-3
"""Of the first step, see `gauss_newton_step`."""
_LEAST_DAMPING, _TRIES = 1e-6, 5


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

    @functools.cached_property
    def precision(self) -> Array:
        """What the prior takes for granted: float64 [257, 257], codes in units of `spread`.

        Every number has about its usual spread, and the three colours of a light go together.
        """
        grey, light = np.eye(3) - 1.0 / 3.0, codes.SLICES["light"]
        tighter = float(output_scale("spread")[light.start]) / self.light_colour
        result = np.eye(codes.SIZE)
        result[light, light] += np.kron(np.eye(9), grey) * tighter**2
        return result


def refine(
    renderer: FaceRenderer,
    photographs: Array,
    points: Array,
    start: Array,
    method: GaussNewton | None = None,
    on_face: Callable[[int], None] = lambda number: None,
    picture: PictureEnergy | None = None,
) -> Array:
    """Improve all numbers of codes for the photographs that they are to describe.

    Args:
      renderer: the decoder.
      photographs: [N, H, W, 3] of the camera's size, float32 in [0, 1] or uint8.
      points: float32 [N, 5 or 68, 2], landmarks in pixels; NaN where one is not known.
      start: float32 [N, 257], an encoder's codes.
      method: how.
      on_face: called with the number of faces that are done.
      picture: of this renderer and as many landmarks, if there is one that is compiled already.

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
    picture = picture or PictureEnergy(renderer, points.shape[1])
    result = np.array(start, np.float32)
    # Not a batch: the 257 directions of one face are one, and fill the machine.
    for number, (photograph, marks) in enumerate(zip(photographs, points, strict=True)):
        if photograph.dtype == np.uint8:
            photograph = photograph.astype(np.float32) / 255.0
        code, damping = result[number].astype(np.float64), FIRST_DAMPING
        for cell in method.cells():
            energy = PhotographEnergy(picture, photograph, marks, cell, method)
            code, damping = gauss_newton_step(energy, code, damping)
        result[number] = code
        on_face(number + 1)
    return result


def gauss_newton_step(energy: PhotographEnergy, code: Array, damping: float) -> tuple[Array, float]:
    """One step of Gauss and Newton with Levenberg's and Marquardt's damping.

    Args:
      energy: of one photograph.
      code: float64 [257].
      damping: part of the curvature's diagonal that is added to it.

    Returns:
      The next code and damping.
    """
    before, prior = energy.start(code)
    if not (np.isfinite(before) and prior > 0.0):  # no face is seen, or nothing is left over
        return code, damping
    curvature, slope = energy.expand(code, prior)
    diagonal = np.diag(curvature)
    added = np.diag(np.maximum(diagonal, 1e-4 * diagonal.mean()))
    for _ in range(_TRIES):
        moved = code - energy.scale * np.linalg.solve(curvature + damping * added, slope)
        if energy(moved, prior) < before:
            return moved, max(0.25 * damping, _LEAST_DAMPING)
        damping *= 8.0
    return code, FIRST_DAMPING


class PhotographEnergy:
    """The energy of codes for one photograph.

    Attributes:
      scale: float64 [257], units of the code for `expand`.

    Args:
      picture: compares codes with photographs.
      photograph: [H, W, 3] in [0, 1].
      points: [M, 2], landmarks in pixels; NaN where one is not known.
      cell: side in pixels of the squares over which differences are averaged.
      method: whose prior is used.
    """

    def __init__(
        self,
        picture: PictureEnergy,
        photograph: Array,
        points: Array,
        cell: int,
        method: GaussNewton,
    ) -> None:
        photograph, points = tf.constant(photograph, tf.float32), tf.constant(points, tf.float32)
        self._picture = picture
        self._given = photograph, points, tf.constant(cell, tf.int64)
        self._method = method
        self.scale = output_scale("spread").astype(np.float64)

    def start(self, code: Array) -> tuple[float, float]:
        """The energy of a code, and the weight of the prior that it asks for.

        With n observations whose errors have the unknown size b, -log p is about
        n distance / b + u' precision u / 2; b is taken from where the code stands.
        """
        distance, apart = self._distances(code)
        prior = 0.5 * distance / self._method.independent_pixels
        return self._total(code, distance, apart, prior), prior

    def __call__(self, code: Array, prior: float) -> float:
        """The energy of a code under a prior of this weight."""
        return self._total(code, *self._distances(code), prior)

    def expand(self, code: Array, prior: float) -> tuple[Array, Array]:
        """Curvature [257, 257] and slope [257], float64, each number in units of its scale."""
        curvature, slope = self._picture.expand(tf.constant(code, tf.float32), *self._given)
        tight = 2.0 * prior * self._method.precision
        return curvature.numpy() + tight, slope.numpy() + tight @ (code / self.scale)

    def pull_back(self, code: Array, prior: float, direction: Array) -> Array:
        """The gradient of `direction . code` for the photograph, see `PictureEnergy.pull_back`."""
        photograph, points, _ = self._given
        found: Array = self._picture.pull_back(
            tf.constant(code, tf.float32),
            photograph,
            points,
            tf.constant(2.0 * prior * self._method.precision, tf.float32),
            tf.constant(self.scale * direction, tf.float32),
        ).numpy()
        return found

    def _total(self, code: Array, distance: float, apart: float, prior: float) -> float:
        unusual = code / self.scale
        return (
            distance + LANDMARK * apart + prior * float(unusual @ self._method.precision @ unusual)
        )

    def _distances(self, code: Array) -> tuple[float, float]:
        distance, apart = self._picture.distances(tf.constant(code, tf.float32), *self._given)
        return float(distance), float(apart)
