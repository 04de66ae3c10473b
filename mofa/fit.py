"""Refined codes as a function of the photograph, with its derivative.

A code that `refine` gives is where an energy is least, so that nothing needs to be traced through
its steps: the implicit function theorem says how it moves with each pixel.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mofa.arrays import Array
from mofa.face_renderer import FaceRenderer
from mofa.picture_energy import PictureEnergy
from mofa.refinement import FIRST_DAMPING, GaussNewton, PhotographEnergy, gauss_newton_step, refine

_MARKS = 5


class Fit:
    """From photographs float32 [N, 224, 224, 3] in [0, 1] to codes float32 [N, 257].

    An encoder's codes are refined on the pixels alone, without landmarks.

    Args:
      renderer: the decoder, of pictures of that size.
      encode: from photographs to the codes to start from.
      method: how they are refined.
    """

    def __init__(
        self,
        renderer: FaceRenderer,
        encode: Callable[[Array], Array],
        method: GaussNewton | None = None,
    ) -> None:
        self._renderer, self._encode = renderer, encode
        self._method = method or GaussNewton()
        self._picture = PictureEnergy(renderer, _MARKS)

    def __call__(self, photographs: Array) -> Array:
        """Codes of least energy."""
        points = np.full([len(photographs), _MARKS, 2], np.nan, np.float32)
        start = self._encode(photographs)
        return refine(
            self._renderer, photographs, points, start, self._method, picture=self._picture
        )

    def follow(self, photograph: Array, code: Array) -> Array:
        """The code of a photograph [224, 224, 3] from that of another one close by, in one step."""
        return gauss_newton_step(self._energy(photograph), code, FIRST_DAMPING)[0]

    def pull_back(self, photograph: Array, code: Array, direction: Array) -> Array:
        """The gradient of `direction . code` with respect to the photograph.

        Args:
          photograph: float32 [224, 224, 3].
          code: its own, [257].
          direction: float [257].

        Returns:
          float32 [224, 224, 3]; zero where no face is seen.
        """
        energy = self._energy(photograph)
        _, prior = energy.start(code)
        if not (np.isfinite(prior) and prior > 0.0):
            return np.zeros_like(photograph)
        return energy.pull_back(code, prior, direction)

    def _energy(self, photograph: Array) -> PhotographEnergy:
        unknown = np.full([_MARKS, 2], np.nan, np.float32)
        return PhotographEnergy(self._picture, photograph, unknown, 1, self._method)
