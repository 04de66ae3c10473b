"""The code of MoFA: 257 numbers that describe a picture of a face.

In the order of Teng 2021, Section 3.1: shape (alpha, 80), expression (delta, 64), albedo (beta,
80), rotation (T, 3), translation (t, 3) and light (gamma, 27).
"""

from __future__ import annotations

import dataclasses

import tensorflow as tf

SIZES: dict[str, int] = {
    "shape": 80,
    "expression": 64,
    "albedo": 80,
    "rotation": 3,
    "translation": 3,
    "light": 27,
}
"""Length of each part, in order."""

SIZE = sum(SIZES.values())
"""257."""


def _slices() -> dict[str, slice]:
    result, start = {}, 0
    for name, size in SIZES.items():
        result[name] = slice(start, start + size)
        start += size
    return result


SLICES: dict[str, slice] = _slices()
"""Where each part lies in a code."""


@dataclasses.dataclass(frozen=True)
class Code:
    """A batch of codes by name.

    Attributes:
      shape: float32 [N, 80], identity, in standard deviations of the morphable model.
      expression: float32 [N, 64], in standard deviations.
      albedo: float32 [N, 80], in standard deviations.
      rotation: float32 [N, 3], Euler angles about x, y and z in radians; 0 faces the camera, a
        positive x nods down, a positive y turns the face to the right of the picture, a positive z
        tilts it counter-clockwise.
      translation: float32 [N, 3], mm; x to the right of the picture, y up, z towards the camera.
      light: float32 [N, 27], what is added to the default light, spherical-harmonics coefficients
        with the three colours of a harmonic side by side ([9, 3] row by row).
    """

    shape: tf.Tensor
    expression: tf.Tensor
    albedo: tf.Tensor
    rotation: tf.Tensor
    translation: tf.Tensor
    light: tf.Tensor


def split(code: tf.Tensor) -> Code:
    """Name the parts of codes.

    Args:
      code: float32 [N, 257].

    Returns:
      The parts.

    Raises:
      ValueError: the shape is another.
    """
    code = tf.convert_to_tensor(code, tf.float32)
    if code.shape.rank != 2 or code.shape[-1] not in (None, SIZE):
        raise ValueError(f"code must have shape [N, {SIZE}], got {tuple(code.shape)}")
    parts = tf.split(code, list(SIZES.values()), axis=-1)
    return Code(**dict(zip(SIZES, parts, strict=True)))


def join(code: Code) -> tf.Tensor:
    """The inverse of `split`.

    Args:
      code: the parts, each [N, its size].

    Returns:
      float32 [N, 257].

    Raises:
      ValueError: a part has another length.
    """
    parts = []
    for name, size in SIZES.items():
        part = tf.convert_to_tensor(getattr(code, name), tf.float32)
        if part.shape.rank != 2 or part.shape[-1] != size:
            raise ValueError(f"{name} must have shape [N, {size}], got {tuple(part.shape)}")
        parts.append(part)
    return tf.concat(parts, axis=-1)


def zeros(count: int) -> Code:
    """Codes of the mean face, seen from the front in the default light.

    Args:
      count: N.

    Returns:
      The parts, all zero.
    """
    return Code(**{name: tf.zeros([count, size]) for name, size in SIZES.items()})
