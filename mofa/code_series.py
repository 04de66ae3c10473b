"""Series of codes to look at: random people, a face from all sides, a lamp that goes around it."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from mofa import code as codes
from mofa import rendered_faces
from mofa.arrays import Array
from mofa.face_renderer import FaceRenderer, default_light
from mofa.rendering import spherical_harmonics

BATCH = 8


def random_codes(renderer: FaceRenderer, count: int, seed: int) -> Array:
    """Different people, one picture of each: float32 [N, 257]."""
    settings = rendered_faces.Settings(
        identities=count, images_per_identity=1, seed=seed, shift=0.0, depth=0.0
    )
    return rendered_faces.draw_codes(renderer, settings)


def turntable(chosen: Array, steps: int = 9) -> Array:
    """Each code from the left to the right: float32 [N * steps, 257]."""
    result = np.repeat(chosen, steps, axis=0)
    result[:, codes.SLICES["rotation"]] = 0.0
    result[:, codes.SLICES["translation"]] = 0.0
    yaw = codes.SLICES["rotation"].start + 1
    result[:, yaw] = np.tile(np.linspace(-1.2, 1.2, steps), len(chosen))
    result[:, codes.SLICES["light"]] = 0.0
    return result


def light_sweep(chosen: Array, steps: int = 9) -> Array:
    """Each code from the front under a lamp that goes from left to right: [N * steps, 257]."""
    result = np.repeat(chosen, steps, axis=0)
    result[:, codes.SLICES["rotation"]] = 0.0
    result[:, codes.SLICES["translation"]] = 0.0
    angle = np.linspace(-1.5, 1.5, steps)
    toward = np.stack((np.sin(angle), np.full(steps, 0.3), np.cos(angle)), axis=1)
    toward /= np.linalg.norm(toward, axis=1, keepdims=True)
    lamp = spherical_harmonics.directional_light(tf.constant(toward, tf.float32)).numpy()
    light = np.repeat(0.85 * lamp[:, :, None], 3, axis=2)
    light[:, 0] += 0.28 * spherical_harmonics.UNIT_AMBIENT
    change = (light - default_light()).reshape(steps, 27)
    result[:, codes.SLICES["light"]] = np.tile(change, (len(chosen), 1))
    return result


def pictures(renderer: FaceRenderer, chosen: Array, background: float = 0.92) -> Array:
    """float32 [N, H, W, 3] in [0, 1], a few at a time."""
    parts = [
        renderer.render(chosen[start : start + BATCH]).over(background).numpy()
        for start in range(0, len(chosen), BATCH)
    ]
    return np.concatenate(parts)
