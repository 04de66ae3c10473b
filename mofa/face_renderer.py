"""The decoder of MoFA: from a code of 257 numbers to a picture of a face.

Shape and albedo come from the morphable model, are turned and moved in front of a perspective
camera, lit by nine spherical harmonics for each colour and rasterised (Tewari et al. 2017,
Section 4; Teng 2021, Section 3.1). The gradient reaches all 257 numbers.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import tensorflow as tf

from mofa import code as codes
from mofa import landmarks as landmark_names
from mofa.arrays import Array
from mofa.morphable_model import MorphableModel
from mofa.rendering import normals, rotation, spherical_harmonics, triangle_rasterizer, visibility
from mofa.rendering.camera import perspective


@dataclasses.dataclass(frozen=True)
class Camera:
    """A perspective camera on the z axis that looks at the middle of the model.

    The default sees a whole head: the focal length of Deep3DFaceReconstruction (Deng et al. 2019),
    1015 pixels for 224, that is a field of view of 12.6 degrees, from 1.2 metres.

    Attributes:
      image_size: (height, width) in pixels.
      focal: focal length in units of the image's height.
      distance: from the camera to the middle of the model, mm.
      near, far: what lies nearer or farther is not drawn, mm.
    """

    image_size: tuple[int, int] = (224, 224)
    focal: float = 1015.0 / 224.0
    distance: float = 1200.0
    near: float = 50.0
    far: float = 10000.0

    def projection(self) -> tf.Tensor:
        """float32 [4, 4], from camera space to clip space."""
        height, width = self.image_size
        return perspective.right_handed(
            tf.constant([2.0 * math.atan(0.5 / self.focal)]),
            tf.constant([width / height]),
            tf.constant([self.near]),
            tf.constant([self.far]),
        )


def default_light() -> Array:
    """The light of a zero code: mostly from everywhere, some from the front and above.

    Returns:
      float32 [9, 3].
    """
    lamp = spherical_harmonics.directional_light(tf.constant([0.0, 0.42, 0.907])).numpy()
    light = 0.35 * lamp
    light[0] += 0.72 * spherical_harmonics.UNIT_AMBIENT
    return np.tile(light[:, None], (1, 3)).astype(np.float32)


@dataclasses.dataclass(frozen=True)
class Face:
    """The faces of a batch of codes as geometry.

    Attributes:
      vertices: float32 [N, V, 3] in camera space, mm; the camera looks along -z.
      normals: float32 [N, V, 3], unit length, in camera space.
      albedo: float32 [N, V, 3].
      colours: float32 [N, V, 3], albedo times light, not clipped.
    """

    vertices: tf.Tensor
    normals: tf.Tensor
    albedo: tf.Tensor
    colours: tf.Tensor

    def __repr__(self) -> str:
        """The shape, not the numbers."""
        return f"<faces {list(self.vertices.shape)}>"


@dataclasses.dataclass(frozen=True)
class Picture:
    """Rendered faces.

    Attributes:
      image: float32 [N, H, W, 3], RGB, 0 in the background; not clipped: a strong light goes
        beyond 1.
      mask: float32 [N, H, W, 1], 1 where the face is seen.
    """

    image: tf.Tensor
    mask: tf.Tensor

    def __repr__(self) -> str:
        """The shape, not the numbers."""
        return f"<pictures {list(self.image.shape)}>"

    def over(self, background: tf.Tensor) -> tf.Tensor:
        """The face in front of a background, clipped to [0, 1].

        Args:
          background: float32, [N, H, W, 3] or anything that broadcasts to it.

        Returns:
          float32 [N, H, W, 3].
        """
        return tf.clip_by_value(self.image + (1.0 - self.mask) * background, 0.0, 1.0)


class FaceRenderer(tf.Module):
    """Renders codes with one morphable model and one camera.

    Attributes:
      model: the morphable model.
      camera: the camera.
    """

    def __init__(
        self,
        model: MorphableModel,
        camera: Camera | None = None,
        max_candidates: int = visibility.MAX_CANDIDATES,
        middle: Array | None = None,
    ) -> None:
        """Args: the model, the camera, the rasteriser's limit of memory, and the point [3] of the
        model at which the camera looks, by default the middle of the mean shape's extent.
        """
        super().__init__(name="face_renderer")
        self.model = model
        self.camera = camera or Camera()
        self._max_candidates = max_candidates
        mean = model.mean_shape
        self._middle = 0.5 * (mean.min(axis=0) + mean.max(axis=0)) if middle is None else middle
        self._mean_shape = tf.constant((mean - self._middle).reshape(-1))
        self._mean_albedo = tf.constant(model.mean_albedo.reshape(-1))
        self._shape_basis = tf.constant(
            np.concatenate((model.identity.scaled(), model.expression.scaled()), axis=1).T.copy()
        )
        self._albedo_basis = tf.constant(model.albedo.scaled().T.copy())
        self._triangles = tf.constant(model.triangles)
        self._default_light = tf.constant(default_light())
        self._landmarks = model.landmark_vertices()

    def __repr__(self) -> str:
        """What it draws and how large."""
        height, width = self.camera.image_size
        return f"<renderer of {self.model.name}, {height}x{width}>"

    @property
    def triangles(self) -> tf.Tensor:
        """int32 [T, 3]."""
        return self._triangles

    def around(self, chosen: Array) -> tuple[FaceRenderer, Array]:
        """A renderer of some vertices alone, for losses that look at no others.

        Args:
          chosen: bool [V].

        Returns:
          The renderer, which puts and lights the chosen vertices just as this one does, and int
          [v]: which of the V vertices its v are. Its pictures show a part of the face.

        Raises:
          ValueError: see `MorphableModel.around`.
        """
        part, kept = self.model.around(chosen)
        return FaceRenderer(part, self.camera, self._max_candidates, self._middle), kept

    def sized(self, image_size: tuple[int, int]) -> FaceRenderer:
        """The same view of the same model with another number of pixels.

        Args:
          image_size: (height, width).

        Returns:
          The renderer.
        """
        camera = dataclasses.replace(self.camera, image_size=image_size)
        return FaceRenderer(self.model, camera, self._max_candidates, self._middle)

    def vertices(self, code: tf.Tensor) -> tf.Tensor:
        """Where the vertices of codes lie: the geometry of `face` alone.

        Args:
          code: float32 [N, 257].

        Returns:
          float32 [N, V, 3] in camera space, mm.

        Raises:
          ValueError: the shape is another.
        """
        parts = codes.split(code)
        moved = tf.matmul(tf.concat((parts.shape, parts.expression), -1), self._shape_basis)
        points = tf.reshape(moved + self._mean_shape, [-1, len(self.model.mean_shape), 3])
        turned = rotation.rotate(points, rotation.from_euler(parts.rotation))
        return turned + self.place(parts.translation)[:, None, :]

    def place(self, translation: tf.Tensor) -> tf.Tensor:
        """Where the middle of the model lies in camera space: float32 [N, 3], mm."""
        return translation + tf.constant([0.0, 0.0, -self.camera.distance])

    def light(self, light: tf.Tensor) -> tf.Tensor:
        """The light of a code's part [N, 27]: float32 [N, 9, 3]."""
        return tf.reshape(light, [-1, 9, 3]) + self._default_light

    @tf.autograph.experimental.do_not_convert
    def face(self, code: tf.Tensor) -> Face:
        """Geometry and colours of codes.

        Args:
          code: float32 [N, 257].

        Returns:
          The faces.

        Raises:
          ValueError: the shape is another.
        """
        parts = codes.split(code)
        count = len(self.model.mean_shape)
        vertices = self.vertices(code)
        albedo = tf.reshape(
            tf.matmul(parts.albedo, self._albedo_basis) + self._mean_albedo, [-1, count, 3]
        )
        normal = normals.vertex_normals(vertices, self._triangles)
        return Face(
            vertices=vertices,
            normals=normal,
            albedo=albedo,
            colours=albedo * spherical_harmonics.shade(normal, self.light(parts.light)),
        )

    @tf.autograph.experimental.do_not_convert
    def render(self, code: tf.Tensor) -> Picture:
        """Pictures of codes.

        Args:
          code: float32 [N, 257].

        Returns:
          The pictures.

        Raises:
          ValueError: the shape is another.
        """
        return self.draw(self.face(code))

    @tf.autograph.experimental.do_not_convert
    def draw(self, face: Face) -> Picture:
        """Pictures of faces that `face` has made.

        Args:
          face: the faces.

        Returns:
          The pictures.
        """
        count = tf.shape(face.vertices)[0]
        result = triangle_rasterizer.rasterize(
            face.vertices,
            self._triangles,
            {"colours": face.colours},
            tf.tile(self.camera.projection()[None], [count, 1, 1]),
            self.camera.image_size,
            max_candidates=self._max_candidates,
        )
        return Picture(image=result["colours"], mask=result["mask"])

    def project(self, points: tf.Tensor) -> tf.Tensor:
        """Where points of camera space lie in the image.

        Args:
          points: float32 [A1, ..., An, 3], mm, in front of the camera.

        Returns:
          float32 [A1, ..., An, 2], (x, y) in pixels; the centre of the top left pixel is (0, 0).
        """
        height, width = self.camera.image_size
        focal = tf.constant([1.0, 1.0]) * (self.camera.focal * height)
        centre = tf.constant([0.5 * width - 0.5, 0.5 * height - 0.5])
        points = tf.convert_to_tensor(points, tf.float32)
        return perspective.project(points * tf.constant([1.0, -1.0, -1.0]), focal, centre)

    def landmarks(self, face: Face) -> tf.Tensor:
        """Where the 68 landmarks lie in the image.

        Args:
          face: the faces.

        Returns:
          float32 [N, 68, 2], (x, y) in pixels; NaN for those that the model does not have.
        """
        there = self._landmarks >= 0
        places = self.project(tf.gather(face.vertices, np.maximum(self._landmarks, 0), axis=1))
        return places if there.all() else tf.where(there[:, None], places, np.nan)

    def landmark_moves(self, places: tf.Tensor) -> tf.Tensor:
        """What moves the places of vertices, [V, 2, D], does to the 68 landmarks: [D, 68, 2].

        NaN for those that the model does not have.
        """
        there = self._landmarks >= 0
        moved = tf.transpose(tf.gather(places, np.maximum(self._landmarks, 0)), [2, 0, 1])
        return moved if there.all() else tf.where(there[:, None], moved, np.nan)

    def five_landmarks(self, face: Face) -> tf.Tensor:
        """Where the five landmarks of `mofa.landmarks.five` lie in the image.

        Args:
          face: the faces.

        Returns:
          float32 [N, 5, 2], (x, y) in pixels; NaN for those that the model does not have.
        """
        return landmark_names.five(self.landmarks(face))
