"""Rendered faces that are drawn once and lit anew each time they are seen.

Drawing a face costs several times what an encoder needs to read it. What is kept here of each face
is its albedo and its normals as pictures; light and background are then put on in a moment, so that
an encoder in training sees every face under ever new light, with the code that belongs to it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf
import tqdm

from mofa import code as codes
from mofa import rendered_faces
from mofa.arrays import Array
from mofa.face_renderer import FaceRenderer, default_light
from mofa.rendering import spherical_harmonics, triangle_rasterizer
from weights.atomic import atomic_path

CHANNELS = 7
"""Of a stored picture: albedo (3), normal (3), mask."""

_BATCH = 32


class RelitFaces:
    """A data set of M faces, one picture of each person.

    Attributes:
      codes: float32 [M, 257]; their light is only one of many.
      pictures: uint8 [M, H, W, 7], see `CHANNELS`; normals as 127.5 (n + 1).
    """

    def __init__(
        self,
        renderer: FaceRenderer,
        settings: rendered_faces.Settings,
        cache: str | os.PathLike[str],
        progress: bool = True,
    ) -> None:
        """Draw the faces, or take them from an earlier run.

        Args:
          renderer: its camera gives the pictures' size.
          settings: what to draw; one picture of each person.
          cache: folder for the pictures.
          progress: show a progress bar.
        """
        self._settings = settings
        self._image_size = renderer.camera.image_size
        self._default_light = default_light()
        self.codes = rendered_faces.draw_codes(renderer, settings)
        self.pictures = self._stored(renderer, Path(cache), progress)

    def __repr__(self) -> str:
        """How many, not the pixels."""
        return f"<{len(self)} faces under ever new light, {list(self._image_size)}>"

    def __len__(self) -> int:
        return len(self.codes)

    def batches(
        self, batch_size: int, seed: int, first: int = 0
    ) -> Iterator[tuple[tf.Tensor, ...]]:
        """Batches without end: (images float32 [B, H, W, 3] in [0, 1], codes float32 [B, 257]).

        Args:
          batch_size: B.
          seed: decides order, lights and backgrounds.
          first: the number of the first batch; a batch depends on its number and the seed alone.
        """
        number = first
        while True:
            rng = np.random.default_rng([seed, number])
            rows = np.sort(rng.choice(len(self), batch_size, replace=False))
            lights = rendered_faces.draw_lights(batch_size, rng)
            code = self.codes[rows].copy()
            code[:, codes.SLICES["light"]] = lights
            numbers = rng.integers(0, 1 << 30, len(rows), dtype=np.int32)
            yield (
                self._lit(
                    tf.constant(self.pictures[rows]),
                    tf.constant(lights.reshape(-1, 9, 3) + self._default_light),
                    tf.constant(numbers),
                ),
                tf.constant(code),
            )
            number += 1

    @tf.function(autograph=False, reduce_retracing=True)
    def _lit(self, pictures: tf.Tensor, light: tf.Tensor, numbers: tf.Tensor) -> tf.Tensor:
        background = rendered_faces.backgrounds(numbers, self._image_size, self._settings.seed)
        return relight(pictures, light, background)

    def _stored(self, renderer: FaceRenderer, folder: Path, progress: bool) -> Array:
        model = renderer.model
        digest = hashlib.sha256(repr((self._settings, renderer.camera)).encode())
        digest.update(model.digest().encode())
        digest.update(np.ascontiguousarray(self.codes).tobytes())
        path = folder / f"relit-{digest.hexdigest()[:16]}.npy"
        if not path.exists():
            draw = tf.function(
                lambda code: draw_unlit(renderer, code),
                autograph=False,
                input_signature=[tf.TensorSpec([None, codes.SIZE], tf.float32)],
            )
            with atomic_path(path) as temporary:
                target = np.lib.format.open_memmap(
                    temporary, "w+", np.uint8, (len(self), *self._image_size, CHANNELS)
                )
                bar = tqdm.tqdm(
                    total=len(self), desc="rendering", unit="face", disable=not progress
                )
                for start in range(0, len(self), _BATCH):
                    part = slice(start, start + _BATCH)
                    target[part] = draw(self.codes[part]).numpy()
                    bar.update(len(self.codes[part]))
                bar.close()
                target.flush()
                del target
        return np.load(path, mmap_mode="r")


def draw_unlit(renderer: FaceRenderer, code: tf.Tensor) -> tf.Tensor:
    """Albedo, normals and mask of faces as pictures.

    Args:
      renderer: the renderer.
      code: float32 [N, 257].

    Returns:
      uint8 [N, H, W, 7].
    """
    face = renderer.face(code)
    drawn = triangle_rasterizer.rasterize(
        face.vertices,
        renderer.triangles,
        {"albedo": face.albedo, "normals": face.normals},
        tf.tile(renderer.camera.projection()[None], [tf.shape(code)[0], 1, 1]),
        renderer.camera.image_size,
    )
    levels = tf.concat(
        (
            255.0 * tf.clip_by_value(drawn["albedo"], 0.0, 1.0),
            127.5 * (drawn["normals"] + 1.0),
            255.0 * drawn["mask"],
        ),
        axis=-1,
    )
    return tf.cast(tf.round(levels), tf.uint8)


def relight(pictures: tf.Tensor, light: tf.Tensor, background: tf.Tensor) -> tf.Tensor:
    """Put light and background on stored pictures.

    Args:
      pictures: uint8 [N, H, W, 7].
      light: float32 [N, 9, 3], spherical-harmonics coefficients, the default light included.
      background: float32 [N, H, W, 3].

    Returns:
      float32 [N, H, W, 3] in [0, 1].
    """
    values = tf.cast(pictures, tf.float32)
    albedo, normal, mask = tf.split(values, [3, 3, 1], axis=-1)
    shape = tf.shape(pictures)
    flat = tf.reshape(normal / 127.5 - 1.0, [shape[0], -1, 3])
    shade = tf.reshape(
        spherical_harmonics.shade(tf.math.l2_normalize(flat, axis=-1, epsilon=1e-6), light),
        tf.shape(albedo),
    )
    mask = mask / 255.0
    return tf.clip_by_value(mask * albedo / 255.0 * shade + (1.0 - mask) * background, 0.0, 1.0)
