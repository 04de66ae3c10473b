"""Attacked images as 8-bit files hold them, still within the budget of the attack.

Rounding to the nearest level can leave the ball: 7.65 levels become 8. Here a change that does not
fit is rounded towards the original, so that what is stored has changed no more than was allowed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike, NDArray

from attacks.images import as_floats
from attacks.norms import Norm, check_norm

LEVELS = 255

_SLACK = 1e-6
"""Relative: 8 / 255 is eight levels, also in float32."""

_SNAP = 1e-4
"""Levels: an original this near to a whole level came from an 8-bit file."""

_CHUNK = 32
"""Images at a time, whose levels are computed in float64."""

_HALVINGS = 20


def whole_levels(epsilon: float) -> int:
    """By how many of 255 grey levels an 8-bit pixel may change: floor(255 epsilon)."""
    return math.floor(LEVELS * float(epsilon) * (1.0 + _SLACK))


def with_levels(epsilons: Iterable[float], reach: float = 1.0) -> str:
    """Budgets in L-infinity with what they are in stored images, for the notes of a table.

    Args:
      epsilons: the budgets.
      reach: radius of the ball of a budget of 1, see `Attack.radii`.

    Returns:
      For example `0.02, 0.03 and 0.04 (5, 7 and 10 grey levels)`.
    """
    epsilons = list(epsilons)
    counts = [whole_levels(reach * epsilon) for epsilon in epsilons]
    levels = "grey level" if counts == [1] else "grey levels"
    return f"{_listed(f'{e:.4g}' for e in epsilons)} ({_listed(map(str, counts))} {levels})"


def _listed(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def stored(
    perturbed: np.ndarray,
    images: np.ndarray | tf.Tensor,
    radii: ArrayLike,
    norm: str = "linf",
) -> NDArray[np.uint8]:
    """Attacked images as 8-bit files hold them.

    A pixel of an original with whole levels changes by at most floor(255 radius) of them
    (L-infinity), an image by at most the radius (L2); a pixel that the attack left alone stays. Of
    an original between the levels the nearest level that lies in the ball is taken, and where the
    ball holds none, the original itself, rounded.

    In L2 each change goes to one of the two levels beside it, those first to the farther one that
    lose most by the nearer, as far as the length of the perturbation allows.

    Args:
      perturbed: float `[K, N, H, W, C]` or `[N, H, W, C]` in [0, 1], within the radii.
      images: the originals, float `[N, H, W, C]` in [0, 1], or uint8.
      radii: of the balls, in the unit of images in [0, 1]: one, or `[K]`, or `[K, N]`; for
        `[N, H, W, C]` one, or `[N]`.
      norm: `linf` or `l2`.

    Returns:
      uint8 of the shape of `perturbed`.

    Raises:
      ValueError: the shapes do not fit, or another norm.
    """
    perturbed, images, radii = np.asarray(perturbed), np.asarray(images), np.asarray(radii, float)
    if images.ndim != 4 or perturbed.shape[-4:] != images.shape or perturbed.ndim not in (4, 5):
        raise ValueError(
            f"perturbed must be [K, N, H, W, C] or [N, H, W, C] for images [N, H, W, C], got "
            f"shapes {perturbed.shape} and {images.shape}."
        )
    images = as_floats(images)
    if radii.ndim == 1 and perturbed.ndim == 5:
        radii = radii[:, np.newaxis]
    radii = np.broadcast_to(radii, perturbed.shape[:-3])
    result = np.empty(perturbed.shape, np.uint8)
    for row in np.ndindex(perturbed.shape[:-4]):
        for start in range(0, len(images), _CHUNK):
            part = slice(start, start + _CHUNK)
            levels = _levels(
                tf.constant(perturbed[row][part]),
                tf.constant(images[part]),
                tf.constant(radii[row][part]),
                check_norm(norm),
            )
            result[row][part] = levels.numpy()
    return result


def change(
    kept: NDArray[np.uint8], images: np.ndarray | tf.Tensor, norm: str = "linf"
) -> NDArray[np.float64]:
    """By how much stored images differ from their originals, in the unit of images in [0, 1].

    Args:
      kept: uint8 `[..., N, H, W, C]`.
      images: the originals, float `[N, H, W, C]` in [0, 1], or uint8.
      norm: `linf` or `l2`.

    Returns:
      `[..., N]`; of originals with whole levels exactly k / 255 in L-infinity.
    """
    origin = _snapped(LEVELS * tf.constant(as_floats(np.asarray(images)), tf.float64)).numpy()
    difference = kept.astype(np.float64) - origin
    axes = (-3, -2, -1)
    if check_norm(norm) == "linf":
        return np.asarray(np.abs(difference).max(axis=axes) / LEVELS)
    return np.asarray(np.sqrt(np.square(difference).sum(axis=axes)) / LEVELS)


def round_within(
    perturbed: tf.Tensor, images: tf.Tensor, radii: tf.Tensor, norm: Norm = "linf"
) -> tf.Tensor:
    """`stored` for tensors, within a function that is being compiled.

    Args:
      perturbed: float `[N, H, W, C]` in [0, 1].
      images: float `[N, H, W, C]` in [0, 1].
      radii: float `[N]`.
      norm: of the balls.

    Returns:
      float32 `[N, H, W, C]` in [0, 1], whole levels.
    """
    return tf.cast(_levels(perturbed, images, radii, norm), tf.float32) / float(LEVELS)


def _levels(perturbed: tf.Tensor, images: tf.Tensor, radii: tf.Tensor, norm: Norm) -> tf.Tensor:
    """Whole levels, float64 `[N, H, W, C]`."""
    x, origin = (_snapped(LEVELS * tf.cast(each, tf.float64)) for each in (perturbed, images))
    radius = (LEVELS * (1.0 + _SLACK)) * tf.cast(radii, tf.float64)
    if norm == "linf":
        return _within_reach(x, origin, radius[:, tf.newaxis, tf.newaxis, tf.newaxis])
    flat = [tf.shape(x)[0], -1]
    found = _within_length(tf.reshape(x, flat), tf.reshape(origin, flat), radius)
    return tf.reshape(found, tf.shape(x))


def _snapped(levels: tf.Tensor) -> tf.Tensor:
    nearest = tf.round(levels)
    return tf.where(tf.abs(levels - nearest) < _SNAP, nearest, levels)


def _within_reach(x: tf.Tensor, origin: tf.Tensor, radius: tf.Tensor) -> tf.Tensor:
    """The level nearest to x of those that lie within the radius of the original."""
    lowest, highest = tf.math.ceil(origin - radius), tf.floor(origin + radius)
    found = tf.maximum(lowest, tf.minimum(highest, tf.round(x)))
    return tf.where(lowest <= highest, found, tf.round(origin))


def _within_length(x: tf.Tensor, origin: tf.Tensor, radius: tf.Tensor) -> tf.Tensor:
    """Levels `[N, D]` beside x whose distance to the original `[N, D]` is at most the radius."""
    near, far = _neighbours(x, origin)
    cost = tf.square(far - origin) - tf.square(near - origin)
    gain = tf.square(near - x) - tf.square(far - x)
    # As long as x is, or as rounding to nearest would make it, up to the radius.
    nearest = tf.where(gain > 0.0, far, near)
    wanted = tf.maximum(_square(x - origin), _square(nearest - origin))
    room = tf.minimum(wanted, tf.square(radius)) - _square(near - origin)
    # The larger gain for its cost goes first, which is best for the distance to x and for how far
    # the change goes along that of x alike.
    order = tf.argsort(tf.math.divide_no_nan(gain, cost), direction="DESCENDING", stable=True)
    spent = tf.cumsum(tf.gather(cost, order, batch_dims=1), axis=1)
    goes_far = tf.gather(spent <= room[:, tf.newaxis], tf.argsort(order), batch_dims=1)
    found = tf.where(goes_far, far, near)
    # Only originals between the levels can still be too far away.
    outside = _square(found - origin) > tf.square(radius)
    return tf.cond(
        tf.reduce_any(outside),
        lambda: tf.where(outside[:, tf.newaxis], _shrunk(x, origin, radius), found),
        lambda: found,
    )


def _neighbours(x: tf.Tensor, origin: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The levels on both sides of x, the one that is nearer to the original first.

    They are the same where x is a whole level, and where it is the original: its nearest level.
    """
    below, above = tf.floor(x), tf.math.ceil(x)
    swap = tf.abs(above - origin) < tf.abs(below - origin)
    near, far = tf.where(swap, above, below), tf.where(swap, below, above)
    untouched, nearest = x == origin, tf.round(x)
    return tf.where(untouched, nearest, near), tf.where(untouched, nearest, far)


def _square(difference: tf.Tensor) -> tf.Tensor:
    """Squared length of each row."""
    return tf.reduce_sum(tf.square(difference), axis=1)


def _shrunk(x: tf.Tensor, origin: tf.Tensor, radius: tf.Tensor) -> tf.Tensor:
    """The perturbation shrunk until its rounded image lies in the ball; by bisection."""
    low, high = tf.zeros_like(radius), tf.ones_like(radius)

    def at(share: tf.Tensor) -> tf.Tensor:
        return tf.round(origin + share[:, tf.newaxis] * (x - origin))

    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        inside = _square(at(middle) - origin) <= tf.square(radius)
        low, high = tf.where(inside, middle, low), tf.where(inside, high, middle)
    return at(low)
