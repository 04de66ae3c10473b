"""The 68 landmarks of iBUG 300-W, in their usual order; left and right are the person's."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from mofa.arrays import Array


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

LEAST: tuple[str, ...] = (
    *("right_eye.1", "right_eye.4", "left_eye.1", "left_eye.4"),  # the corners of the eyes
    *("nose_bridge.4", "outer_lip.1", "outer_lip.7"),  # tip of the nose, corners of the mouth
)
"""Without these there are no five landmarks, by which photographs are cut out and compared."""

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

# x and y of each landmark where the default camera sees the open face model's mean.
_PLACES = (
    *((56.1, 96.1), (55.6, 106.4), (57.4, 124.3), (60.8, 136.8), (62.6, 150.3), (70.4, 167.4)),
    *((85.0, 180.8), (100.8, 188.8), (111.5, 189.8), (122.2, 188.8), (138.0, 180.8)),
    *((152.6, 167.4), (160.4, 150.3), (162.2, 136.8), (165.6, 124.3), (167.4, 106.4)),
    *((166.9, 96.1), (67.5, 76.5), (75.9, 76.5), (82.9, 77.0), (93.9, 79.3), (100.2, 81.9)),
    *((122.8, 81.9), (129.1, 79.3), (140.1, 77.0), (147.1, 76.5), (155.5, 76.5)),
    *((111.5, 93.6), (111.5, 105.4), (111.5, 116.6), (111.5, 126.1), (100.2, 135.7)),
    *((106.5, 135.8), (111.5, 135.3), (116.5, 135.8), (122.8, 135.7), (73.3, 94.9)),
    *((82.2, 91.7), (88.8, 92.3), (97.8, 97.7), (88.3, 98.3), (82.1, 98.5), (124.7, 96.8)),
    *((134.2, 92.3), (140.8, 91.7), (149.7, 94.9), (140.9, 98.5), (132.2, 98.1)),
    *((91.1, 154.1), (101.9, 150.7), (107.1, 145.0), (111.5, 145.8), (115.9, 145.0)),
    *((121.1, 150.7), (131.4, 153.6), (122.6, 162.0), (116.9, 163.2), (111.5, 163.4)),
    *((106.1, 163.2), (100.4, 162.0), (92.2, 153.6), (104.4, 152.9), (111.5, 152.2)),
    *((118.6, 152.9), (129.7, 153.4), (121.0, 153.2), (111.5, 153.3), (102.0, 153.2)),
)

# The first eye is the one on the left of the picture, the person's right one.
_EYES = (slice(36, 42), slice(42, 48))
_CORNERS = (0, 3)  # of the six of an eye
_NOSE_TIP, _MOUTH_CORNERS = 30, (48, 54)


def five(points: tf.Tensor) -> tf.Tensor:
    """The five landmarks that face detectors find, and CelebA's file holds.

    Args:
      points: float32 [..., 68, D], NaN where one is not known.

    Returns:
      float32 [..., 5, D]: the middle of the left eye (left in the picture), of the right eye, the
      tip of the nose, the left and the right corner of the mouth. The middle of an eye is that of
      its six landmarks, or of its corners where the lids are not known.
    """
    points = tf.convert_to_tensor(points)
    eyes = [_middle(points[..., part, :]) for part in _EYES]
    rest = [points[..., index, :] for index in (_NOSE_TIP, *_MOUTH_CORNERS)]
    return tf.stack([*eyes, *rest], axis=-2)


def _middle(eye: tf.Tensor) -> tf.Tensor:
    """The middle [..., D] of the landmarks [..., 6, D] of an eye."""
    complete = tf.reduce_all(tf.math.is_finite(eye), axis=-2)
    corners = tf.reduce_mean(tf.gather(eye, _CORNERS, axis=-2), axis=-2)
    return tf.where(complete, tf.reduce_mean(eye, axis=-2), corners)


def usual_places(known: Array) -> Array:
    """Where all landmarks of a face seen from the front would usually lie.

    Those of the open face model's mean, moved and stretched in x and in y onto the known ones.

    Args:
      known: float [68, 2], (x, y) in pixels, NaN where one is not known; `LEAST` are.

    Returns:
      float64 [68, 2].
    """
    usual = np.array(_PLACES)
    there = np.isfinite(known).all(axis=1)
    columns = []
    for axis in range(2):
        scale, shift = np.polyfit(usual[there, axis], known[there, axis], 1)
        columns.append(scale * usual[:, axis] + shift)
    return np.stack(columns, axis=1)
