"""Rendered faces as a data set: people that do not exist, in as many pictures as wanted.

An identity is a draw of shape and albedo from the morphable model's prior; its pictures differ in
expression, pose, light and background. Everything follows from one seed, and the first identities
and pictures stay the same when more are asked for.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
from pathlib import Path

import numpy as np
import tensorflow as tf

from mofa import code as codes
from mofa.arrays import Array
from mofa.face_renderer import FaceRenderer, default_light
from mofa.rendering import spherical_harmonics
from weights.atomic import atomic_path
from weights.errors import InputError


@dataclasses.dataclass(frozen=True)
class Settings:
    """What the data set holds.

    Attributes:
      identities: number of people.
      images_per_identity: pictures of each.
      first_identity: how many people to leave out before them; disjoint ranges of one seed are
        disjoint people, for training, validation and test.
      seed: of everything.
      identity_scale: standard deviation of shape and albedo coefficients (cut at 2.5).
      expression_scale: 1 for the model's plausible expressions, 0 for neutral faces only.
      pitch, yaw, roll: standard deviations in radians (cut at 2.5).
      shift: standard deviation of the place in the picture, mm.
      depth: standard deviation of the distance, mm.
      light: 1 for the full variation of light, 0 for the default light.
      background: "noise" for smooth random colours, "black" for none.
    """

    identities: int = 200
    images_per_identity: int = 20
    first_identity: int = 0
    seed: int = 0
    identity_scale: float = 1.0
    expression_scale: float = 1.0
    pitch: float = 0.12
    yaw: float = 0.30
    roll: float = 0.06
    shift: float = 6.0
    depth: float = 50.0
    light: float = 1.0
    background: str = "noise"

    def __post_init__(self) -> None:
        if self.identities < 1 or self.images_per_identity < 1 or self.first_identity < 0:
            raise InputError(
                "a rendered data set needs at least one identity and one image of each, and a "
                f"first identity from 0; got {self.identities}, {self.images_per_identity}, "
                f"{self.first_identity}"
            )
        if self.background not in ("noise", "black"):
            raise InputError(f"`background` must be noise or black, got {self.background!r}")


# One stream of random numbers for each quantity, so that one never moves another.
_STREAMS = (
    *("shape", "albedo", "expression", "pick", "strength", "pose", "ambient", "lamp", "tint"),
    "direction",
)


class RenderedFaces:
    """The data set: M = identities * images_per_identity pictures, people in order.

    Attributes:
      renderer: what draws them.
      settings: what they are.
      codes: float32 [M, 257].
      labels: int32 [M], the person, counted from 0.
    """

    def __init__(self, renderer: FaceRenderer, settings: Settings | None = None) -> None:
        """Args: the renderer and the settings."""
        self.renderer = renderer
        self.settings = settings or Settings()
        self.codes = draw_codes(renderer, self.settings)
        self.labels = np.repeat(
            np.arange(self.settings.identities, dtype=np.int32), self.settings.images_per_identity
        )
        first = self.settings.first_identity * self.settings.images_per_identity
        self._numbers = np.arange(len(self.labels), dtype=np.int32) + first
        self._draw = tf.function(
            self._draw_batch,
            autograph=False,
            input_signature=[
                tf.TensorSpec([None, codes.SIZE], tf.float32),
                tf.TensorSpec([None], tf.int32),
            ],
        )

    def __repr__(self) -> str:
        """How many of whom, and by what model."""
        people = self.settings.identities
        return f"<{len(self)} pictures of {people} rendered people by {self.renderer}>"

    def __len__(self) -> int:
        return len(self.labels)

    def images(self, indices: Array | list[int] | None = None, batch: int = 8) -> Array:
        """Render some pictures.

        Args:
          indices: [K] which ones; all if None.
          batch: how many at a time.

        Returns:
          float32 [K, H, W, 3], RGB in [0, 1].
        """
        chosen = np.arange(len(self)) if indices is None else np.asarray(indices)
        parts = [
            self._draw(self.codes[part], self._numbers[part]).numpy()
            for part in (chosen[i : i + batch] for i in range(0, len(chosen), batch))
        ]
        height, width = self.renderer.camera.image_size
        return np.concatenate(parts) if parts else np.zeros((0, height, width, 3), np.float32)

    def dataset(
        self, batch_size: int, shuffle: bool = False, cache: str | os.PathLike[str] | None = None
    ) -> tf.data.Dataset:
        """Batches of (image [B, H, W, 3], label [B], code [B, 257]), once through.

        Args:
          batch_size: B; the last batch may be smaller.
          shuffle: in another order each time, following the seed.
          cache: a folder to keep the pictures in, 8 bits a channel; drawn as they are asked for if
            None.

        Returns:
          The data set.
        """
        rows = tf.data.Dataset.range(len(self))
        if shuffle:
            rows = rows.shuffle(len(self), seed=self.settings.seed)
        table = (tf.constant(self.codes), tf.constant(self.labels), tf.constant(self._numbers))
        stored = None if cache is None else self._stored(Path(cache))

        @tf.autograph.experimental.do_not_convert
        def load(index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            code, label, number = (tf.gather(column, index) for column in table)
            if stored is None:
                image = self._draw(code, number)
            else:
                image = tf.numpy_function(lambda i: stored[i], [index], tf.uint8, stateful=False)
                image = tf.cast(image, tf.float32) / 255.0
            image.set_shape([None, *self.renderer.camera.image_size, 3])
            return image, label, code

        return rows.batch(batch_size).map(load).prefetch(1)

    def _draw_batch(self, code: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
        picture = self.renderer.render(code)
        if self.settings.background == "black":
            return picture.over(0.0)
        return picture.over(
            backgrounds(number, self.renderer.camera.image_size, self.settings.seed)
        )

    def _stored(self, folder: Path) -> Array:
        """uint8 [M, H, W, 3] from a file named after all that decides the pictures."""
        model = self.renderer.model
        digest = hashlib.sha256(repr((self.settings, self.renderer.camera)).encode())
        digest.update(model.digest().encode())
        digest.update(np.ascontiguousarray(self.codes).tobytes())
        path = folder / f"rendered-{digest.hexdigest()[:16]}.npy"
        if not path.exists():
            with atomic_path(path) as temporary:
                height, width = self.renderer.camera.image_size
                target = np.lib.format.open_memmap(
                    temporary, "w+", np.uint8, (len(self), height, width, 3)
                )
                for start in range(0, len(self), 64):
                    part = np.arange(start, min(start + 64, len(self)))
                    target[part] = np.round(255.0 * self.images(part))
                target.flush()
                del target
        return np.load(path, mmap_mode="r")


def draw_codes(renderer: FaceRenderer, settings: Settings) -> Array:
    """The codes of a data set.

    Args:
      renderer: its model has the plausible expressions.
      settings: what to draw.

    Returns:
      float32 [M, 257].
    """
    people = settings.first_identity + settings.identities
    count = people * settings.images_per_identity
    streams = {
        name: np.random.default_rng([settings.seed, number]) for number, name in enumerate(_STREAMS)
    }

    def normal(name: str, rows: int, columns: int) -> Array:
        return np.clip(streams[name].standard_normal((rows, columns)), -2.5, 2.5)

    def uniform(name: str, low: float, high: float) -> Array:
        return low + (high - low) * streams[name].random((count, 1))

    repeat = settings.images_per_identity
    shape = np.repeat(normal("shape", people, 80), repeat, axis=0) * settings.identity_scale
    albedo = np.repeat(normal("albedo", people, 80), repeat, axis=0) * settings.identity_scale

    samples = renderer.model.expression_samples
    if samples is not None:
        pick = streams["pick"].integers(0, len(samples), count)
        expression = samples[pick] * uniform("strength", 0.0, 1.0)
    else:
        expression = 0.6 * normal("expression", count, 64)

    pose = normal("pose", count, 6) * [
        *(settings.pitch, settings.yaw, settings.roll),
        *(settings.shift, settings.shift, settings.depth),
    ]

    light = _lights(
        count,
        normal("direction", count, 3),
        uniform("lamp", 0.0, 0.9),
        uniform("ambient", 0.8, 1.05),
        normal("tint", count, 3),
    )
    code = np.concatenate(
        (
            shape,
            expression * settings.expression_scale,
            albedo,
            pose,
            light * settings.light,
        ),
        axis=1,
    )
    return code[settings.first_identity * repeat :].astype(np.float32)


def draw_lights(count: int, rng: np.random.Generator) -> Array:
    """Lights from the distribution of the data set: float32 [count, 27], as in a code."""

    def normal() -> Array:
        return np.clip(rng.standard_normal((count, 3)), -2.5, 2.5)

    direction, tint = normal(), normal()
    strength, ambient = rng.uniform(0.0, 0.9, (count, 1)), rng.uniform(0.8, 1.05, (count, 1))
    return _lights(count, direction, strength, ambient, tint).astype(np.float32)


def _lights(count: int, direction: Array, strength: Array, ambient: Array, tint: Array) -> Array:
    """Light from everywhere, and a lamp in front, above more often than below: [count, 27]."""
    toward = direction * [0.9, 0.6, 0.4] + [0.0, 0.25, 1.0]
    toward /= np.linalg.norm(toward, axis=1, keepdims=True)
    lamp = spherical_harmonics.directional_light(tf.constant(toward, tf.float32)).numpy()
    total = strength * lamp
    total[:, :1] += (ambient - 0.55 * strength) * spherical_harmonics.UNIT_AMBIENT
    colour = 1.0 + 0.03 * tint
    return (total[:, :, None] * colour[:, None, :] - default_light()).reshape(count, 27)


@tf.autograph.experimental.do_not_convert
def backgrounds(numbers: tf.Tensor, image_size: tuple[int, int], seed: int) -> tf.Tensor:
    """Smooth random colours, one picture for each number.

    Args:
      numbers: int32 [N], which pictures.
      image_size: (height, width).
      seed: the seed.

    Returns:
      float32 [N, H, W, 3] in [0, 1].
    """

    def one(number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        key = tf.stack((number, seed))
        coarse = tf.random.stateless_uniform([3, 3, 3], key)
        return coarse, tf.random.stateless_normal([16, 16, 1], key + tf.constant([0, 1]))

    coarse, fine = tf.map_fn(one, numbers, fn_output_signature=(tf.float32, tf.float32))
    smooth = tf.image.resize(coarse, image_size, "bicubic")
    return tf.clip_by_value(smooth + 0.06 * tf.image.resize(fine, image_size, "bicubic"), 0.0, 1.0)
