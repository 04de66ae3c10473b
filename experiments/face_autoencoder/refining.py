"""Codes refined with a bar that shows how far it is."""

from __future__ import annotations

import tqdm

from mofa.arrays import Array
from mofa.face_renderer import FaceRenderer
from mofa.refinement import GaussNewton, refine


def refined(
    renderer: FaceRenderer, photographs: Array, points: Array, start: Array, steps: int
) -> Array:
    """See `mofa.refinement.refine`; codes float32 [N, 257] after so many steps."""
    with tqdm.tqdm(total=len(start), desc="refining", unit="face", disable=None) as bar:
        return refine(
            renderer,
            photographs,
            points,
            start,
            GaussNewton(steps),
            lambda _: bar.update() and None,
        )
