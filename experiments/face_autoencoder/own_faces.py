"""The face in a photograph of one's own, cut out for MoFA."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mofa.arrays import Array
from mofa.face_renderer import FaceRenderer
from mofa.photographs import crop, crop_template
from resgn.faces.alignment import find_face


def read_face(path: Path, template: Array) -> tuple[Array, Array, float]:
    """Find, turn upright and cut out a face.

    Args:
      path: a photograph; EXIF orientation is applied, of several faces the large one near the
        middle is taken.
      template: of `mofa.photographs.crop_template`.

    Returns:
      The crop, float32 [224, 224, 3] in [0, 1], the five landmarks in it, and how many pixels of
      the photograph lie between the eyes.

    Raises:
      InputError: the file cannot be read, or no face was found.
    """
    photograph, points = find_face(path)
    image, placed = crop(photograph, points, template)
    apart = float(np.linalg.norm(points[0] - points[1]))
    return image.astype(np.float32) / np.float32(255.0), placed, apart


def own_face(path: str, renderer: FaceRenderer) -> Array:
    """The crop alone, see `read_face`."""
    return read_face(Path(path).expanduser(), crop_template(renderer))[0]
