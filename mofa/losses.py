"""What MoFA minimises (Tewari et al. 2017, Section 5), and what it learns from rendered faces."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from mofa import code as codes
from mofa.arrays import Array
from mofa.face_region import face_region, shown_area
from mofa.face_renderer import Face, FaceRenderer
from mofa.rendering import sample, triangle_rasterizer
from weights.errors import InputError

PHOTOMETRIC = ("vertex", "area", "raster")

PhotographTerm = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
"""From codes [N, 257] and photographs [N, H, W, 3] to a loss of each, [N]."""


@dataclasses.dataclass(frozen=True)
class Weights:
    """Weights of the terms. The defaults are MoFA's own (Tewari et al. 2017, Section 7).

    Attributes:
      photometric: of the mean distance of colours in [0, 1].
      landmark: of the mean squared distance of landmarks, pixels of a 224-pixel image; the value
        is Deep3DFaceReconstruction's (Deng et al. 2019), MoFA's own landmarks being others.
      regulariser: of the three below together.
      shape, expression, albedo: of the squared coefficients of each, summed.
      light: of the squared difference of the light's colours, which are mostly equal; MoFA has
        none.
      identity: of one minus the cosine between what a face network makes of photograph and overlay
        (`mofa.identity_term`); MoFA has none, Deep3DFaceReconstruction 0.2.
      relation: of how far the likeness of codes is from what a face network finds
        (`mofa.relational_term`); MoFA has none.
    """

    photometric: float = 1.92
    landmark: float = 1.6e-3
    regulariser: float = 2.9e-5
    shape: float = 1.0
    expression: float = 0.8
    albedo: float = 1.7e-3
    light: float = 0.0
    identity: float = 0.0
    relation: float = 0.0

    def __post_init__(self) -> None:
        for name, value in dataclasses.asdict(self).items():
            if not 0.0 <= value < float("inf"):
                raise InputError(f"`{name}` must be a weight of 0 or more; got {value}")


class AutoencoderLoss:
    """The terms for photographs, whose codes nobody knows.

    Args:
      renderer: the decoder; its camera's size is that of the photographs.
      weights: of the terms.
      photometric: `vertex` compares each visible vertex of the face with the colour of the
        photograph where it lies, as MoFA does; `area` weighs each by the area that it shows to
        the camera, so that what eyelids and lips cover does not count and the many small triangles
        around the eyes no more than their size; `raster` compares the rendered pixels, whose
        gradient knows nothing of pixels that come and go with the geometry.
      identity: the distance [N] between the people that codes [N, 257] and photographs
        [N, H, W, 3] show, see `mofa.identity_term.IdentityTerm`; None without that term.
      relation: the same for the likeness within the batch, see
        `mofa.relational_term.RelationalTerm`.

    Raises:
      InputError: `photometric` is none of these, or a weight of identity or relation has no term to
        weigh.
    """

    def __init__(
        self,
        renderer: FaceRenderer,
        weights: Weights | None = None,
        photometric: str = "vertex",
        identity: PhotographTerm | None = None,
        relation: PhotographTerm | None = None,
    ) -> None:
        if photometric not in PHOTOMETRIC:
            raise InputError(
                f"`photometric` must be {', '.join(PHOTOMETRIC[:-1])} or {PHOTOMETRIC[-1]}; got "
                f"{photometric!r}"
            )
        self._weights = weights or Weights()
        given = {"identity": identity, "relation": relation}
        self._by_network = {name: term for name, term in given.items() if term is not None}
        for name in given:
            if getattr(self._weights, name) and name not in self._by_network:
                raise InputError(f"the weight `{name}` needs a face network (`identity_target`).")
        self._photometric = {"vertex": _per_vertex, "area": _per_area, "raster": _per_pixel}[
            photometric
        ]
        region = face_region(renderer)
        if photometric == "area":
            region = region * shown_area(renderer)
        if photometric != "raster":  # what lies outside hides nothing there
            renderer, kept = renderer.around(region > 0.0)
            region = region[kept]
        self._renderer, self._region = renderer, tf.constant(region)

    def __call__(
        self, code: tf.Tensor, photographs: tf.Tensor, points: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Weighted terms, each averaged over the batch.

        Args:
          code: float32 [N, 257].
          photographs: float32 [N, H, W, 3] in [0, 1].
          points: float32 [N, 5 or 68, 2], landmarks in pixels of the photographs; NaN where one is
            not known.

        Returns:
          `photometric`, `landmark`, `shape`, `expression`, `albedo`, `light`, and `identity` and
          `relation` where there is such a term; scalars.
        """
        face = self._renderer.face(code)
        parts, weights = codes.split(code), self._weights
        colours = tf.reshape(parts.light, [-1, 9, 3])
        grey = tf.reduce_mean(colours, axis=-1, keepdims=True)
        terms = {
            "photometric": weights.photometric
            * tf.reduce_mean(self._photometric(self._renderer, face, self._region, photographs)),
            "landmark": weights.landmark
            * tf.reduce_mean(squared_landmark_distance(self._renderer, face, points)),
            "light": weights.light
            * tf.reduce_mean(tf.reduce_sum(tf.square(colours - grey), axis=[1, 2])),
        }
        for name in ("shape", "expression", "albedo"):
            squared = tf.reduce_sum(tf.square(getattr(parts, name)), axis=-1)
            terms[name] = weights.regulariser * getattr(weights, name) * tf.reduce_mean(squared)
        for name, term in self._by_network.items():
            terms[name] = getattr(weights, name) * tf.reduce_mean(term(code, photographs))
        return terms


def squared_landmark_distance(renderer: FaceRenderer, face: Face, points: tf.Tensor) -> tf.Tensor:
    """Mean squared distance of landmarks: float32 [N], in pixels of a 224-pixel image.

    Args:
      renderer: the renderer.
      face: N faces.
      points: float32 [N, 5 or 68, 2]; NaN where one is not known.

    Returns:
      float32 [N].

    Raises:
      ValueError: another number of points.
    """
    difference, number = landmark_differences(renderer, face, points)
    squared = tf.reduce_sum(tf.square(difference), axis=[1, 2])
    return tf.math.divide_no_nan(squared, number)


def landmark_differences(
    renderer: FaceRenderer, face: Face, points: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """How far landmarks are from where they should be, in pixels of a 224-pixel image.

    Args:
      renderer: the renderer.
      face: N faces.
      points: float32 [N, 5 or 68, 2]; NaN where one is not known.

    Returns:
      Differences float32 [N, 5 or 68, 2], 0 where one is not known or the face model does not have
      it, and how many are [N].

    Raises:
      ValueError: another number of points.
    """
    if points.shape[1] not in (5, 68):
        raise ValueError(f"points must be [N, 5 or 68, 2], got {tuple(points.shape)}")
    found = renderer.five_landmarks(face) if points.shape[1] == 5 else renderer.landmarks(face)
    known = tf.math.is_finite(points) & tf.math.is_finite(found)
    # The inner `where` keeps NaN out of the gradient.
    difference = tf.where(known, found - tf.where(known, points, 0.0), 0.0)
    scale = 224.0 / renderer.camera.image_size[0]
    return difference * scale, tf.reduce_sum(tf.cast(known[..., 0], tf.float32), axis=-1)


def _per_vertex(
    renderer: FaceRenderer, face: Face, region: tf.Tensor, photographs: tf.Tensor
) -> tf.Tensor:
    """Mean colour distance over the visible vertices: [N] (Tewari et al. 2017, Equation 10)."""
    visible = tf.cast(_facing(face) > 0.0, tf.float32)
    return _at_vertices(renderer, face, region * visible, photographs)


def _per_area(
    renderer: FaceRenderer, face: Face, region: tf.Tensor, photographs: tf.Tensor
) -> tf.Tensor:
    """The same with areas [V] in place of the region, each turned away from the camera: [N]."""
    return _at_vertices(renderer, face, region * tf.nn.relu(_facing(face)), photographs)


def _facing(face: Face) -> tf.Tensor:
    """Cosine between each vertex's normal and the direction to the camera: [N, V]."""
    toward = tf.math.l2_normalize(-face.vertices, axis=-1)
    return tf.reduce_sum(face.normals * toward, axis=-1)


def _at_vertices(
    renderer: FaceRenderer, face: Face, weight: tf.Tensor, photographs: tf.Tensor
) -> tf.Tensor:
    """Weighted mean over vertices of the distance to the photograph's colour where each lies."""
    colours, inside = sample.bilinear(photographs, renderer.project(face.vertices))
    weight = weight * tf.cast(inside, tf.float32)
    distance = _length(face.colours - colours)
    return tf.math.divide_no_nan(
        tf.reduce_sum(weight * distance, axis=-1), tf.reduce_sum(weight, axis=-1)
    )


def _per_pixel(
    renderer: FaceRenderer, face: Face, region: tf.Tensor, photographs: tf.Tensor
) -> tf.Tensor:
    """Mean colour distance over the rendered pixels: [N]."""
    image, weight = draw_region(renderer, face, region)
    distance = _length(image - photographs)
    return tf.math.divide_no_nan(
        tf.reduce_sum(weight * distance, axis=[1, 2]), tf.reduce_sum(weight, axis=[1, 2])
    )


def draw_region(
    renderer: FaceRenderer, face: Face, region: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Pictures of faces and which of their pixels show the region.

    Args:
      renderer: the renderer.
      face: N faces.
      region: float32 [V].

    Returns:
      Images float32 [N, H, W, 3] and float32 [N, H, W], 1 in the region, without gradient.
    """
    count = tf.shape(face.vertices)[0]
    drawn = triangle_rasterizer.rasterize(
        face.vertices,
        renderer.triangles,
        {
            "colours": face.colours,
            "region": tf.tile(region[None, :, None], [count, 1, 1]),
        },
        tf.tile(renderer.camera.projection()[None], [count, 1, 1]),
        renderer.camera.image_size,
    )
    shown = tf.cast(tf.stop_gradient(drawn["region"][..., 0]) > 0.5, tf.float32)
    return drawn["colours"], shown


def _length(vectors: tf.Tensor) -> tf.Tensor:
    """The length of [..., 3], with a finite gradient at zero."""
    return tf.sqrt(tf.reduce_sum(tf.square(vectors), axis=-1) + 1e-8)


# How much each part of the code counts, in squares of its own spread.
_PARTS = {
    "shape": 0.5,
    "expression": 0.5,
    "albedo": 0.5,
    "rotation": 2.0,
    "translation": 2.0,
    "light": 2.0,
}


_COLOURS = 10.0
"""The same for the mean distance of colours: a tenth of their range counts like one spread."""


class CodeLoss:
    """The terms for rendered faces, whose codes are known.

    Args:
      renderer: the decoder.
      spread: float32 [257], the standard deviation of each number.
      weight: of all terms.
    """

    def __init__(self, renderer: FaceRenderer, spread: Array, weight: float = 1.0) -> None:
        self._renderer, self._weight = renderer, weight
        self._spread = tf.constant(np.maximum(spread, 1e-3), tf.float32)
        area = face_region(renderer) * shown_area(renderer)
        self._shown, kept = renderer.around(area > 0.0)
        self._area = tf.constant(area[kept] / area.sum())

    def __call__(self, code: tf.Tensor, truth: tf.Tensor) -> dict[str, tf.Tensor]:
        """Weighted terms, each averaged over the batch.

        Args:
          code: float32 [N, 257].
          truth: float32 [N, 257].

        Returns:
          `code_*` for the six parts in units of spread, `code_vertices` for the vertices in
          pixels, `code_colours` for the lit colours of the face in [0, 1]; scalars.
        """
        difference = (code - truth) / self._spread
        # Between the square, which is kind to outliers' gradients, and the absolute value, which
        # keeps pulling when an error is small already.
        error = tf.sqrt(tf.square(difference) + 0.01) - 0.1
        terms = {
            f"code_{name}": self._weight * _PARTS[name] * tf.reduce_mean(error[:, part])
            for name, part in codes.SLICES.items()
        }
        found, true = (self._renderer.project(self._renderer.vertices(c)) for c in (code, truth))
        scale = 224.0 / self._renderer.camera.image_size[0]
        terms["code_vertices"] = self._weight * 0.2 * scale * tf.reduce_mean(_length(found - true))
        # Numbers that make up for each other, as light and skin do, still give the picture.
        lit, truly = self._shown.face(code).colours, self._shown.face(truth).colours
        other = tf.reduce_sum(self._area * _length(lit - truly), axis=-1)
        terms["code_colours"] = self._weight * _COLOURS * tf.reduce_mean(other)
        return terms
