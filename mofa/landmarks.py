"""The 68 landmarks of iBUG 300-W, in their usual order; left and right are the person's."""

from __future__ import annotations

import tensorflow as tf


def _numbered(part: str, count: int) -> tuple[str, ...]:
    return tuple(f"{part}.{number}" for number in range(1, count + 1))


NAMES: tuple[str, ...] = (
    *_numbered("jaw", 17),  # from the person's right ear over the chin to the left ear
    *_numbered("right_brow", 5),  # from the outside inwards
    *_numbered("left_brow", 5),  # from the inside outwards
    *_numbered("nose_bridge", 4),  # from the root down to the tip
    *_numbered("nose_base", 5),  # from the person's right nostril to the left one
    *_numbered("right_eye", 6),  # outer corner, two above, inner corner, two below
    *_numbered("left_eye", 6),  # inner corner, two above, outer corner, two below
    *_numbered("outer_lip", 12),  # right corner, upper lip, left corner, lower lip
    *_numbered("inner_lip", 8),  # the same
)

MIRROR: tuple[int, ...] = (
    *range(16, -1, -1),
    *range(26, 16, -1),
    *range(27, 31),
    *range(35, 30, -1),
    *(45, 44, 43, 42, 47, 46),
    *(39, 38, 37, 36, 41, 40),
    *(54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55),
    *(64, 63, 62, 61, 60, 67, 66, 65),
)
"""Where each landmark goes when the face is mirrored."""

# The first eye is the one on the left of the picture, the person's right one.
_EYES = (slice(36, 42), slice(42, 48))
_NOSE_TIP, _MOUTH_CORNERS = 30, (48, 54)


def five(points: tf.Tensor) -> tf.Tensor:
    """The five landmarks that face detectors find, and CelebA's file holds.

    Args:
      points: float32 [..., 68, D].

    Returns:
      float32 [..., 5, D]: the middle of the left eye (left in the picture), of the right eye, the
      tip of the nose, the left and the right corner of the mouth.
    """
    points = tf.convert_to_tensor(points)
    eyes = [tf.reduce_mean(points[..., part, :], axis=-2) for part in _EYES]
    rest = [points[..., index, :] for index in (_NOSE_TIP, *_MOUTH_CORNERS)]
    return tf.stack([*eyes, *rest], axis=-2)
