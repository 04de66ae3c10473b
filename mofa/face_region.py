"""The part of a morphable model that a photograph of a face can be compared with.

Ears, neck, the back of the head and what lies inside a closed mouth are mostly hidden or covered by
hair; a loss over them would teach skin to look like hair.
"""

from __future__ import annotations

import logging

import numpy as np
import tensorflow as tf

from mofa import code as codes
from mofa import landmarks as landmark_names
from mofa.arrays import Array
from mofa.face_renderer import FaceRenderer
from mofa.rendering import sample, triangle_rasterizer
from weights.errors import InputError

_log = logging.getLogger(__name__)

_JAW, _BROWS = slice(0, 17), slice(17, 27)
_FOREHEAD = 0.25
"""How far above the brows the region goes, as a part of the distance from brows to chin."""
_DEPTH_TOLERANCE = 4.0
"""mm that a vertex may lie behind what the picture shows and still count as seen."""


def face_region(renderer: FaceRenderer) -> Array:
    """Which vertices belong to the face proper.

    Those of the mean face that are seen from the front inside the outline of the landmarks: the jaw
    from ear to ear and a line above the brows. Where some of these are missing, the outline is that
    of the open face model, brought to the landmarks that there are; without five landmarks all
    that is seen from the front counts.

    Args:
      renderer: the renderer.

    Returns:
      float32 [V], 1 inside, 0 outside.

    Raises:
      InputError: the landmarks outline nothing.
    """
    face = renderer.face(tf.zeros([1, codes.SIZE]))
    shown = seen(renderer, face.vertices)[0].numpy()
    if not renderer.model.has_five_landmarks():
        _log.warning("%s has no landmarks to outline its face by.", renderer.model.name)
        return np.asarray(shown, np.float32)
    points = renderer.project(face.vertices)
    marks = renderer.landmarks(face)[0].numpy()
    if not np.isfinite(marks[: _BROWS.stop]).all():
        marks = landmark_names.usual_places(marks)
    chin = marks[_JAW][8]
    brows = marks[_BROWS][::-1]
    raised = brows + _FOREHEAD * (brows.mean(axis=0) - chin)
    outline = np.concatenate((marks[_JAW], raised))
    inside = _inside_polygon(points[0].numpy(), outline)
    region = inside & shown
    if not region.any():
        raise InputError(
            f"{renderer.model.name}: no vertex of the mean face lies between the landmarks of its "
            "jaw and brows; check which vertices they name."
        )
    return region.astype(np.float32)


def shown_area(renderer: FaceRenderer, size: int = 896) -> Array:
    """How much of each vertex's surroundings the mean face shows to someone in front of it.

    Eyelids, eyeballs and lips lie within a millimetre of each other, too near for a depth to tell
    which is in front; what is counted here are triangles that cover a pixel of a large picture.

    Args:
      renderer: the renderer; its camera's size does not matter.
      size: side of that picture, pixels.

    Returns:
      float32 [V], a third of the area of the shown triangles around each vertex, mm^2.
    """
    large = renderer.sized((size, size))
    vertices = large.face(tf.zeros([1, codes.SIZE])).vertices
    drawn = triangle_rasterizer.rasterize(
        vertices, large.triangles, {}, large.camera.projection()[None], (size, size)
    )
    index, mask = drawn["triangle_indices"][..., 0], drawn["mask"][..., 0] > 0.5
    triangles = np.asarray(renderer.model.triangles)[np.unique(index.numpy()[mask.numpy()])]
    corners = vertices[0].numpy()[triangles]
    edges = corners[:, 1:] - corners[:, :1]
    area = 0.5 * np.linalg.norm(np.cross(edges[:, 0], edges[:, 1]), axis=-1)
    result = np.zeros(vertices.shape[1], np.float64)
    np.add.at(result, triangles, area[:, None] / 3.0)
    return result.astype(np.float32)


def seen(renderer: FaceRenderer, vertices: tf.Tensor) -> tf.Tensor:
    """Which vertices nothing hides from the camera; no gradient.

    Args:
      renderer: the renderer.
      vertices: float32 [N, V, 3] in camera space.

    Returns:
      bool [N, V].
    """
    vertices = tf.stop_gradient(vertices)
    depth = -vertices[..., 2:]
    drawn = triangle_rasterizer.rasterize(
        vertices,
        renderer.triangles,
        {"depth": depth},
        tf.tile(renderer.camera.projection()[None], [tf.shape(vertices)[0], 1, 1]),
        renderer.camera.image_size,
    )
    # Where nothing was drawn the depth is 0, which would hide everything.
    nearest = drawn["depth"] + (1.0 - drawn["mask"]) * renderer.camera.far
    shown, inside = sample.bilinear(nearest, renderer.project(vertices))
    return inside & (depth[..., 0] < shown[..., 0] + _DEPTH_TOLERANCE)


def _inside_polygon(points: Array, corners: Array) -> Array:
    """bool [P]: a ray from each point crosses the polygon's edges an odd number of times."""
    x, y = points[:, :1], points[:, 1:]
    x0, y0 = corners[:, 0], corners[:, 1]
    x1, y1 = np.roll(x0, -1), np.roll(y0, -1)
    crosses = (y0 > y) != (y1 > y)
    with np.errstate(divide="ignore", invalid="ignore"):
        at = x0 + (y - y0) * (x1 - x0) / (y1 - y0)
    return (np.sum(crosses & (x < at), axis=1) % 2).astype(bool)
